#include "query/lexer.h"

#include <algorithm>
#include <array>

#include "base/limits.h"

namespace tally {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool begins_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (static_cast<uint8_t>(c) & 0x80) != 0;
}
bool continues_word(char c) { return begins_word(c) || is_digit(c) || c == '$'; }

constexpr auto kReserved = std::to_array<std::string_view>(
    {"all",       "and",   "as",     "asc",    "between", "case",  "cast",  "create", "desc",
     "distinct",  "else",  "end",    "except", "false",   "from",  "group", "having", "in",
     "intersect", "is",    "join",   "like",   "limit",   "not",   "null",  "offset", "on",
     "or",        "order", "select", "then",   "true",    "union", "when",  "where",  "with"});

constexpr auto kLongSymbols = std::to_array<std::string_view>({"<=", ">=", "<>", "!=", "::", "||"});
constexpr std::string_view kSymbols = "()+-*/%,.;=<>";

// Length of the UTF-8 character at `text`, 0 if there is none: no overlong forms, surrogates or values past U+10FFFF.
size_t character_length(std::string_view text) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    bool bad = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F);
    return !bad && continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    bool bad = (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F);
    return !bad && continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool Token::is_word(std::string_view word) const {
  if (kind != TokenKind::kWord || text.size() != word.size()) return false;
  return std::equal(text.begin(), text.end(), word.begin(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; });
}

std::string Token::value() const {
  if (kind == TokenKind::kWord) return lower_case(text);
  if (kind == TokenKind::kParameter) return std::string(text.substr(1));
  if (kind != TokenKind::kString && kind != TokenKind::kQuotedName) return std::string(text);
  std::string result;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    result += text[i];
    if (text[i] == text.front()) ++i;  // a doubled quote
  }
  return result;
}

std::string Token::describe() const {
  if (kind == TokenKind::kEnd) return "the end of the statement";
  if (kind == TokenKind::kString || kind == TokenKind::kQuotedName) return printable(text);
  return quoted(text);
}

Sql<void> check_text(std::string_view sql) {
  if (sql.size() > limits::kSqlBytesMax) {
    return sql_fail(std::nullopt, "the statement is longer than " + std::to_string(limits::kSqlBytesMax) + " bytes", {},
                    Code::kLimitExceeded);
  }
  for (size_t i = 0; i < sql.size();) {
    size_t length = character_length(sql.substr(i, 4));
    if (length == 0) return sql_fail(static_cast<uint32_t>(i), "the statement is not valid UTF-8");
    if (sql[i] == '\0') return sql_fail(static_cast<uint32_t>(i), "the statement holds a NUL character");
    i += length;
  }
  return {};
}

Token Lexer::token(TokenKind kind, size_t end) {
  Token result{kind, static_cast<uint32_t>(at_), sql_.substr(at_, end - at_)};
  at_ = end;
  return result;
}

Sql<void> Lexer::skip_space() {
  while (at_ < sql_.size()) {
    if (is_space(sql_[at_])) {
      ++at_;
    } else if (at(at_) == '-' && at(at_ + 1) == '-') {
      at_ = std::min(sql_.find('\n', at_), sql_.size());
    } else if (at(at_) == '/' && at(at_ + 1) == '*') {
      size_t start = at_, depth = 0;
      do {
        if (at_ >= sql_.size()) return sql_fail(static_cast<uint32_t>(start), "a comment without its end");
        bool opens = at(at_) == '/' && at(at_ + 1) == '*', closes = at(at_) == '*' && at(at_ + 1) == '/';
        depth += opens ? 1 : 0;
        depth -= closes ? 1 : 0;
        at_ += opens || closes ? 2 : 1;
      } while (depth > 0);
    } else {
      break;
    }
  }
  return {};
}

Sql<Token> Lexer::next() {
  SQL_TRY(skip_space());
  char c = at(at_);
  if (at_ >= sql_.size()) return token(TokenKind::kEnd, at_);
  if (begins_word(c)) return word();
  if (is_digit(c) || (c == '.' && is_digit(at(at_ + 1)))) return number();
  if (c == '\'') return quoted(c, TokenKind::kString);
  if (c == '"') return quoted(c, TokenKind::kQuotedName);
  if (c == '$' && is_digit(at(at_ + 1))) {
    size_t end = at_ + 1;
    while (is_digit(at(end))) ++end;
    return token(TokenKind::kParameter, end);
  }
  return symbol();
}

Token Lexer::word() {
  size_t end = at_;
  while (end < sql_.size() && continues_word(sql_[end])) ++end;
  return token(TokenKind::kWord, end);
}

Sql<Token> Lexer::quoted(char quote, TokenKind kind) {
  size_t end = at_ + 1;
  while (true) {
    end = sql_.find(quote, end);
    if (end == std::string_view::npos) {
      return sql_fail(static_cast<uint32_t>(at_),
                      kind == TokenKind::kString ? "a string without its closing '" : "a name without its closing \"");
    }
    if (at(end + 1) != quote) break;
    end += 2;
  }
  if (kind == TokenKind::kQuotedName && end == at_ + 1) {
    return sql_fail(static_cast<uint32_t>(at_), "a name must not be empty");
  }
  return token(kind, end + 1);
}

Sql<Token> Lexer::number() {
  size_t end = at_;
  while (is_digit(at(end))) ++end;
  if (at(end) == '.') ++end;
  while (is_digit(at(end))) ++end;
  if (at(end) == 'e' || at(end) == 'E') {
    size_t digits = end + (at(end + 1) == '-' || at(end + 1) == '+' ? 2 : 1);
    if (is_digit(at(digits))) {
      end = digits;
      while (is_digit(at(end))) ++end;
    }
  }
  if (begins_word(at(end))) {
    while (continues_word(at(end))) ++end;
    return sql_fail(static_cast<uint32_t>(at_),
                    "neither a number nor a name: " + tally::quoted(sql_.substr(at_, end - at_)));
  }
  return token(TokenKind::kNumber, end);
}

Sql<Token> Lexer::symbol() {
  for (std::string_view symbol : kLongSymbols) {
    if (sql_.substr(at_, 2) == symbol) return token(TokenKind::kSymbol, at_ + 2);
  }
  if (kSymbols.find(sql_[at_]) != std::string_view::npos) return token(TokenKind::kSymbol, at_ + 1);
  return sql_fail(static_cast<uint32_t>(at_), "unexpected character " + tally::quoted(sql_.substr(at_, 1)));
}

bool is_reserved(std::string_view word) {
  return std::find(kReserved.begin(), kReserved.end(), word) != kReserved.end();
}

}  // namespace tally

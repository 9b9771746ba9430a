// SQL text to tokens, one at a time. Words are folded to lower case unless quoted; comments (-- and nested /* */) are
// space. Nothing is copied: a token is a piece of the text. The text must be UTF-8 without NUL (check_text).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "query/sql_error.h"

namespace tally {

enum class TokenKind : uint8_t { kEnd, kWord, kQuotedName, kString, kNumber, kParameter, kSymbol };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  uint32_t offset = 0;
  std::string_view text;  // as written, quotes included

  uint32_t end() const { return offset + static_cast<uint32_t>(text.size()); }
  bool is_word(std::string_view lower_case_word) const;  // unquoted
  bool is_symbol(std::string_view symbol) const { return kind == TokenKind::kSymbol && text == symbol; }
  // The word folded, the string or quoted name without quotes, the parameter's digits.
  std::string value() const;
  std::string describe() const;  // for messages: `"FROM"`, `the end of the statement`
};

// Too long, not UTF-8, or holding NUL.
Sql<void> check_text(std::string_view sql);

class Lexer {
 public:
  explicit Lexer(std::string_view sql) : sql_(sql) {}
  Sql<Token> next();

 private:
  Sql<void> skip_space();
  Sql<Token> quoted(char quote, TokenKind kind);
  Sql<Token> number();
  Sql<Token> symbol();
  Token word();
  Token token(TokenKind kind, size_t end);
  char at(size_t position) const { return position < sql_.size() ? sql_[position] : '\0'; }

  std::string_view sql_;
  size_t at_ = 0;
};

bool is_reserved(std::string_view lower_case_word);  // not usable as a name without quotes

}  // namespace tally

#include "query/lexer.h"

#include <doctest/doctest.h>

#include "base/limits.h"

namespace tally {
namespace {

std::string tokens_of(std::string_view sql) {
  Lexer lexer(sql);
  std::string text;
  while (true) {
    auto token = lexer.next();
    if (!token) return text + "!" + token.error().message;
    if (token->kind == TokenKind::kEnd) return text;
    text += (text.empty() ? "" : "|") + token->value();
  }
}

}  // namespace

TEST_CASE("lexer: words, names, strings, numbers, symbols") {
  CHECK(tokens_of("SELECT Country, \"Land\" FROM ads") == "select|country|,|Land|from|ads");
  CHECK(tokens_of("'it''s' \"a\"\"b\"") == "it's|a\"b");
  CHECK(tokens_of("1 2.5 .5 1e3 1.5E-3 $12 5.") == "1|2.5|.5|1e3|1.5E-3|12|5.");
  CHECK(tokens_of("a<=b<>c!=d::e||f") == "a|<=|b|<>|c|!=|d|::|e||||f");
  CHECK(tokens_of("größe_1") == "größe_1");
}

TEST_CASE("lexer: comments are space, and nest") {
  CHECK(tokens_of("a -- b\nc /* d /* e */ f */ g") == "a|c|g");
  CHECK(tokens_of("a /* /* */") == "a!a comment without its end");
}

TEST_CASE("lexer: what has no end, and what is nothing") {
  CHECK(tokens_of("'abc") == "!a string without its closing '");
  CHECK(tokens_of("\"abc") == "!a name without its closing \"");
  CHECK(tokens_of("\"\"") == "!a name must not be empty");
  CHECK(tokens_of("12abc") == "!neither a number nor a name: \"12abc\"");
  CHECK(tokens_of("a ? b") == "a!unexpected character \"?\"");
}

TEST_CASE("lexer: text must be UTF-8, without NUL, and not too long") {
  CHECK(check_text("größe 漢字 🎉"));
  for (std::string_view bad : {"\xFF", "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80"}) {
    auto checked = check_text(bad);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().message == "the statement is not valid UTF-8");
  }
  CHECK(check_text(std::string_view("a\0b", 3)).error().message == "the statement holds a NUL character");
  CHECK(check_text(std::string(limits::kSqlBytesMax + 1, ' ')).error().code == Code::kLimitExceeded);
}

TEST_CASE("lexer: scripts are split at semicolons outside strings, names and comments") {
  SqlScript script = split_statements("SELECT ';'; -- ;\n SELECT \";\" ;; /* ; */ SELECT 3");
  REQUIRE(script.statements.size() == 3);
  CHECK(script.statements[0] == "SELECT ';'");
  CHECK(script.statements[2] == " /* ; */ SELECT 3");
  CHECK_FALSE(script.complete);
  CHECK(split_statements("SELECT 1;").complete);
  CHECK(split_statements("  -- nothing").complete);
  CHECK_FALSE(split_statements("SELECT 'open").complete);
}

}  // namespace tally

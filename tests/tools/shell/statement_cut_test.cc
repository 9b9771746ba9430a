#include "tools/shell/statement_cut.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "query/lexer.h"
#include "query/query.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

struct All {
  std::vector<std::string> pieces;
  Unfinished unfinished = Unfinished::kNothing;
};

All cut_all(std::string_view text) {
  All all;
  for (size_t at = 0; const auto cut = cut_statement(text, at, all.unfinished);) {
    at = cut->end;
    all.pieces.push_back(std::string(cut->statement) + (cut->command.empty() ? "" : "|" + std::string(cut->command)));
  }
  return all;
}

TEST_CASE("cut: statements, commands, and what an unfinished text waits for") {
  using Pieces = std::vector<std::string>;
  const struct {
    const char* text;
    Pieces pieces;
    Unfinished unfinished;
  } cases[] = {
      {"", {}, Unfinished::kNothing},
      {"  \n-- nothing\n/* at /* all */ */ ", {}, Unfinished::kNothing},
      {"SELECT 1;", {"SELECT 1"}, Unfinished::kNothing},
      {"SELECT 1; SELECT 2", {"SELECT 1"}, Unfinished::kStatement},
      {"SELECT ';', \"a;b\" -- ;\n/* ; */;", {"SELECT ';', \"a;b\" -- ;\n/* ; */"}, Unfinished::kNothing},
      {"SELECT 'it''s;'", {}, Unfinished::kStatement},
      {"SELECT 'it''s;", {}, Unfinished::kString},
      {"SELECT \"a\n", {}, Unfinished::kQuotedName},
      {"SELECT 1 /* ", {}, Unfinished::kComment},
      {"SELECT 1 /* /* */", {}, Unfinished::kComment},
      {"\\d ads", {"|\\d ads"}, Unfinished::kNothing},
      {"  \\x on\nSELECT 1", {"|\\x on"}, Unfinished::kStatement},
      {"SELECT 1 \\watch 2\n\\q", {"SELECT 1|\\watch 2", "|\\q"}, Unfinished::kNothing},
      {"SELECT '\\n' \\g", {"SELECT '\\n'|\\g"}, Unfinished::kNothing},
      {"SELECT 1; \\d a;", {"SELECT 1", "|\\d a;"}, Unfinished::kNothing},
  };
  for (const auto& given : cases) {
    CAPTURE(given.text);
    const All all = cut_all(given.text);
    CHECK(all.pieces == given.pieces);
    CHECK(all.unfinished == given.unfinished);
  }
}

// An empty quoted name and the like: the language gives up there, and what follows is nobody's.
bool lexes(std::string_view text) {
  Lexer lexer(text);
  while (true) {
    const Sql<Token> token = lexer.next();
    if (!token) return false;
    if (token->kind == TokenKind::kEnd) return true;
  }
}

TEST_CASE("cut: without backslashes it agrees with the language's own splitting") {
  const uint64_t seed = test_seed(72);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const char* parts[] = {"SELECT", " ", "'a'", "'", "\"", "\"b\"", ";", "--", "\n", "/*", "*/", "''", "x", "*", "/"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (uint64_t count = random() % 14; count > 0; --count) text += parts[random() % std::size(parts)];
    CAPTURE(text);
    Unfinished unfinished = Unfinished::kNothing;
    for (size_t at = 0; const auto cut = cut_statement(text, at, unfinished);) at = cut->end;
    if (!lexes(text)) continue;
    const SqlScript theirs = split_statements(text);
    CHECK((unfinished == Unfinished::kNothing) == theirs.complete);
  }
}

}  // namespace
}  // namespace tally

#include "tools/shell/statement_words.h"

#include <initializer_list>

#include "query/lexer.h"

namespace tally {

namespace {

bool begins_with(std::string_view sql, std::initializer_list<std::string_view> words) {
  const Sql<Token> first = Lexer(sql).next();
  if (!first) return false;
  for (std::string_view word : words) {
    if (first->is_word(word)) return true;
  }
  return false;
}

}  // namespace

bool only_reads(std::string_view sql) { return begins_with(sql, {"select", "show", "describe", "desc", "explain"}); }
bool changes_tables(std::string_view sql) { return begins_with(sql, {"create", "alter", "drop"}); }

}  // namespace tally

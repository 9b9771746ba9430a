#include "server/sql_outline.h"

#include "query/lexer.h"
#include "server/limits.h"

namespace tally {

std::string sql_outline(std::string_view sql) {
  std::string outline;
  if (!check_text(sql)) return outline;
  Lexer lexer(sql);
  while (true) {
    const Sql<Token> token = lexer.next();
    if (!token || token->kind == TokenKind::kEnd) return outline;
    const bool literal = token->kind == TokenKind::kString || token->kind == TokenKind::kNumber;
    const std::string_view text = literal ? std::string_view("?") : token->text;
    if (outline.size() + 1 + text.size() > limits::kSqlOutlineBytesMax) return outline + " ...";
    if (!outline.empty()) outline += ' ';
    outline += text;
  }
}

}  // namespace tally

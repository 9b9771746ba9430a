// Text to AST: recursive descent for statements, precedence climbing for expressions, with PostgreSQL's precedence:
//
//   ::   unary + -   * / %   + -   ||   [NOT] BETWEEN IN LIKE   < <= = <> >= >   IS   NOT   AND   OR
//
// Bounded whatever the text: depth (limits::kSqlDepthMax), nodes (limits::kSqlNodesMax), IN lists (limits::kSqlListMax).
#pragma once

#include <string_view>

#include "query/ast.h"
#include "query/sql_error.h"

namespace tally {

Sql<Statement> parse_statement(std::string_view sql);  // one statement, with or without a semicolon
Sql<ExprPtr> parse_expression(std::string_view text);  // an expression alone: derived measures

}  // namespace tally

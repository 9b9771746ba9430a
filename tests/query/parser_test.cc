#include "query/parser.h"

#include <doctest/doctest.h>

#include "base/limits.h"

namespace tally {
namespace {

// The tree with every pair of parentheses that it means.
std::string shape(const Expr& expr) {
  auto joined = [&](std::string_view between) {
    std::string text;
    for (const ExprPtr& arg : expr.args) text += (text.empty() ? "" : std::string(between)) + shape(*arg);
    return "(" + text + ")";
  };
  constexpr std::string_view kOps[] = {"+", "-",  "*", "/",  "%",   "||",   "=", "<>",
                                       "<", "<=", ">", ">=", "isd", "isnd", "~"};
  std::string no = expr.negated ? "not-" : "";
  switch (expr.kind) {
    case ExprKind::kBinary: return joined(" " + std::string(kOps[static_cast<size_t>(expr.op)]) + " ");
    case ExprKind::kAnd: return joined(" and ");
    case ExprKind::kOr: return joined(" or ");
    case ExprKind::kNot: return "not" + joined("");
    case ExprKind::kNegate: return "-" + joined("");
    case ExprKind::kIsNull: return no + "null" + joined("");
    case ExprKind::kIsTrue: return no + "true" + joined("");
    case ExprKind::kIn: return no + "in" + joined(", ");
    case ExprKind::kBetween: return no + "between" + joined(", ");
    case ExprKind::kLike: return no + "like" + joined(", ");
    case ExprKind::kCase: return "case" + joined(", ");
    case ExprKind::kCast: return expr.text + joined("");
    case ExprKind::kCall: return expr.text + joined(", ");
    case ExprKind::kName: return (expr.qualifier.empty() ? "" : expr.qualifier + ".") + expr.text;
    default: return expr.text;
  }
}

std::string parsed(std::string_view text) {
  auto expr = parse_expression(text);
  return expr ? shape(**expr) : "error: " + expr.error().message;
}

std::string failure(std::string_view sql) {
  auto statement = parse_statement(sql);
  return statement ? "" : statement.error().message;
}

std::string repeated(std::string_view text, size_t count) {
  std::string result;
  for (size_t i = 0; i < count; ++i) result += text;
  return result;
}

}  // namespace

TEST_CASE("parser: PostgreSQL's precedence") {
  CHECK(parsed("a + b * c - d") == "((a + (b * c)) - d)");
  CHECK(parsed("a or b and not c = d") == "(a or (b and not((c = d))))");
  CHECK(parsed("a and b and c or d or e") == "((a and b and c) or d or e)");
  CHECK(parsed("a = b is null") == "null((a = b))");
  CHECK(parsed("a + 1 between b and c + 2 and d") == "(between((a + 1), b, (c + 2)) and d)");
  CHECK(parsed("a || b like c || d") == "like((a || b), (c || d))");
  CHECK(parsed("not a in (1, 2)") == "not(in(a, 1, 2))");
  CHECK(parsed("a not in (1) = b") == "(not-in(a, 1) = b)");
  CHECK(parsed("-a * b") == "(-(a) * b)");
  CHECK(parsed("-a::int64 % 2") == "(-(int64(a)) % 2)");
  CHECK(parsed("- 5") == "-5");
  CHECK(parsed("a - -5") == "(a - -5)");
  CHECK(parsed("(a or b) and c") == "((a or b) and c)");
  CHECK(parsed("case x when 1 then 2 else 3 end") == "case((x = 1), 2, 3)");
  CHECK(parsed("t.a + t.raw.b") == "(t.a + t.b)");
}

TEST_CASE("parser: what does not chain or stand there") {
  CHECK(parsed("a < b < c") == "error: comparisons do not chain");
  CHECK(parsed("(a < b) = c") == "((a < b) = c)");
  CHECK(parsed("a = not b") == "error: NOT needs parentheses here");
  CHECK(parsed("a +") == "error: expected an expression, found the end of the statement");
  CHECK(parsed("f(a,)") == "error: expected an expression, found \")\"");
}

TEST_CASE("parser: hostile nesting is refused, not recursed into") {
  for (std::string_view opening : {"(", "- ", "NOT ", "f(", "CASE WHEN ", "1 + ("}) {
    std::string text = "SELECT " + repeated(opening, 100'000) + "1";
    CHECK(failure(text).starts_with("the expression is nested more than"));
  }
  CHECK(failure("SELECT 1" + repeated(" + 1", 100'000)).starts_with("the expression is nested more than"));
  CHECK(failure("SELECT 1" + repeated("::int64", 100'000)).starts_with("the expression is nested more than"));
  CHECK(failure("SELECT " + repeated("CASE a + b + c WHEN 1 THEN ", 150) + "1").size() > 0);
}

TEST_CASE("parser: long flat texts parse, up to their limits") {
  CHECK(failure("SELECT a" + repeated(" AND a", 100'000)).empty());
  CHECK(failure("SELECT a IN (1" + repeated(",1", 100'000 - 1) + ")").empty());
  CHECK(failure("SELECT a IN (1" + repeated(",1", limits::kSqlListMax) + ")").starts_with("an IN list has more than"));
  CHECK(failure("SELECT 1" + repeated(",1", limits::kSqlNodesMax)).starts_with("the statement has more than"));
}

TEST_CASE("parser: a statement of every kind") {
  auto select = parse_statement(
      "SELECT DISTINCT a x, b AS \"Y\" FROM t.raw r WHERE a GROUP BY 1, b HAVING c ORDER BY a DESC NULLS LAST LIMIT 5 "
      "OFFSET 2;");
  REQUIRE(select);
  const auto& tree = std::get<SelectStatement>(*select);
  CHECK(tree.items[1].alias == "Y");
  CHECK(tree.from->raw);
  CHECK(tree.from->alias == "r");
  CHECK_FALSE(tree.order_by[0].nulls_first);
  CHECK(std::holds_alternative<ShowTablesStatement>(*parse_statement("show tables")));
  CHECK(std::get<DescribeStatement>(*parse_statement("DESC t")).table == "t");
  CHECK(std::holds_alternative<ExplainStatement>(*parse_statement("EXPLAIN SELECT 1")));
  auto create =
      parse_statement("CREATE TABLE t (ts TIMESTAMP EVENT TIME, n MEASURE COUNT WHERE a  =  'x', r MEASURE AS n / 2)");
  REQUIRE(create);
  const auto& table = std::get<CreateTableStatement>(*create);
  CHECK(table.columns[1].expression_text == "a  =  'x'");
  CHECK(table.columns[2].expression_text == "n / 2");
}

TEST_CASE("parser: an error shows its place") {
  std::string sql = "SELECT größe,\n  a +* b\nFROM t";
  auto statement = parse_statement(sql);
  REQUIRE_FALSE(statement);
  QueryError error = to_query_error(sql, statement.error());
  CHECK(error.error.message == "* stands alone in a select list or in COUNT(*) at 2:6");
  CHECK(error.render(sql) == "* stands alone in a select list or in COUNT(*) at 2:6\n    a +* b\n       ^");
}

}  // namespace tally

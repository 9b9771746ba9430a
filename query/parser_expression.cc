#include <algorithm>

#include "base/limits.h"
#include "query/parser_impl.h"

namespace tally {
namespace {

// Higher binds tighter.
enum Precedence : int {
  kNone = 0,
  kOrLevel = 1,
  kAndLevel = 2,
  kNotLevel = 3,
  kIsLevel = 4,
  kCompareLevel = 5,
  kMatchLevel = 6,
  kConcatLevel = 7,
  kAddLevel = 8,
  kMultiplyLevel = 9,
};

struct Operator {
  std::string_view symbol;
  BinaryOp op;
  int precedence;
};
constexpr Operator kOperators[] = {
    {"=", BinaryOp::kEqual, kCompareLevel},
    {"<>", BinaryOp::kNotEqual, kCompareLevel},
    {"!=", BinaryOp::kNotEqual, kCompareLevel},
    {"<", BinaryOp::kLess, kCompareLevel},
    {"<=", BinaryOp::kLessEqual, kCompareLevel},
    {">", BinaryOp::kGreater, kCompareLevel},
    {">=", BinaryOp::kGreaterEqual, kCompareLevel},
    {"||", BinaryOp::kConcat, kConcatLevel},
    {"+", BinaryOp::kAdd, kAddLevel},
    {"-", BinaryOp::kSubtract, kAddLevel},
    {"*", BinaryOp::kMultiply, kMultiplyLevel},
    {"/", BinaryOp::kDivide, kMultiplyLevel},
    {"%", BinaryOp::kRemainder, kMultiplyLevel},
};

constexpr std::string_view kOneTable = "; a query reads one table";

const Operator* find_operator(const Token& token) {
  if (token.kind != TokenKind::kSymbol) return nullptr;
  for (const Operator& candidate : kOperators) {
    if (candidate.symbol == token.text) return &candidate;
  }
  return nullptr;
}

bool is_comparison(const Expr& expr) {
  return expr.kind == ExprKind::kBinary && expr.op >= BinaryOp::kEqual && expr.op <= BinaryOp::kGreaterEqual;
}

ExprPtr copy(const Expr& from) {
  auto result = std::make_unique<Expr>();
  result->kind = from.kind;
  result->op = from.op;
  result->negated = from.negated;
  result->distinct = from.distinct;
  result->has_else = from.has_else;
  result->parenthesized = from.parenthesized;
  result->quoted = from.quoted;
  result->precision = from.precision;
  result->scale = from.scale;
  result->depth = from.depth;
  result->offset = from.offset;
  result->text = from.text;
  result->qualifier = from.qualifier;
  for (const ExprPtr& arg : from.args) result->args.push_back(copy(*arg));
  return result;
}

uint64_t count_nodes(const Expr& expr) {
  uint64_t count = 1;
  for (const ExprPtr& arg : expr.args) count += count_nodes(*arg);
  return count;
}

std::unexpected<SqlError> too_deep(uint32_t offset) {
  return sql_fail(offset, "the expression is nested more than " + std::to_string(limits::kSqlDepthMax) + " levels deep",
                  {}, Code::kLimitExceeded);
}

std::unexpected<SqlError> too_large(uint32_t offset) {
  return sql_fail(offset, "the statement has more than " + std::to_string(limits::kSqlNodesMax) + " parts", {},
                  Code::kLimitExceeded);
}

}  // namespace

Sql<void> Parser::check_depth() const {
  if (depth_ > limits::kSqlDepthMax) return too_deep(now_.offset);
  return {};
}

Sql<void> Parser::adopt(Expr& parent, ExprPtr child) {
  if (child->depth >= limits::kSqlDepthMax) return too_deep(child->offset);
  parent.depth = std::max<uint16_t>(parent.depth, static_cast<uint16_t>(child->depth + 1));
  parent.args.push_back(std::move(child));
  return {};
}

Sql<ExprPtr> Parser::node(ExprKind kind, uint32_t offset, std::vector<ExprPtr> args) {
  if (++nodes_ > limits::kSqlNodesMax) return too_large(offset);
  auto result = std::make_unique<Expr>();
  result->kind = kind;
  result->offset = offset;
  for (ExprPtr& arg : args) SQL_TRY(adopt(*result, std::move(arg)));
  return result;
}

int Parser::infix_precedence() const {
  if (const Operator* op = find_operator(now_)) return op->precedence;
  if (now_.is_word("or")) return kOrLevel;
  if (now_.is_word("and")) return kAndLevel;
  if (now_.is_word("is")) return kIsLevel;
  bool matches = now_.is_word("in") || now_.is_word("between") || now_.is_word("like") || now_.is_word("ilike");
  bool negated = now_.is_word("not") &&
                 (next_.is_word("in") || next_.is_word("between") || next_.is_word("like") || next_.is_word("ilike"));
  return matches || negated ? kMatchLevel : kNone;
}

Sql<ExprPtr> Parser::expression(int least_precedence) {
  Level level(depth_);
  SQL_TRY(check_depth());
  ExprPtr left;
  if (now_.is_word("not")) {
    if (least_precedence > kNotLevel) {
      return sql_fail(now_.offset, "NOT needs parentheses here", ": (NOT ...)");
    }
    SQL_ASSIGN(Token token, take());
    SQL_ASSIGN(ExprPtr operand, expression(kNotLevel));
    std::vector<ExprPtr> args;
    args.push_back(std::move(operand));
    SQL_ASSIGN(left, node(ExprKind::kNot, token.offset, std::move(args)));
  } else {
    SQL_ASSIGN(left, unary());
  }
  for (int precedence = infix_precedence(); precedence != kNone && precedence >= least_precedence;
       precedence = infix_precedence()) {
    SQL_ASSIGN(left, infix(std::move(left), precedence));
  }
  return left;
}

Sql<ExprPtr> Parser::infix(ExprPtr left, int precedence) {
  if (precedence == kIsLevel) return is_test(std::move(left));
  if (precedence == kMatchLevel) return negatable(std::move(left));
  const Operator* op = find_operator(now_);
  if (op != nullptr && precedence == kCompareLevel && is_comparison(*left) && !left->parenthesized) {
    return sql_fail(now_.offset, "comparisons do not chain", "; write a < b AND b < c");
  }
  SQL_ASSIGN(Token token, take());
  SQL_ASSIGN(ExprPtr right, expression(precedence + 1));
  if (precedence == kAndLevel || precedence == kOrLevel) {
    ExprKind kind = precedence == kAndLevel ? ExprKind::kAnd : ExprKind::kOr;
    if (left->kind == kind && !left->parenthesized) {  // a AND b AND c is one node, so that long chains are flat
      SQL_TRY(adopt(*left, std::move(right)));
      return left;
    }
    std::vector<ExprPtr> args;
    args.push_back(std::move(left));
    args.push_back(std::move(right));
    return node(kind, token.offset, std::move(args));
  }
  std::vector<ExprPtr> args;
  args.push_back(std::move(left));
  args.push_back(std::move(right));
  SQL_ASSIGN(ExprPtr result, node(ExprKind::kBinary, token.offset, std::move(args)));
  result->op = op->op;
  return result;
}

Sql<ExprPtr> Parser::is_test(ExprPtr left) {
  SQL_ASSIGN(Token is, take());
  SQL_ASSIGN(bool negated, accept_word("not"));
  std::vector<ExprPtr> args;
  args.push_back(std::move(left));
  if (now_.is_word("distinct")) {
    SQL_TRY(take());
    SQL_TRY(expect_word("from"));
    SQL_ASSIGN(ExprPtr right, expression(kIsLevel + 1));
    args.push_back(std::move(right));
    SQL_ASSIGN(ExprPtr result, node(ExprKind::kBinary, is.offset, std::move(args)));
    result->op = negated ? BinaryOp::kNotDistinctFrom : BinaryOp::kDistinctFrom;
    return result;
  }
  ExprKind kind = ExprKind::kIsNull;
  if (now_.is_word("true"))
    kind = ExprKind::kIsTrue;
  else if (now_.is_word("false"))
    kind = ExprKind::kIsFalse;
  else if (!now_.is_word("null"))
    return unexpected_here("NULL, TRUE, FALSE or DISTINCT FROM");
  SQL_TRY(take());
  SQL_ASSIGN(ExprPtr result, node(kind, is.offset, std::move(args)));
  result->negated = negated;
  return result;
}

// [NOT] IN, BETWEEN, LIKE, ILIKE.
Sql<ExprPtr> Parser::negatable(ExprPtr left) {
  uint32_t offset = now_.offset;
  SQL_ASSIGN(bool negated, accept_word("not"));
  SQL_ASSIGN(bool in, accept_word("in"));
  if (in) return in_list(std::move(left), negated, offset);
  std::vector<ExprPtr> args;
  args.push_back(std::move(left));
  SQL_ASSIGN(bool between, accept_word("between"));
  bool folded = now_.is_word("ilike");
  if (!between) SQL_TRY(take());
  SQL_ASSIGN(ExprPtr first, expression(kMatchLevel + 1));
  args.push_back(std::move(first));
  if (between) {
    SQL_TRY(expect_word("and"));
    SQL_ASSIGN(ExprPtr last, expression(kMatchLevel + 1));
    args.push_back(std::move(last));
  }
  SQL_ASSIGN(ExprPtr result, node(between ? ExprKind::kBetween : ExprKind::kLike, offset, std::move(args)));
  result->negated = negated;
  result->op = folded ? BinaryOp::kEqualFolded : BinaryOp::kEqual;
  return result;
}

Sql<ExprPtr> Parser::in_list(ExprPtr left, bool negated, uint32_t offset) {
  SQL_TRY(expect_symbol("("));
  if (now_.is_word("select")) return unsupported_here("a subquery", kOneTable);
  std::vector<ExprPtr> args;
  args.push_back(std::move(left));
  SQL_ASSIGN(ExprPtr result, node(ExprKind::kIn, offset, std::move(args)));
  result->negated = negated;
  while (true) {
    if (result->args.size() > limits::kSqlListMax) {
      return sql_fail(now_.offset, "an IN list has more than " + std::to_string(limits::kSqlListMax) + " values", {},
                      Code::kLimitExceeded);
    }
    SQL_ASSIGN(ExprPtr value, expression());
    SQL_TRY(adopt(*result, std::move(value)));
    SQL_ASSIGN(bool more, accept_symbol(","));
    if (!more) break;
  }
  if (!now_.is_symbol(")")) return unexpected_here("\",\" or \")\"");
  SQL_TRY(take());
  return result;
}

Sql<ExprPtr> Parser::unary() {
  bool minus = now_.is_symbol("-");
  if (!minus && !now_.is_symbol("+")) return postfix();
  Level level(depth_);
  SQL_TRY(check_depth());
  SQL_ASSIGN(Token token, take());
  bool literal_follows = now_.kind == TokenKind::kNumber;
  SQL_ASSIGN(ExprPtr operand, unary());
  if (!minus) return operand;
  if (literal_follows && operand->kind == ExprKind::kNumber && operand->text.front() != '-') {
    operand->text.insert(0, 1, '-');
    operand->offset = token.offset;
    return operand;
  }
  std::vector<ExprPtr> args;
  args.push_back(std::move(operand));
  return node(ExprKind::kNegate, token.offset, std::move(args));
}

Sql<ExprPtr> Parser::postfix() {
  SQL_ASSIGN(ExprPtr result, primary());
  while (now_.is_symbol("::")) {
    SQL_ASSIGN(Token token, take());
    std::vector<ExprPtr> args;
    args.push_back(std::move(result));
    SQL_ASSIGN(result, node(ExprKind::kCast, token.offset, std::move(args)));
    SQL_TRY(cast_type(*result));
  }
  return result;
}

Sql<ExprPtr> Parser::primary() {
  switch (now_.kind) {
    case TokenKind::kNumber: return literal(ExprKind::kNumber);
    case TokenKind::kString: return literal(ExprKind::kString);
    case TokenKind::kParameter: return literal(ExprKind::kParameter);
    case TokenKind::kWord: return word_expression();
    case TokenKind::kQuotedName: return name_or_call();
    default: break;
  }
  if (now_.is_symbol("*")) return sql_fail(now_.offset, "* stands alone in a select list or in COUNT(*)");
  if (now_.is_symbol("=")) return sql_fail(now_.offset, "equality is written with one =");
  if (!now_.is_symbol("(")) return unexpected_here("an expression");
  SQL_TRY(take());
  if (now_.is_word("select")) return unsupported_here("a subquery", kOneTable);
  SQL_ASSIGN(ExprPtr inner, expression());
  SQL_TRY(expect_symbol(")"));
  inner->parenthesized = true;
  return inner;
}

Sql<ExprPtr> Parser::literal(ExprKind kind) {
  SQL_ASSIGN(Token token, take());
  SQL_ASSIGN(ExprPtr result, node(kind, token.offset));
  result->text = token.value();
  return result;
}

// INTERVAL '1 day', TIMESTAMP '2020-01-01'.
Sql<ExprPtr> Parser::typed_string(ExprKind kind) {
  SQL_TRY(take());
  return literal(kind);
}

Sql<ExprPtr> Parser::word_expression() {
  if (now_.is_word("null")) return literal(ExprKind::kNull);
  if (now_.is_word("true") || now_.is_word("false")) return literal(ExprKind::kBool);
  if (now_.is_word("case")) return case_expression();
  if (now_.is_word("cast")) return cast_expression();
  if (now_.is_word("exists") && next_.is_symbol("(")) return unsupported_here("a subquery", kOneTable);
  if (next_.kind == TokenKind::kString) {
    if (now_.is_word("interval")) return typed_string(ExprKind::kInterval);
    if (now_.is_word("timestamp") || now_.is_word("date") || now_.is_word("timestamptz")) {
      return typed_string(ExprKind::kTimestamp);
    }
  }
  if (is_reserved(now_.value())) return unexpected_here("an expression");
  return name_or_call();
}

Sql<ExprPtr> Parser::name_or_call() {
  SQL_ASSIGN(Token token, take());
  if (now_.is_symbol("(")) return call(token);
  SQL_ASSIGN(ExprPtr result, node(ExprKind::kName, token.offset));
  result->text = token.value();
  result->quoted = token.kind == TokenKind::kQuotedName;
  SQL_ASSIGN(bool dotted, accept_symbol("."));
  if (!dotted) return result;
  result->qualifier = std::move(result->text);
  SQL_ASSIGN(result->text, name("a column"));
  SQL_ASSIGN(bool dotted_again, accept_symbol("."));
  if (!dotted_again) return result;
  if (result->text != "raw") return unexpected_here("an operator");  // t.raw.column is t's column
  SQL_ASSIGN(result->text, name("a column"));
  return result;
}

Sql<ExprPtr> Parser::call(const Token& function) {
  if (function.is_word("extract")) {
    return sql_fail(function.offset, "EXTRACT is not supported", "; date_trunc('hour', ts) cuts a time to its hour",
                    Code::kUnsupported);
  }
  SQL_TRY(expect_symbol("("));
  SQL_ASSIGN(ExprPtr result, node(ExprKind::kCall, function.offset));
  result->text = lower_case(function.value());
  SQL_ASSIGN(result->distinct, accept_word("distinct"));
  if (now_.is_word("all")) SQL_TRY(take());
  if (now_.is_symbol("*")) {
    SQL_ASSIGN(Token star, take());
    SQL_ASSIGN(ExprPtr all, node(ExprKind::kStar, star.offset));
    SQL_TRY(adopt(*result, std::move(all)));
  } else if (!now_.is_symbol(")")) {
    for (bool more = true; more;) {
      SQL_ASSIGN(ExprPtr argument, expression());
      SQL_TRY(adopt(*result, std::move(argument)));
      SQL_ASSIGN(more, accept_symbol(","));
    }
  }
  SQL_TRY(expect_symbol(")"));
  if (now_.is_word("over")) return unsupported_here("a window function (OVER)");
  if (now_.is_word("filter") && next_.is_symbol("(")) {
    return unsupported_here("FILTER", "; put a CASE inside the aggregate, or declare a measure with a condition");
  }
  return result;
}

Sql<ExprPtr> Parser::case_expression() {
  SQL_ASSIGN(Token token, take());
  SQL_ASSIGN(ExprPtr result, node(ExprKind::kCase, token.offset));
  ExprPtr subject;
  if (!now_.is_word("when")) {
    SQL_ASSIGN(subject, expression());
  }
  if (!now_.is_word("when")) return unexpected_here("WHEN");
  while (now_.is_word("when")) {
    SQL_ASSIGN(Token when, take());
    SQL_ASSIGN(ExprPtr condition, expression());
    if (subject != nullptr) {
      nodes_ += count_nodes(*subject);
      if (nodes_ > limits::kSqlNodesMax) return too_large(when.offset);
      std::vector<ExprPtr> args;
      args.push_back(copy(*subject));
      args.push_back(std::move(condition));
      SQL_ASSIGN(condition, node(ExprKind::kBinary, when.offset, std::move(args)));
      condition->op = BinaryOp::kEqual;
    }
    SQL_TRY(adopt(*result, std::move(condition)));
    SQL_TRY(expect_word("then"));
    SQL_ASSIGN(ExprPtr value, expression());
    SQL_TRY(adopt(*result, std::move(value)));
  }
  SQL_ASSIGN(result->has_else, accept_word("else"));
  if (result->has_else) {
    SQL_ASSIGN(ExprPtr value, expression());
    SQL_TRY(adopt(*result, std::move(value)));
  }
  SQL_TRY(expect_word("end"));
  return result;
}

Sql<ExprPtr> Parser::cast_expression() {
  SQL_ASSIGN(Token token, take());
  SQL_TRY(expect_symbol("("));
  SQL_ASSIGN(ExprPtr operand, expression());
  std::vector<ExprPtr> args;
  args.push_back(std::move(operand));
  SQL_ASSIGN(ExprPtr result, node(ExprKind::kCast, token.offset, std::move(args)));
  SQL_TRY(expect_word("as"));
  SQL_TRY(cast_type(*result));
  SQL_TRY(expect_symbol(")"));
  return result;
}

Sql<void> Parser::cast_type(Expr& cast) {
  SQL_ASSIGN(cast.text, name("a type"));
  if (cast.text == "double" && now_.is_word("precision")) SQL_TRY(take());
  if (!now_.is_symbol("(")) return {};
  uint32_t offset = now_.offset;
  SQL_TRY(take());
  SQL_ASSIGN(uint64_t precision, integer("a number of digits"));
  uint64_t scale = 0;
  SQL_ASSIGN(bool has_scale, accept_symbol(","));
  if (has_scale) {
    SQL_ASSIGN(scale, integer("a number of digits"));
  }
  SQL_TRY(expect_symbol(")"));
  if (precision < 1 || precision > 38 || scale > precision) {
    return sql_fail(offset, "DECIMAL(p, s) wants p of 1 to 38 and s of 0 to p");
  }
  cast.precision = static_cast<uint8_t>(precision);
  cast.scale = static_cast<uint8_t>(scale);
  return {};
}

}  // namespace tally

#include <algorithm>

#include "base/limits.h"
#include "query/binder_impl.h"
#include "query/evaluate.h"

namespace tally {
namespace {

Op to_op(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd: return Op::kAdd;
    case BinaryOp::kSubtract: return Op::kSubtract;
    case BinaryOp::kMultiply: return Op::kMultiply;
    case BinaryOp::kDivide: return Op::kDivide;
    case BinaryOp::kRemainder: return Op::kRemainder;
    case BinaryOp::kConcat: return Op::kConcat;
    case BinaryOp::kEqual:
    case BinaryOp::kEqualFolded: return Op::kEqual;
    case BinaryOp::kNotEqual: return Op::kNotEqual;
    case BinaryOp::kLess: return Op::kLess;
    case BinaryOp::kLessEqual: return Op::kLessEqual;
    case BinaryOp::kGreater: return Op::kGreater;
    case BinaryOp::kGreaterEqual: return Op::kGreaterEqual;
    case BinaryOp::kDistinctFrom: return Op::kDistinctFrom;
    case BinaryOp::kNotDistinctFrom: return Op::kNotDistinctFrom;
  }
  return Op::kEqual;
}

// The type of a arithmetic operation, nullopt if there is none. Both types are known.
std::optional<SqlType> arithmetic_type(Op op, SqlType a, SqlType b) {
  using enum SqlType;
  if (is_numeric(a) && is_numeric(b)) {
    bool whole = a == kInt64 && b == kInt64 && op != Op::kDivide;
    return whole ? kInt64 : kDecimal;
  }
  if (op == Op::kAdd && ((a == kTimestamp && b == kInterval) || (a == kInterval && b == kTimestamp))) return kTimestamp;
  if (op == Op::kSubtract && a == kTimestamp && b == kInterval) return kTimestamp;
  if (op == Op::kSubtract && a == kTimestamp && b == kTimestamp) return kInterval;
  if ((op == Op::kAdd || op == Op::kSubtract) && a == kInterval && b == kInterval) return kInterval;
  if (op == Op::kMultiply && ((a == kInterval && is_numeric(b)) || (is_numeric(a) && b == kInterval))) return kInterval;
  return std::nullopt;
}

std::string_view verb(Op op) {
  switch (op) {
    case Op::kAdd: return "add";
    case Op::kSubtract: return "subtract";
    case Op::kMultiply: return "multiply";
    default: return "divide";
  }
}

std::unexpected<SqlError> too_many_parts(std::optional<uint32_t> offset) {
  return sql_fail(offset, "the statement has too many parts", "; the limit is " + std::to_string(limits::kSqlNodesMax),
                  Code::kLimitExceeded);
}

}  // namespace

BoundExprPtr Binder::make(Op op, SqlType type, const Expr& expr, std::vector<BoundExprPtr> args) {
  auto result = std::make_unique<BoundExpr>();
  result->op = op;
  result->type = type;
  result->offset = at(expr);
  result->args = std::move(args);
  result->hash = structure_hash(*result);
  return result;
}

BoundExprPtr Binder::constant(Datum value, const Expr& expr) {
  BoundExprPtr result = make(Op::kConstant, value.type, expr);
  result->constant = std::move(value);
  result->hash = structure_hash(*result);
  return result;
}

BoundExprPtr Binder::folded(BoundExprPtr expr) {
  return binding_ == Binding::kPlain ? std::move(expr) : computed(std::move(expr));
}

BoundExprPtr computed(BoundExprPtr expr) {
  for (BoundExprPtr& arg : expr->args) arg = computed(std::move(arg));
  bool ready = !expr->args.empty() &&
               std::all_of(expr->args.begin(), expr->args.end(), [](const auto& arg) { return is_constant(*arg); });
  if (!ready) return expr;
  auto value = evaluate_constant(*expr);
  if (!value) return expr;
  auto result = std::make_unique<BoundExpr>();
  result->type = value->is_null() ? expr->type : value->type;  // NULLIF(1, 1) stays a number, whatever it is
  result->offset = expr->offset;
  result->constant = *std::move(value);
  result->hash = structure_hash(*result);
  return result;
}

Sql<BoundExprPtr> Binder::counted_copy(const BoundExpr& from, const Expr& expr) {
  copied_nodes_ += node_count(from);
  if (copied_nodes_ > 2 * uint64_t{limits::kSqlNodesMax}) return too_many_parts(at(expr));
  return copy(from);
}

Sql<BoundExprPtr> Binder::bind_at(Place place, const Expr& expr) {
  Restored<Place> scope(place_, place);
  return bind(expr);
}

Sql<BoundExprPtr> Binder::bind_condition(Place place, const Expr& expr, std::string_view what) {
  SQL_ASSIGN(BoundExprPtr result, bind_at(place, expr));
  SQL_TRY(want_condition(result, what));
  return result;
}

Sql<BoundExprPtr> Binder::bind(const Expr& expr) {
  if (++copied_nodes_ > 2 * uint64_t{limits::kSqlNodesMax}) return too_many_parts(at(expr));
  switch (expr.kind) {
    case ExprKind::kNull:
    case ExprKind::kBool:
    case ExprKind::kNumber:
    case ExprKind::kString:
    case ExprKind::kInterval:
    case ExprKind::kTimestamp: return literal(expr);
    case ExprKind::kParameter: return parameter(expr);
    case ExprKind::kName: return name(expr);
    case ExprKind::kStar: return sql_fail(at(expr), "* stands alone in a select list or in COUNT(*)");
    case ExprKind::kCall: return call(expr);
    case ExprKind::kBinary: return binary(expr);
    case ExprKind::kAnd:
    case ExprKind::kOr:
    case ExprKind::kNot:
    case ExprKind::kIsTrue:
    case ExprKind::kIsFalse: return logic(expr);
    case ExprKind::kIn: return in_list(expr);
    case ExprKind::kBetween: return between(expr);
    case ExprKind::kLike: return like(expr);
    case ExprKind::kCase: return case_of(expr);
    case ExprKind::kCast: return cast(expr);
    case ExprKind::kNegate: {
      SQL_ASSIGN(BoundExprPtr operand, bind(*expr.args[0]));
      if (operand->type != SqlType::kInterval) SQL_TRY(want_number(operand, "-"));
      SqlType type = operand->type;
      std::vector<BoundExprPtr> args;
      args.push_back(std::move(operand));
      return folded(make(Op::kNegate, type, expr, std::move(args)));
    }
    case ExprKind::kIsNull: {
      SQL_ASSIGN(BoundExprPtr operand, bind(*expr.args[0]));
      std::vector<BoundExprPtr> args;
      args.push_back(std::move(operand));
      BoundExprPtr result = make(Op::kIsNull, SqlType::kBool, expr, std::move(args));
      result->negated = expr.negated;
      result->hash = structure_hash(*result);
      return folded(std::move(result));
    }
  }
  return sql_fail(at(expr), "an expression that nobody knows", {}, Code::kInternal);
}

Sql<BoundExprPtr> Binder::literal(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNull: return constant({}, expr);
    case ExprKind::kBool: return constant(Datum::of_bool(expr.text == "true"), expr);
    case ExprKind::kNumber: {
      auto number = parse_numeric(expr.text);
      if (!number) return sql_fail(at(expr), "the number has more than 38 digits", {}, Code::kLimitExceeded);
      return constant(Datum::of_number(*number), expr);
    }
    default: break;
  }
  BoundExprPtr result = constant(Datum::of_text(expr.text), expr);
  result->untyped = true;
  if (expr.kind == ExprKind::kInterval) SQL_TRY(become(result, SqlType::kInterval));
  if (expr.kind == ExprKind::kTimestamp) SQL_TRY(become(result, SqlType::kTimestamp));
  return result;
}

Sql<BoundExprPtr> Binder::parameter(const Expr& expr) {
  size_t number = expr.text.size() > 6 ? SIZE_MAX : std::stoul(expr.text);
  if (number == 0) return sql_fail(at(expr), "parameters count from $1");
  if (number > parameters_.size()) {
    return sql_fail(at(expr), "parameter $" + printable(expr.text, 20) + " has no value",
                    "; " + std::to_string(parameters_.size()) + " given");
  }
  Result<Datum> value = to_datum(parameters_[number - 1]);
  if (!value) {
    return sql_fail(at(expr), "$" + std::to_string(number) + " " + value.error().message, {}, value.error().code);
  }
  BoundExprPtr result = constant(*std::move(value), expr);
  result->untyped = result->type == SqlType::kString;
  return result;
}

Sql<BoundExprPtr> Binder::binary(const Expr& expr) {
  SQL_ASSIGN(BoundExprPtr left, bind(*expr.args[0]));
  SQL_ASSIGN(BoundExprPtr right, bind(*expr.args[1]));
  Op op = to_op(expr.op);
  if (op == Op::kConcat) {
    std::vector<BoundExprPtr> args;
    args.push_back(std::move(left));
    args.push_back(std::move(right));
    return folded(make(op, SqlType::kString, expr, std::move(args)));
  }
  if (op >= Op::kAdd && op <= Op::kRemainder) return arithmetic(expr, op, std::move(left), std::move(right));
  return comparison(expr, op, std::move(left), std::move(right));
}

Sql<BoundExprPtr> Binder::arithmetic(const Expr& expr, Op op, BoundExprPtr left, BoundExprPtr right) {
  // An untyped literal beside a timestamp is an interval, beside anything else what stands there.
  auto partner = [op](SqlType type) {
    return type == SqlType::kTimestamp && op == Op::kAdd ? SqlType::kInterval : type;
  };
  if (left->untyped && right->untyped) SQL_TRY(become(left, SqlType::kDecimal));
  SQL_TRY(become(left, partner(right->type)));
  SQL_TRY(become(right, partner(left->type)));
  std::optional<SqlType> type;
  if (left->type == SqlType::kNull || right->type == SqlType::kNull) {
    type = SqlType::kNull;
  } else {
    type = arithmetic_type(op, left->type, right->type);
  }
  if (!type) {
    std::string hint;
    if (left->type == SqlType::kTimestamp || right->type == SqlType::kTimestamp)
      hint = op == Op::kSubtract ? "; write ts - INTERVAL '1 hour'" : "; write ts + INTERVAL '1 hour'";
    const std::string first(type_name(left->type)), second(type_name(right->type));
    const std::string what = op == Op::kSubtract ? second + " from " + first : first + " and " + second;
    return sql_fail(at(expr), "cannot " + std::string(verb(op)) + " " + what, hint);
  }
  std::vector<BoundExprPtr> args;
  args.push_back(std::move(left));
  args.push_back(std::move(right));
  return folded(make(op, *type, expr, std::move(args)));
}

Sql<BoundExprPtr> Binder::comparison(const Expr& expr, Op op, BoundExprPtr left, BoundExprPtr right) {
  SQL_TRY(unify(left, right));
  std::vector<BoundExprPtr> args;
  args.push_back(std::move(left));
  args.push_back(std::move(right));
  return folded(make(op, SqlType::kBool, expr, std::move(args)));
}

Sql<BoundExprPtr> Binder::logic(const Expr& expr) {
  Op op = expr.kind == ExprKind::kAnd      ? Op::kAnd
          : expr.kind == ExprKind::kOr     ? Op::kOr
          : expr.kind == ExprKind::kNot    ? Op::kNot
          : expr.kind == ExprKind::kIsTrue ? Op::kIsTrue
                                           : Op::kIsFalse;
  std::string_view what = op == Op::kAnd ? "AND" : op == Op::kOr ? "OR" : op == Op::kNot ? "NOT" : "IS TRUE";
  std::vector<BoundExprPtr> args;
  for (const ExprPtr& arg : expr.args) {
    SQL_ASSIGN(BoundExprPtr operand, bind(*arg));
    SQL_TRY(want_condition(operand, what));
    args.push_back(std::move(operand));
  }
  BoundExprPtr result = make(op, SqlType::kBool, expr, std::move(args));
  result->negated = expr.negated;
  result->hash = structure_hash(*result);
  return folded(std::move(result));
}

Sql<BoundExprPtr> Binder::in_list(const Expr& expr) {
  SQL_ASSIGN(BoundExprPtr subject, bind(*expr.args[0]));
  auto set = std::make_shared<InSet>();
  std::vector<BoundExprPtr> computed;
  for (size_t i = 1; i < expr.args.size(); ++i) {
    SQL_ASSIGN(BoundExprPtr value, bind(*expr.args[i]));
    SQL_TRY(unify(subject, value));
    if (!is_constant(*value)) {
      SQL_ASSIGN(BoundExprPtr again, counted_copy(*subject, expr));
      SQL_ASSIGN(BoundExprPtr equal, comparison(*expr.args[i], Op::kEqual, std::move(again), std::move(value)));
      computed.push_back(std::move(equal));
    } else if (value->constant.is_null()) {
      set->has_null = true;
    } else if (set->keys.insert(datum_key(value->constant)).second) {
      set->values.push_back(std::move(value->constant));
    }
  }
  std::vector<BoundExprPtr> args;
  args.push_back(std::move(subject));
  BoundExprPtr result = make(Op::kIn, SqlType::kBool, expr, std::move(args));
  result->negated = expr.negated && computed.empty();
  result->set = std::move(set);
  result->hash = structure_hash(*result);
  result = folded(std::move(result));
  if (computed.empty()) return result;
  computed.push_back(std::move(result));
  result = folded(make(Op::kOr, SqlType::kBool, expr, std::move(computed)));
  if (!expr.negated) return result;
  args.clear();
  args.push_back(std::move(result));
  return folded(make(Op::kNot, SqlType::kBool, expr, std::move(args)));
}

Sql<BoundExprPtr> Binder::between(const Expr& expr) {
  SQL_ASSIGN(BoundExprPtr subject, bind(*expr.args[0]));
  SQL_ASSIGN(BoundExprPtr low, bind(*expr.args[1]));
  SQL_ASSIGN(BoundExprPtr high, bind(*expr.args[2]));
  SQL_TRY(unify(subject, low));
  SQL_ASSIGN(BoundExprPtr again, counted_copy(*subject, expr));
  SQL_ASSIGN(BoundExprPtr above, comparison(expr, Op::kGreaterEqual, std::move(subject), std::move(low)));
  SQL_ASSIGN(BoundExprPtr below, comparison(expr, Op::kLessEqual, std::move(again), std::move(high)));
  std::vector<BoundExprPtr> args;
  args.push_back(std::move(above));
  args.push_back(std::move(below));
  BoundExprPtr result = folded(make(Op::kAnd, SqlType::kBool, expr, std::move(args)));
  if (!expr.negated) return result;
  args.clear();
  args.push_back(std::move(result));
  return folded(make(Op::kNot, SqlType::kBool, expr, std::move(args)));
}

Sql<BoundExprPtr> Binder::like(const Expr& expr) {
  SQL_ASSIGN(BoundExprPtr subject, bind(*expr.args[0]));
  SQL_ASSIGN(BoundExprPtr pattern, bind(*expr.args[1]));
  bool text = (subject->type == SqlType::kString || subject->type == SqlType::kNull) &&
              (pattern->type == SqlType::kString || pattern->type == SqlType::kNull);
  if (!text)
    return sql_fail(at(expr),
                    "LIKE compares strings, not " +
                        std::string(type_name(subject->type == SqlType::kString ? pattern->type : subject->type)));
  pattern = computed(std::move(pattern));
  if (!is_constant(*pattern)) return sql_fail(pattern->offset, "the pattern of LIKE must be a constant");
  auto prepared = std::make_shared<LikePattern>(pattern->constant.text, expr.op == BinaryOp::kEqualFolded);
  std::vector<BoundExprPtr> args;
  args.push_back(std::move(subject));
  args.push_back(std::move(pattern));
  BoundExprPtr result = make(Op::kLike, SqlType::kBool, expr, std::move(args));
  result->negated = expr.negated;
  result->cast_scale = expr.op == BinaryOp::kEqualFolded ? 1 : 0;  // so that LIKE and ILIKE are not the same
  result->pattern = std::move(prepared);
  result->hash = structure_hash(*result);
  return folded(std::move(result));
}

Sql<BoundExprPtr> Binder::case_of(const Expr& expr) {
  std::vector<BoundExprPtr> args;
  std::vector<size_t> results;
  for (size_t i = 0; i < expr.args.size(); ++i) {
    SQL_ASSIGN(BoundExprPtr arg, bind(*expr.args[i]));
    bool condition = i % 2 == 0 && !(expr.has_else && i + 1 == expr.args.size());
    if (condition) {
      SQL_TRY(want_condition(arg, "WHEN"));
    } else {
      results.push_back(i);
    }
    args.push_back(std::move(arg));
  }
  std::vector<BoundExprPtr*> branches;
  for (size_t i : results) branches.push_back(&args[i]);
  SQL_ASSIGN(SqlType type, common_type(std::move(branches), "CASE"));
  return folded(make(Op::kCase, type, expr, std::move(args)));
}

uint64_t node_count(const BoundExpr& expr) {
  uint64_t count = 1;
  for (const BoundExprPtr& arg : expr.args) count += node_count(*arg);
  return count;
}

bool contains_aggregate(const BoundExpr& expr) {
  if (expr.op == Op::kAggregate) return true;
  return std::any_of(expr.args.begin(), expr.args.end(), [](const auto& arg) { return contains_aggregate(*arg); });
}

bool reads_columns(const BoundExpr& expr) {
  if (expr.op == Op::kSlot) return true;
  return std::any_of(expr.args.begin(), expr.args.end(), [](const auto& arg) { return reads_columns(*arg); });
}

}  // namespace tally

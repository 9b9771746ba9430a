#include "query/condition_builder.h"

#include <utility>

#include "query/numeric.h"

namespace tally {
namespace {

class ConditionBuilder {
 public:
  explicit ConditionBuilder(const Schema& schema) : schema_(schema) {}

  Sql<Condition> build(const Expr& expr) {
    if (++nodes_ > kConditionNodesMax || ++depth_ > kConditionDepthMax) {
      return sql_fail(expr.offset, "the condition is too long or nested too deep", {}, Code::kLimitExceeded);
    }
    auto result = build_node(expr);
    --depth_;
    return result;
  }

 private:
  Sql<Condition> build_node(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kAnd: return joined(Condition::Op::kAnd, expr);
      case ExprKind::kOr: return joined(Condition::Op::kOr, expr);
      case ExprKind::kNot: return joined(Condition::Op::kNot, expr);
      case ExprKind::kBinary: return comparison(expr);
      case ExprKind::kIn: return in_list(expr);
      case ExprKind::kBetween: return between(expr);
      case ExprKind::kIsNull: {
        SQL_ASSIGN(const Column* column, column_of(*expr.args[0]));
        return of(expr.negated ? Condition::Op::kIsNotNull : Condition::Op::kIsNull, *column);
      }
      default: break;
    }
    return sql_fail(expr.offset, "a condition here compares columns with constants",
                    ": =, <>, <, <=, >, >=, IN, BETWEEN, IS NULL, joined by AND, OR, NOT");
  }

  static Condition of(Condition::Op op, const Column& column) {
    Condition result;
    result.op = op;
    result.column_id = column.id;
    return result;
  }

  static Condition negation(Condition inner) {
    Condition result;
    result.op = Condition::Op::kNot;
    result.children.push_back(std::move(inner));
    return result;
  }

  Sql<Condition> joined(Condition::Op op, const Expr& expr) {
    Condition result;
    result.op = op;
    for (const ExprPtr& arg : expr.args) {
      SQL_ASSIGN(Condition child, build(*arg));
      result.children.push_back(std::move(child));
    }
    return result;
  }

  Sql<Condition> comparison(const Expr& expr) {
    using Op = Condition::Op;
    Op op;
    switch (expr.op) {
      case BinaryOp::kEqual: op = Op::kEq; break;
      case BinaryOp::kNotEqual: op = Op::kNe; break;
      case BinaryOp::kLess: op = Op::kLt; break;
      case BinaryOp::kLessEqual: op = Op::kLe; break;
      case BinaryOp::kGreater: op = Op::kGt; break;
      case BinaryOp::kGreaterEqual: op = Op::kGe; break;
      default: return sql_fail(expr.offset, "a condition here compares columns with constants and does not compute");
    }
    bool turned = expr.args[0]->kind != ExprKind::kName;
    SQL_ASSIGN(const Column* column, column_of(*expr.args[turned ? 1 : 0]));
    if (turned) {
      constexpr std::pair<Op, Op> kMirrored[] = {
          {Op::kLt, Op::kGt}, {Op::kLe, Op::kGe}, {Op::kGt, Op::kLt}, {Op::kGe, Op::kLe}};
      Op written = op;
      for (auto [from, to] : kMirrored) op = written == from ? to : op;
    }
    Condition result = of(op, *column);
    SQL_ASSIGN(Value value, constant(*expr.args[turned ? 0 : 1], *column));
    result.values.push_back(std::move(value));
    return result;
  }

  Sql<Condition> in_list(const Expr& expr) {
    SQL_ASSIGN(const Column* column, column_of(*expr.args[0]));
    Condition result = of(Condition::Op::kIn, *column);
    for (size_t i = 1; i < expr.args.size(); ++i) {
      if (++nodes_ > kConditionNodesMax)
        return sql_fail(expr.offset, "the condition is too long", {}, Code::kLimitExceeded);
      SQL_ASSIGN(Value value, constant(*expr.args[i], *column));
      result.values.push_back(std::move(value));
    }
    return expr.negated ? negation(std::move(result)) : result;
  }

  Sql<Condition> between(const Expr& expr) {
    SQL_ASSIGN(const Column* column, column_of(*expr.args[0]));
    Condition low = of(Condition::Op::kGe, *column), high = of(Condition::Op::kLe, *column);
    SQL_ASSIGN(Value first, constant(*expr.args[1], *column));
    SQL_ASSIGN(Value last, constant(*expr.args[2], *column));
    low.values.push_back(std::move(first));
    high.values.push_back(std::move(last));
    Condition result;
    result.op = Condition::Op::kAnd;
    result.children.push_back(std::move(low));
    result.children.push_back(std::move(high));
    return expr.negated ? negation(std::move(result)) : result;
  }

  Sql<const Column*> column_of(const Expr& expr) {
    if (expr.kind != ExprKind::kName) return sql_fail(expr.offset, "a condition here compares a column with constants");
    const Column* column = schema_.find_column(expr.text);
    if (column == nullptr) {
      std::vector<std::string> names;
      for (const Column& known : schema_.columns) names.push_back(known.name);
      return sql_fail(expr.offset, "unknown column " + quoted(expr.text), did_you_mean(expr.text, names));
    }
    if (column->role != ColumnRole::kDimension && column->role != ColumnRole::kField) {
      return sql_fail(expr.offset, "a condition here looks at dimensions and fields, not at " + quoted(expr.text));
    }
    return column;
  }

  Sql<Value> constant(const Expr& expr, const Column& column) {
    if (expr.kind == ExprKind::kNull) {
      return sql_fail(expr.offset, "a comparison with NULL is never true", "; write IS NULL or IS NOT NULL");
    }
    if (column.type == ColumnType::kString) {
      if (expr.kind == ExprKind::kString) return Value(expr.text);
      return sql_fail(expr.offset, quoted(column.name) + " is STRING and is compared with a string, like 'click'");
    }
    bool literal = expr.kind == ExprKind::kNumber || expr.kind == ExprKind::kString;
    auto number = literal ? parse_numeric(expr.text) : std::nullopt;
    if (!number) return sql_fail(expr.offset, quoted(column.name) + " is a number and is compared with a number");
    Numeric exact = normalized(*number);
    if (exact.scale > column.scale) {
      return sql_fail(expr.offset,
                      expr.text + " has more digits after the point than " + quoted(column.name) + " keeps");
    }
    auto scaled = rescale(exact, column.scale);
    if (!scaled || scaled->value > INT64_MAX || scaled->value < INT64_MIN) {
      return sql_fail(expr.offset, expr.text + " does not fit " + quoted(column.name));
    }
    return Value(static_cast<int64_t>(scaled->value));
  }

  const Schema& schema_;
  unsigned nodes_ = 0, depth_ = 0;
};

}  // namespace

Sql<Condition> build_condition(const Expr& expr, const Schema& schema) { return ConditionBuilder(schema).build(expr); }

}  // namespace tally

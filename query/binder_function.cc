#include <algorithm>
#include <array>

#include "query/binder_impl.h"

namespace tally {
namespace {

struct FunctionInfo {
  std::string_view name;
  Op op;
  size_t least, most;
};
constexpr size_t kAny = 1000;
constexpr auto kFunctions = std::to_array<FunctionInfo>({
    {"abs", Op::kAbs, 1, 1},
    {"round", Op::kRound, 1, 2},
    {"trunc", Op::kTrunc, 1, 2},
    {"floor", Op::kFloor, 1, 1},
    {"ceil", Op::kCeil, 1, 1},
    {"ceiling", Op::kCeil, 1, 1},
    {"mod", Op::kRemainder, 2, 2},
    {"coalesce", Op::kCoalesce, 1, kAny},
    {"nullif", Op::kNullIf, 2, 2},
    {"greatest", Op::kGreatest, 1, kAny},
    {"least", Op::kLeast, 1, kAny},
    {"lower", Op::kLower, 1, 1},
    {"upper", Op::kUpper, 1, 1},
    {"length", Op::kLength, 1, 1},
});
constexpr auto kOthers = std::to_array<std::string_view>(
    {"time_bucket", "date_trunc", "now", "sum", "count", "min", "max", "avg", "approx_count_distinct"});

// Functions of other databases, and how their work is done here.
struct Foreign {
  std::string_view name, instead;
};
constexpr auto kForeign = std::to_array<Foreign>({
    {"if", "CASE WHEN condition THEN a ELSE b END"},
    {"iif", "CASE WHEN condition THEN a ELSE b END"},
    {"ifnull", "COALESCE(a, b)"},
    {"isnull", "a IS NULL"},
    {"nvl", "COALESCE(a, b)"},
    {"date", "date_trunc('day', ts)"},
    {"todate", "date_trunc('day', ts)"},
    {"year", "date_trunc('year', ts)"},
    {"month", "date_trunc('month', ts)"},
    {"day", "date_trunc('day', ts)"},
    {"hour", "date_trunc('hour', ts)"},
    {"minute", "date_trunc('minute', ts)"},
    {"date_bin", "time_bucket('1 hour', ts)"},
    {"tostartofhour", "date_trunc('hour', ts)"},
    {"histogram", "time_bucket('1 hour', ts)"},
    {"uniq", "APPROX_COUNT_DISTINCT(x)"},
    {"approx_distinct", "APPROX_COUNT_DISTINCT(x)"},
    {"count_distinct", "COUNT(DISTINCT x)"},
    {"average", "AVG(x)"},
    {"mean", "AVG(x)"},
    {"concat", "a || b"},
    {"len", "LENGTH(x)"},
    {"char_length", "LENGTH(x)"},
    {"tostring", "x::STRING"},
});

std::string instead_of(std::string_view function) {
  for (const Foreign& known : kForeign) {
    if (known.name == function) return "; write " + std::string(known.instead);
  }
  return {};
}

const FunctionInfo* find_function(std::string_view name) {
  auto found = std::find_if(kFunctions.begin(), kFunctions.end(), [&](const auto& info) { return info.name == name; });
  return found == kFunctions.end() ? nullptr : &*found;
}

std::vector<std::string> function_names() {
  std::vector<std::string> names(kOthers.begin(), kOthers.end());
  for (const FunctionInfo& info : kFunctions) names.emplace_back(info.name);
  return names;
}

struct TypeName {
  std::string_view name;
  SqlType type;
};
constexpr auto kTypes = std::to_array<TypeName>({
    {"int64", SqlType::kInt64},
    {"bigint", SqlType::kInt64},
    {"int", SqlType::kInt64},
    {"integer", SqlType::kInt64},
    {"int8", SqlType::kInt64},
    {"decimal", SqlType::kDecimal},
    {"numeric", SqlType::kDecimal},
    {"string", SqlType::kString},
    {"text", SqlType::kString},
    {"varchar", SqlType::kString},
    {"timestamp", SqlType::kTimestamp},
    {"timestamptz", SqlType::kTimestamp},
    {"boolean", SqlType::kBool},
    {"bool", SqlType::kBool},
    {"interval", SqlType::kInterval},
});

bool can_cast(SqlType from, SqlType to) {
  using enum SqlType;
  if (from == to || from == kNull || to == kString || from == kString) return to != kInterval || from != kString;
  if (is_numeric(from) && is_numeric(to)) return true;
  return from == kBool && to == kInt64;
}

}  // namespace

Sql<std::vector<BoundExprPtr>> Binder::arguments(const Expr& expr) {
  std::vector<BoundExprPtr> args;
  for (const ExprPtr& arg : expr.args) {
    SQL_ASSIGN(BoundExprPtr bound, bind(*arg));
    args.push_back(std::move(bound));
  }
  return args;
}

Sql<BoundExprPtr> Binder::call(const Expr& expr) {
  if (is_aggregate_name(expr.text)) return aggregate_call(expr);
  if (expr.distinct)
    return sql_fail(at(expr), "DISTINCT belongs into COUNT(DISTINCT x), not into " + upper_case(expr.text));
  if (expr.text == "time_bucket" || expr.text == "date_trunc") return bucket(expr);
  if (expr.text == "now") {
    if (!expr.args.empty()) return sql_fail(at(expr), "now() takes no argument");
    return constant(Datum::of_time(now_), expr);
  }
  const FunctionInfo* info = find_function(expr.text);
  if (info == nullptr) {
    std::string hint = instead_of(expr.text);
    if (hint.empty()) hint = did_you_mean(expr.text, function_names());
    return sql_fail(at(expr), "unknown function " + quoted(expr.text), hint);
  }
  if (expr.args.size() < info->least || expr.args.size() > info->most) {
    std::string wanted = info->most == kAny ? "at least " + counted(info->least, "argument")
                         : info->least == info->most
                             ? counted(info->least, "argument")
                             : std::to_string(info->least) + " or " + counted(info->most, "argument");
    return sql_fail(at(expr), upper_case(expr.text) + " wants " + wanted + ", not " + std::to_string(expr.args.size()));
  }
  SQL_ASSIGN(std::vector<BoundExprPtr> args, arguments(expr));
  return function(expr, info->op, std::move(args));
}

Sql<BoundExprPtr> Binder::function(const Expr& expr, Op op, std::vector<BoundExprPtr> args) {
  std::string name = upper_case(expr.text);
  SqlType type = SqlType::kInt64;
  if (op == Op::kRemainder) return arithmetic(expr, op, std::move(args[0]), std::move(args[1]));
  if (op == Op::kCoalesce || op == Op::kGreatest || op == Op::kLeast) {
    std::vector<BoundExprPtr*> branches;
    for (BoundExprPtr& arg : args) branches.push_back(&arg);
    SQL_ASSIGN(type, common_type(std::move(branches), name));
  } else if (op == Op::kNullIf) {
    SQL_TRY(unify(args[0], args[1]));
    type = args[0]->type;
  } else if (op == Op::kLower || op == Op::kUpper || op == Op::kLength) {
    bool text = args[0]->type == SqlType::kString || args[0]->type == SqlType::kNull;
    if (!text) return sql_fail(args[0]->offset, name + " wants a string, not " + std::string(type_name(args[0]->type)));
    type = op == Op::kLength ? SqlType::kInt64 : SqlType::kString;
  } else {
    for (BoundExprPtr& arg : args) SQL_TRY(want_number(arg, name));
    bool whole = args[0]->type == SqlType::kInt64 || op == Op::kFloor || op == Op::kCeil ||
                 ((op == Op::kRound || op == Op::kTrunc) && args.size() == 1);
    if (op == Op::kAbs) whole = args[0]->type == SqlType::kInt64;
    if ((op == Op::kRound || op == Op::kTrunc) && args.size() == 2) whole = false;
    type = whole ? SqlType::kInt64 : SqlType::kDecimal;
  }
  return folded(make(op, type, expr, std::move(args)));
}

// time_bucket(interval, ts [, zone]), date_trunc(unit, ts [, zone]).
Sql<BoundExprPtr> Binder::bucket(const Expr& expr) {
  bool by_width = expr.text == "time_bucket";
  if (expr.args.size() < 2 || expr.args.size() > 3) {
    return sql_fail(at(expr), by_width ? "write time_bucket('1 hour', ts) or time_bucket('1 hour', ts, 'Europe/Berlin')"
                                       : "write date_trunc('hour', ts) or date_trunc('hour', ts, 'Europe/Berlin')");
  }
  if (expr.args[0]->kind == ExprKind::kName) {
    return sql_fail(at(*expr.args[0]),
                    expr.text + (by_width ? " wants an interval first" : " wants a unit first") + ", in quotes",
                    by_width ? "; write time_bucket('1 hour', ts)" : "; write date_trunc('day', ts)");
  }
  SQL_ASSIGN(std::vector<BoundExprPtr> args, arguments(expr));
  if (by_width) SQL_TRY(become(args[0], SqlType::kInterval));
  SQL_TRY(become(args[1], SqlType::kTimestamp));
  args[0] = computed(std::move(args[0]));
  if (args.size() == 3) args[2] = computed(std::move(args[2]));
  SqlType wanted = by_width ? SqlType::kInterval : SqlType::kString;
  if (!is_constant(*args[0]) || args[0]->type != wanted) {
    return sql_fail(args[0]->offset, expr.text + (by_width ? " wants an interval first, like '1 hour'"
                                                           : " wants a unit first, like 'hour'"));
  }
  if (args[1]->type != SqlType::kTimestamp && args[1]->type != SqlType::kNull) {
    return sql_fail(args[1]->offset, expr.text + " wants a timestamp, not " + std::string(type_name(args[1]->type)));
  }
  std::shared_ptr<const TimeZone> zone;
  if (args.size() == 3) {
    if (!is_constant(*args[2]) || args[2]->type != SqlType::kString) {
      return sql_fail(args[2]->offset, "a time zone is a name like 'Europe/Berlin'");
    }
    auto loaded = TimeZone::load(args[2]->constant.text);
    if (!loaded) return sql_fail(args[2]->offset, loaded.error().message);
    zone = *std::move(loaded);
  }
  auto bucketer = by_width ? Bucketer::of_width(unpack_interval(args[0]->constant.number.value), std::move(zone))
                           : Bucketer::of_unit(lower_case(args[0]->constant.text), std::move(zone));
  if (!bucketer) {
    return sql_fail(args[0]->offset, bucketer.error().message,
                    by_width ? "" : "; there are second, minute, hour, day, week, month, quarter, year");
  }
  std::rotate(args.begin(), args.begin() + 1, args.begin() + 2);  // the time first: it is what is evaluated
  BoundExprPtr result = make(Op::kBucket, SqlType::kTimestamp, expr, std::move(args));
  result->bucketer = std::make_shared<const Bucketer>(*std::move(bucketer));
  return folded(std::move(result));
}

Sql<BoundExprPtr> Binder::cast(const Expr& expr) {
  SQL_ASSIGN(BoundExprPtr operand, bind(*expr.args[0]));
  auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& known) { return known.name == expr.text; });
  if (found == kTypes.end()) {
    return sql_fail(at(expr), "unknown type " + quoted(expr.text),
                    "; there are INT64, DECIMAL(p, s), STRING, TIMESTAMP, BOOLEAN, INTERVAL");
  }
  if (expr.precision > 0 && found->type != SqlType::kDecimal)
    return sql_fail(at(expr), upper_case(expr.text) + " takes no digits");
  if (operand->untyped && (found->type == SqlType::kInterval || found->type == SqlType::kTimestamp)) {
    SQL_TRY(become(operand, found->type));
    return operand;
  }
  if (!can_cast(operand->type, found->type)) {
    return sql_fail(at(expr),
                    std::string(type_name(operand->type)) + " cannot become " + std::string(type_name(found->type)));
  }
  if (operand->type == found->type && expr.precision == 0) {  // it is what it shall become; a literal has its type now
    operand->untyped = false;
    return operand;
  }
  std::vector<BoundExprPtr> args;
  args.push_back(std::move(operand));
  BoundExprPtr result = make(Op::kCast, found->type, expr, std::move(args));
  result->cast_precision = expr.precision;
  result->cast_scale = expr.scale;
  return folded(std::move(result));
}

}  // namespace tally

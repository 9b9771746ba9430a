#include <algorithm>
#include <array>

#include "base/limits.h"
#include "query/binder_impl.h"
#include "query/parser.h"

namespace tally {
namespace {

constexpr unsigned kDerivedDepthMax = 16;

struct AggregateName {
  std::string_view name;
  AggregateFunction function;
};
constexpr auto kAggregates = std::to_array<AggregateName>({
    {"count", AggregateFunction::kCount},
    {"sum", AggregateFunction::kSum},
    {"min", AggregateFunction::kMin},
    {"max", AggregateFunction::kMax},
    {"avg", AggregateFunction::kAverage},
    {"approx_count_distinct", AggregateFunction::kApproxDistinct},
});

AggregateFunction function_of(std::string_view name) {
  auto found =
      std::find_if(kAggregates.begin(), kAggregates.end(), [&](const auto& known) { return known.name == name; });
  return found->function;
}

// How a measure is asked for.
std::string usage(const Measure& measure) {
  switch (measure.kind) {
    case AggregateKind::kCount:
    case AggregateKind::kSum: return "SUM(" + measure.name + ")";
    case AggregateKind::kMin: return "MIN(" + measure.name + ")";
    case AggregateKind::kMax: return "MAX(" + measure.name + ")";
    case AggregateKind::kUnique: return "APPROX_COUNT_DISTINCT(" + measure.name + ")";
    case AggregateKind::kDerived: return measure.name;
  }
  return measure.name;
}

std::string_view kind_name(AggregateKind kind) {
  constexpr std::array<std::string_view, 7> kNames{"", "COUNT", "SUM", "MIN", "MAX", "UNIQUE", "derived"};
  return kNames[static_cast<size_t>(kind)];
}

bool fits(AggregateFunction function, AggregateKind kind) {
  switch (function) {
    case AggregateFunction::kSum: return kind == AggregateKind::kCount || kind == AggregateKind::kSum;
    case AggregateFunction::kMin: return kind == AggregateKind::kMin;
    case AggregateFunction::kMax: return kind == AggregateKind::kMax;
    case AggregateFunction::kApproxDistinct: return kind == AggregateKind::kUnique;
    default: return false;
  }
}

bool is_engine_measure(std::string_view name) {
  return std::find(std::begin(kEngineMeasures), std::end(kEngineMeasures), name) != std::end(kEngineMeasures);
}

}  // namespace

bool is_aggregate_name(std::string_view name) {
  return std::any_of(kAggregates.begin(), kAggregates.end(), [&](const auto& known) { return known.name == name; });
}

std::vector<std::string> Binder::measure_names() const {
  std::vector<std::string> names(std::begin(kEngineMeasures), std::end(kEngineMeasures));
  for (const Measure& known : schema_->measures) names.push_back(known.name);
  return names;
}

std::unexpected<SqlError> Binder::bare_measure(const Measure& measure, const Expr& expr) const {
  return sql_fail(at(expr), quoted(measure.name) + " is a measure and needs its aggregate",
                  "; write " + usage(measure));
}

std::unexpected<SqlError> Binder::unknown_measure(const Expr& expr) const {
  return sql_fail(at(expr), "unknown measure " + quoted(expr.text), did_you_mean(expr.text, measure_names()),
                  Code::kNotFound);
}

Sql<BoundExprPtr> Binder::aggregate_call(const Expr& call) {
  std::string name = upper_case(call.text);
  switch (place_) {
    case Place::kWhere:
      return sql_fail(at(call), "an aggregate is not allowed in WHERE", "; filter groups with HAVING");
    case Place::kGroupBy: return sql_fail(at(call), "an aggregate cannot be grouped by");
    case Place::kArgument: return sql_fail(at(call), "an aggregate inside an aggregate");
    case Place::kLimit: return sql_fail(at(call), "LIMIT and OFFSET take a number");
    default: break;
  }
  if (out_.source == BoundSelect::Source::kOneRow)
    return sql_fail(at(call), name + " without FROM has nothing to aggregate");
  if (call.args.size() != 1) {
    return sql_fail(at(call), name + " wants one argument, not " + std::to_string(call.args.size()),
                    call.text == "count" && call.args.empty() ? "; write COUNT(*)" : "");
  }
  bool star = call.args[0]->kind == ExprKind::kStar;
  if (star && call.text != "count") return sql_fail(at(call), "* is for COUNT(*), not for " + name);
  if (call.distinct && (star || call.text != "count"))
    return sql_fail(at(call), "DISTINCT belongs into COUNT(DISTINCT x)");
  return out_.source == BoundSelect::Source::kTable ? table_aggregate(call) : raw_aggregate(call);
}

// --- on rows ---------------------------------------------------------------------------------------------------------

Sql<BoundExprPtr> Binder::raw_aggregate(const Expr& call) {
  Aggregate aggregate;
  aggregate.filter = add_filter(RowClass::kAll, nullptr);
  aggregate.offset = at(call);
  const Expr& argument = *call.args[0];
  if (argument.kind == ExprKind::kStar) {
    aggregate.name = "COUNT(*)";
    return add_aggregate(std::move(aggregate), call);
  }
  SQL_ASSIGN(aggregate.argument, bind_at(Place::kArgument, argument));
  aggregate.function = call.distinct ? AggregateFunction::kCountDistinct : function_of(call.text);
  std::string name = upper_case(call.text);
  bool arithmetic = aggregate.function == AggregateFunction::kSum || aggregate.function == AggregateFunction::kAverage;
  if (arithmetic) SQL_TRY(want_number(aggregate.argument, name));
  SqlType type = aggregate.argument->type;
  if (aggregate.function == AggregateFunction::kSum) aggregate.type = type;
  if (aggregate.function == AggregateFunction::kAverage) aggregate.type = SqlType::kDecimal;
  if (aggregate.function == AggregateFunction::kMin || aggregate.function == AggregateFunction::kMax)
    aggregate.type = type;
  aggregate.name = name + (call.distinct ? "(DISTINCT ...)" : "(...)");
  return add_aggregate(std::move(aggregate), call);
}

// The declared measure that a call of a field means, for the hint: SUM(cost) is what the measure spend is.
std::string Binder::measure_over(const Column& column, const Expr& call) const {
  for (const Measure& known : schema_->measures) {
    const bool counts = call.text == "count" && known.kind == AggregateKind::kUnique;
    const bool same_work = fits(function_of(call.text), known.kind) || counts;
    if (known.kind != AggregateKind::kCount && known.column_id == column.id && same_work && !known.condition)
      return "; write " + usage(known);
  }
  return "; declare a measure";
}

// --- on measures -----------------------------------------------------------------------------------------------------

Sql<BoundExprPtr> Binder::table_aggregate(const Expr& call) {
  const Expr& argument = *call.args[0];
  if (argument.kind == ExprKind::kStar) {  // events - retracted
    Aggregate aggregate;
    aggregate.filter = add_filter(RowClass::kAdditive, nullptr);
    aggregate.name = "COUNT(*)";
    aggregate.offset = at(call);
    return add_aggregate(std::move(aggregate), call);
  }
  std::string name = upper_case(call.text);
  if (argument.kind != ExprKind::kName) {
    return sql_fail(at(argument), name + " on a table takes a measure's name, not an expression",
                    "; compute outside, as in SUM(a) + SUM(b), or over rows: FROM " + out_.table_name + ".raw");
  }
  if (!argument.qualifier.empty() && statement_ != nullptr && argument.qualifier != statement_->from->name &&
      argument.qualifier != statement_->from->alias) {
    return sql_fail(at(argument), "unknown table " + quoted(argument.qualifier) + " before the measure's name");
  }
  if (const Column* column = schema_->find_column(argument.text)) {
    std::string what = column->role == ColumnRole::kDimension ? "a dimension"
                       : column->role == ColumnRole::kField   ? "a field"
                       : column->role == ColumnRole::kId      ? "the event's id"
                                                              : "the event time";
    return sql_fail(at(argument),
                    quoted(argument.text) + " is " + what + ", and " + name + " on a table takes a measure",
                    measure_over(*column, call) + "; over rows it works: FROM " + out_.table_name + ".raw");
  }
  return measure_in(call, argument);
}

Sql<BoundExprPtr> Binder::measure_in(const Expr& call, const Expr& argument) {
  AggregateFunction function = function_of(call.text);
  const Measure* found = schema_->find_measure(argument.text);
  bool engine_kept = found == nullptr && is_engine_measure(argument.text);
  if (found == nullptr && !engine_kept) return unknown_measure(argument);
  std::string name = upper_case(call.text);
  if (function == AggregateFunction::kAverage) {
    return sql_fail(at(call), "AVG of a measure would average buckets, not events",
                    "; write SUM(" + argument.text + ") / SUM(events)");
  }
  if (function == AggregateFunction::kCount) {
    std::string instead = engine_kept ? "SUM(" + argument.text + ")" : usage(*found);
    return sql_fail(at(call), "COUNT does not apply to the measure " + quoted(argument.text), "; write " + instead);
  }
  if (engine_kept) {
    if (function == AggregateFunction::kSum) return engine_measure(argument.text, call);
    return sql_fail(at(call), name + " does not apply to the measure " + quoted(argument.text),
                    "; write SUM(" + argument.text + ")");
  }
  if (!fits(function, found->kind)) {
    std::string kind = found->kind == AggregateKind::kDerived
                           ? "the derived measure "
                           : "the " + std::string(kind_name(found->kind)) + " measure ";
    return sql_fail(at(call), name + " does not apply to " + kind + quoted(found->name), "; write " + usage(*found));
  }
  return measure(*found, call);
}

Sql<BoundExprPtr> Binder::measure(const Measure& measure, const Expr& expr) {
  if (measure.kind == AggregateKind::kDerived) return derived(measure, expr);
  Aggregate aggregate;
  aggregate.offset = at(expr);
  aggregate.measure_id = measure.id;
  aggregate.name = usage(measure);
  bool additive = measure.kind == AggregateKind::kCount || measure.kind == AggregateKind::kSum;
  BoundExprPtr filter_condition;
  if (measure.condition) {
    SQL_ASSIGN(filter_condition, condition(*measure.condition, expr));
  }
  aggregate.filter = add_filter(additive ? RowClass::kAdditive : RowClass::kEvents, std::move(filter_condition),
                                measure.since_version);
  if (measure.kind == AggregateKind::kCount) return add_aggregate(std::move(aggregate), expr);
  const Column* column = schema_->find_column(measure.column_id);
  if (column == nullptr) return sql_fail(at(expr), "the measure's column is gone", {}, Code::kInternal);
  SQL_ASSIGN(aggregate.argument, column_slot(*column, expr));
  switch (measure.kind) {
    case AggregateKind::kSum:
      aggregate.function = AggregateFunction::kSum;
      aggregate.zero_when_empty = true;
      break;
    case AggregateKind::kMin: aggregate.function = AggregateFunction::kMin; break;
    case AggregateKind::kMax: aggregate.function = AggregateFunction::kMax; break;
    default: aggregate.function = AggregateFunction::kApproxDistinct; aggregate.precision = measure.unique_precision;
  }
  if (aggregate.function != AggregateFunction::kApproxDistinct) aggregate.type = aggregate.argument->type;
  return add_aggregate(std::move(aggregate), expr);
}

Sql<BoundExprPtr> Binder::engine_measure(std::string_view name, const Expr& expr) {
  RowClass rows = name == "events"       ? RowClass::kEvents
                  : name == "duplicates" ? RowClass::kDuplicates
                  : name == "conflicts"  ? RowClass::kConflicts
                  : name == "late"       ? RowClass::kLate
                                         : RowClass::kRetracted;
  Aggregate aggregate;
  aggregate.offset = at(expr);
  aggregate.filter = add_filter(rows, nullptr);
  aggregate.name = "SUM(" + std::string(name) + ")";
  return add_aggregate(std::move(aggregate), expr);
}

Sql<BoundExprPtr> Binder::derived(const Measure& measure, const Expr& expr) {
  if (derived_depth_ >= kDerivedDepthMax)
    return sql_fail(at(expr), "the derived measure " + quoted(measure.name) + " refers to itself");
  auto parsed = parse_expression(measure.expression);
  if (!parsed) return sql_fail(at(expr), "the derived measure " + quoted(measure.name) + ": " + parsed.error().message);
  Restored<std::optional<uint32_t>> offset(fixed_offset_, at(expr));
  Restored<unsigned> depth(derived_depth_, derived_depth_ + 1);
  SQL_ASSIGN(BoundExprPtr bound, bind_at(Place::kDerived, **parsed));
  copied_nodes_ += node_count(*bound);
  return counted_copy(*bound, expr);
}

Sql<BoundExprPtr> Binder::add_aggregate(Aggregate aggregate, const Expr& expr) {
  auto equal = [&](const Aggregate& other) {
    if (other.function != aggregate.function || other.filter != aggregate.filter ||
        other.precision != aggregate.precision || other.zero_when_empty != aggregate.zero_when_empty) {
      return false;
    }
    if ((other.argument == nullptr) != (aggregate.argument == nullptr)) return false;
    return other.argument == nullptr || same(*other.argument, *aggregate.argument);
  };
  auto known = std::find_if(out_.aggregates.begin(), out_.aggregates.end(), equal);
  BoundExprPtr result = make(Op::kAggregate, aggregate.type, expr);
  result->slot = static_cast<uint32_t>(known - out_.aggregates.begin());
  result->hash = structure_hash(*result);
  if (known != out_.aggregates.end()) return result;
  if (out_.aggregates.size() >= limits::kSqlColumnsMax) {
    return sql_fail(at(expr), "more than " + std::to_string(limits::kSqlColumnsMax) + " aggregates", {},
                    Code::kLimitExceeded);
  }
  out_.aggregates.push_back(std::move(aggregate));
  return result;
}

uint32_t Binder::add_filter(RowClass rows, BoundExprPtr condition, uint32_t since_version) {
  for (uint32_t i = 0; i < out_.filters.size(); ++i) {
    const RowFilter& known = out_.filters[i];
    if (known.rows != rows || known.since_version != since_version) continue;
    if ((known.condition == nullptr) != (condition == nullptr)) continue;
    if (condition == nullptr || same(*known.condition, *condition)) return i;
  }
  out_.filters.push_back({rows, std::move(condition), since_version});
  return static_cast<uint32_t>(out_.filters.size() - 1);
}

// The engine's condition of a measure, as an expression.
Sql<BoundExprPtr> Binder::condition(const Condition& from, const Expr& expr) {
  using From = Condition::Op;
  std::vector<BoundExprPtr> args;
  if (from.op == From::kAnd || from.op == From::kOr || from.op == From::kNot) {
    for (const Condition& child : from.children) {
      SQL_ASSIGN(BoundExprPtr arg, condition(child, expr));
      args.push_back(std::move(arg));
    }
    Op op = from.op == From::kAnd ? Op::kAnd : from.op == From::kOr ? Op::kOr : Op::kNot;
    return make(op, SqlType::kBool, expr, std::move(args));
  }
  const Column* column = schema_->find_column(from.column_id);
  if (column == nullptr) return sql_fail(at(expr), "the column of a measure's condition is gone", {}, Code::kInternal);
  SQL_ASSIGN(BoundExprPtr subject, column_slot(*column, expr));
  auto datum = [&](const Value& value) {
    if (const int64_t* number = std::get_if<int64_t>(&value)) {
      return column->type == ColumnType::kTimestamp ? Datum::of_time(*number)
                                                    : Datum::of_number({*number, column->scale});
    }
    if (const std::string* text = std::get_if<std::string>(&value)) return Datum::of_text(*text);
    return Datum();
  };
  args.push_back(std::move(subject));
  if (from.op == From::kIsNull || from.op == From::kIsNotNull) {
    BoundExprPtr result = make(Op::kIsNull, SqlType::kBool, expr, std::move(args));
    result->negated = from.op == From::kIsNotNull;
    result->hash = structure_hash(*result);
    return result;
  }
  if (from.op == From::kIn) {
    auto set = std::make_shared<InSet>();
    for (const Value& value : from.values) {
      Datum element = datum(value);
      if (element.is_null())
        set->has_null = true;
      else if (set->keys.insert(datum_key(element)).second)
        set->values.push_back(std::move(element));
    }
    BoundExprPtr result = make(Op::kIn, SqlType::kBool, expr, std::move(args));
    result->set = std::move(set);
    result->hash = structure_hash(*result);
    return result;
  }
  if (from.values.empty()) return sql_fail(at(expr), "a measure's condition has no value", {}, Code::kInternal);
  args.push_back(constant(datum(from.values[0]), expr));
  constexpr std::array kOps{Op::kEqual, Op::kNotEqual, Op::kLess, Op::kLessEqual, Op::kGreater, Op::kGreaterEqual};
  return make(kOps[static_cast<size_t>(from.op) - static_cast<size_t>(From::kEq)], SqlType::kBool, expr,
              std::move(args));
}

}  // namespace tally

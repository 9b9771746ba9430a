#include "query/binder.h"

#include <algorithm>

#include "base/limits.h"
#include "query/binder_impl.h"

namespace tally {
namespace {

// The number an ORDER BY or GROUP BY item is, if it is a plain one: an ordinal.
bool is_ordinal(const Expr& expr) {
  return expr.kind == ExprKind::kNumber && expr.text.find_first_not_of("0123456789") == std::string::npos;
}

std::string output_name(const SelectItem& item) {
  if (!item.alias.empty()) return item.alias;
  if (item.expr->kind == ExprKind::kName) return item.expr->text;
  return printable(item.text, 64);
}

// The only dimension slot in `expr`, if it looks at nothing else.
struct SlotUse {
  bool any = false, mixed = false;
  uint32_t slot = 0;
};

void find_slots(const BoundExpr& expr, SlotUse& use) {
  if (expr.op == Op::kSlot) {
    use.mixed = use.mixed || (use.any && use.slot != expr.slot);
    use.any = true;
    use.slot = expr.slot;
  }
  for (const BoundExprPtr& arg : expr.args) find_slots(*arg, use);
}

std::unexpected<SqlError> too_many(std::optional<uint32_t> offset, std::string_view what, uint32_t limit) {
  return sql_fail(offset, "more than " + std::to_string(limit) + " " + std::string(what), {}, Code::kLimitExceeded);
}

}  // namespace

Sql<BoundSelect> bind_select(const SelectStatement& select, Catalog& catalog, const std::vector<Cell>& parameters,
                             Binding binding) {
  Binder binder(&catalog, parameters, catalog.now(), binding);
  return binder.select(select);
}

Sql<void> check_derived_measure(const Schema& schema, const Expr& expression) {
  const std::vector<Cell> none;
  Binder binder(nullptr, none, 0, Binding::kForSpeed);
  return binder.derived_measure(schema, expression);
}

Sql<void> Binder::derived_measure(const Schema& schema, const Expr& expression) {
  schema_ = &schema;
  out_.source = BoundSelect::Source::kTable;
  out_.table_name = schema.table_name;
  SQL_ASSIGN(BoundExprPtr bound, bind_at(Place::kDerived, expression));
  if (!contains_aggregate(*bound)) return sql_fail(expression.offset, "a derived measure is made of other measures");
  return want_number(bound, "a derived measure");
}

Sql<BoundSelect> Binder::select(const SelectStatement& statement) {
  statement_ = &statement;
  SQL_TRY(bind_from(statement));
  SQL_TRY(bind_where(statement));
  SQL_TRY(bind_items(statement));
  SQL_TRY(bind_keys(statement));
  if (statement.fill) SQL_TRY(bind_fill(statement));
  if (statement.having != nullptr) {
    SQL_ASSIGN(out_.having, bind_condition(Place::kHaving, *statement.having, "HAVING"));
  }
  SQL_TRY(bind_order(statement));
  SQL_TRY(bind_limits(statement));
  SQL_TRY(finish(statement));
  return std::move(out_);
}

Sql<void> Binder::bind_where(const SelectStatement& statement) {
  if (statement.where == nullptr) return {};
  SQL_ASSIGN(out_.where, bind_condition(Place::kWhere, *statement.where, "WHERE"));
  extract_time_range(*out_.where);
  remember_codes(out_.where);
  return {};
}

Sql<void> Binder::bind_items(const SelectStatement& statement) {
  for (const SelectItem& item : statement.items) {
    if (out_.outputs.size() >= limits::kSqlColumnsMax) return too_many(item.offset, "columns", limits::kSqlColumnsMax);
    if (item.expr->kind == ExprKind::kStar) {
      SQL_TRY(bind_star(*item.expr));
      continue;
    }
    SQL_ASSIGN(BoundExprPtr expr, bind_at(Place::kSelect, *item.expr));
    out_.outputs.push_back({output_name(item), std::move(expr)});
  }
  return {};
}

Sql<void> Binder::bind_star(const Expr& star) {
  if (out_.source == BoundSelect::Source::kOneRow) return sql_fail(star.offset, "SELECT * without FROM has no columns");
  if (out_.source == BoundSelect::Source::kTable) {
    return sql_fail(
        star.offset, "* does not list a table's measures",
        "; name them, as in SELECT country, SUM(events), or read rows: SELECT * FROM " + out_.table_name + ".raw");
  }
  if (out_.source == BoundSelect::Source::kRows) {
    std::vector<InputColumn> columns = out_.inputs;
    for (const InputColumn& column : columns) out_.outputs.push_back({column.name, slot(column, star)});
    return {};
  }
  for (const Column& column : schema_->columns) {
    SQL_ASSIGN(BoundExprPtr expr, column_slot(column, star));
    out_.outputs.push_back({column.name, std::move(expr)});
  }
  return {};
}

// --- GROUP BY --------------------------------------------------------------------------------------------------------

Sql<void> Binder::bind_keys(const SelectStatement& statement) {
  out_.aggregated = statement.group_all || !statement.group_by.empty() || statement.having != nullptr;
  for (const OutputColumn& output : out_.outputs) out_.aggregated = out_.aggregated || contains_aggregate(*output.expr);
  if (statement.group_by.size() > limits::kSqlKeysMax) {
    return too_many(statement.group_offset, "keys in GROUP BY", limits::kSqlKeysMax);
  }
  for (const ExprPtr& key : statement.group_by) SQL_TRY(bind_key(*key));
  bool distinct_rows = statement.distinct && !out_.aggregated;
  if (!statement.group_all && !distinct_rows) return {};
  out_.aggregated = true;
  for (const OutputColumn& output : out_.outputs) {
    if (contains_aggregate(*output.expr)) continue;
    if (out_.keys.size() >= limits::kSqlKeysMax)
      return too_many(output.expr->offset, "keys in GROUP BY", limits::kSqlKeysMax);
    out_.keys.push_back(copy(*output.expr));
  }
  return {};
}

Sql<void> Binder::bind_key(const Expr& key) {
  BoundExprPtr bound;
  if (is_ordinal(key)) {
    SQL_ASSIGN(bound, ordinal(key, "GROUP BY"));
  } else {
    const SelectItem* alias = key.kind == ExprKind::kName && key.qualifier.empty() ? find_alias(key.text) : nullptr;
    bool input = alias != nullptr && is_input_name(key.text);
    bool itself = input && alias->expr->kind == ExprKind::kName && alias->expr->text == key.text;
    if (input && !itself) {
      return sql_fail(key.offset, quoted(key.text) + " in GROUP BY is both a column and the name of another expression",
                      "; give the expression another name, or group by its number");
    }
    SQL_ASSIGN(bound, bind_at(Place::kGroupBy, alias != nullptr ? *alias->expr : key));
  }
  if (contains_aggregate(*bound)) return sql_fail(key.offset, "an aggregate or measure cannot be grouped by");
  out_.keys.push_back(std::move(bound));
  return {};
}

Sql<void> Binder::bind_fill(const SelectStatement& statement) {
  std::vector<uint32_t> buckets;
  for (uint32_t i = 0; i < out_.keys.size(); ++i) {
    const BoundExpr& key = *out_.keys[i];
    if (key.op == Op::kBucket && reads_columns(key)) buckets.push_back(i);  // one time is no series of buckets
  }
  if (buckets.size() != 1) {
    return sql_fail(statement.fill_offset,
                    buckets.empty()
                        ? "FILL needs to know what to fill, and GROUP BY has no bucket of time"
                        : "FILL can fill one bucket of time, and GROUP BY has " + std::to_string(buckets.size()),
                    buckets.empty() ? "; group by time_bucket('1 hour', ts) or date_trunc('day', ts)" : "");
  }
  GapFilling fill{buckets[0]};
  const BoundExpr& time = *out_.keys[fill.key]->args[0];
  if (time.op == Op::kSlot && out_.inputs[time.slot].source == InputColumn::Source::kTime) {
    fill.from = out_.from;
    fill.to = out_.to;
  }
  out_.fill = fill;
  return {};
}

Sql<BoundExprPtr> Binder::ordinal(const Expr& number, std::string_view clause) {
  size_t position = number.text.size() > 6 ? SIZE_MAX : std::stoul(number.text);
  if (position == 0 || position > out_.outputs.size()) {
    return sql_fail(number.offset, std::string(clause) + " " + printable(number.text, 20) + ": the select list has " +
                                       counted(out_.outputs.size(), "column"));
  }
  return counted_copy(*out_.outputs[position - 1].expr, number);
}

// --- ORDER BY, LIMIT -------------------------------------------------------------------------------------------------

Sql<void> Binder::bind_order(const SelectStatement& statement) {
  if (statement.order_by.size() > limits::kSqlKeysMax) {
    return too_many(statement.order_by[0].expr->offset, "keys in ORDER BY", limits::kSqlKeysMax);
  }
  for (const OrderItem& item : statement.order_by) {
    OrderKey key;
    key.descending = item.descending;
    key.nulls_first = item.nulls_first;
    const Expr& expr = *item.expr;
    auto named = [&](const OutputColumn& output) { return output.name == expr.text; };
    auto output = std::find_if(out_.outputs.begin(), out_.outputs.end(), named);
    bool by_name = expr.kind == ExprKind::kName && expr.qualifier.empty() && output != out_.outputs.end();
    if (is_ordinal(expr)) {
      SQL_ASSIGN(key.expr, ordinal(expr, "ORDER BY"));
    } else if (by_name) {
      SQL_ASSIGN(key.expr, counted_copy(*output->expr, expr));
    } else {
      SQL_ASSIGN(key.expr, bind_at(Place::kOrderBy, expr));
    }
    out_.aggregated = out_.aggregated || contains_aggregate(*key.expr);
    out_.order_by.push_back(std::move(key));
  }
  return {};
}

Sql<void> Binder::bind_limits(const SelectStatement& statement) {
  if (statement.limit != nullptr) {
    SQL_ASSIGN(out_.limit, row_count(*statement.limit, "LIMIT"));
  }
  if (statement.offset != nullptr) {
    SQL_ASSIGN(out_.offset, row_count(*statement.offset, "OFFSET"));
  }
  return {};
}

Sql<uint64_t> Binder::row_count(const Expr& expr, std::string_view clause) {
  SQL_ASSIGN(BoundExprPtr bound, bind_at(Place::kLimit, expr));
  SQL_TRY(become(bound, SqlType::kInt64));
  bound = computed(std::move(bound));
  if (is_null_constant(*bound)) return clause == "LIMIT" ? UINT64_MAX : 0;
  bool whole = is_constant(*bound) && bound->type == SqlType::kInt64 && bound->constant.number.value >= 0;
  if (!whole) return sql_fail(expr.offset, std::string(clause) + " wants a whole number of rows");
  return static_cast<uint64_t>(std::min<Int128>(bound->constant.number.value, INT64_MAX));
}

// --- after all names are known ---------------------------------------------------------------------------------------

Sql<void> Binder::finish(const SelectStatement& statement) {
  out_.distinct = statement.distinct;
  if (!out_.aggregated) {
    if (out_.source != BoundSelect::Source::kTable) return {};
    return sql_fail(statement.items[0].offset,
                    quoted(out_.table_name) + " answers with aggregates, and this query has none",
                    "; add GROUP BY ALL, or read rows: FROM " + out_.table_name + ".raw");
  }
  if (out_.source == BoundSelect::Source::kTable && !out_.keys.empty()) add_appearance();
  if (out_.distinct) SQL_TRY(check_distinct_order());
  for (OutputColumn& output : out_.outputs) SQL_TRY(lift(output.expr));
  if (out_.having != nullptr) SQL_TRY(lift(out_.having));
  for (OrderKey& key : out_.order_by) SQL_TRY(lift(key.expr));
  for (RowFilter& filter : out_.filters) {
    if (filter.condition != nullptr) remember_codes(filter.condition);
  }
  for (Aggregate& aggregate : out_.aggregates) {
    if (aggregate.argument != nullptr) remember_codes(aggregate.argument);
  }
  return {};
}

Sql<void> Binder::check_distinct_order() {
  for (const OrderKey& key : out_.order_by) {
    bool found = std::any_of(out_.outputs.begin(), out_.outputs.end(),
                             [&](const OutputColumn& output) { return same(*output.expr, *key.expr); });
    if (!found) return sql_fail(key.expr->offset, "with SELECT DISTINCT, ORDER BY takes only what is selected");
  }
  return {};
}

Sql<void> Binder::lift(BoundExprPtr& expr) {
  for (uint32_t key = 0; key < out_.keys.size(); ++key) {
    if (!same(*expr, *out_.keys[key])) continue;
    expr->args.clear();
    expr->op = Op::kSlot;
    expr->slot = key;
    expr->hash = structure_hash(*expr);
    return {};
  }
  if (expr->op == Op::kAggregate) {
    expr->op = Op::kSlot;
    expr->slot += static_cast<uint32_t>(out_.keys.size());
    expr->hash = structure_hash(*expr);
    return {};
  }
  if (expr->op == Op::kSlot) {
    return sql_fail(expr->offset, quoted(out_.inputs[expr->slot].name) + " must be in GROUP BY or inside an aggregate");
  }
  for (BoundExprPtr& arg : expr->args) SQL_TRY(lift(arg));
  expr->hash = structure_hash(*expr);
  return {};
}

// A group appears when its events are above 0, or, where the query names duplicates or conflicts, when those are.
void Binder::add_appearance() {
  auto watch = [&](RowClass rows) {
    uint32_t filter = add_filter(rows, nullptr);
    for (uint32_t i = 0; i < out_.aggregates.size(); ++i) {
      const Aggregate& known = out_.aggregates[i];
      if (known.function == AggregateFunction::kCountRows && known.filter == filter)
        return out_.appears_when.push_back(i);
    }
    Aggregate aggregate;
    aggregate.filter = filter;
    aggregate.name = "rows";
    out_.aggregates.push_back(std::move(aggregate));
    out_.appears_when.push_back(static_cast<uint32_t>(out_.aggregates.size() - 1));
  };
  auto named = [&](RowClass rows) {
    return std::any_of(out_.filters.begin(), out_.filters.end(),
                       [&](const RowFilter& filter) { return filter.rows == rows; });
  };
  bool duplicates = named(RowClass::kDuplicates), conflicts = named(RowClass::kConflicts);
  watch(RowClass::kEvents);
  if (duplicates) watch(RowClass::kDuplicates);
  if (conflicts) watch(RowClass::kConflicts);
}

void Binder::remember_codes(BoundExprPtr& expr) {
  if (binding_ == Binding::kPlain || is_constant(*expr) || expr->op == Op::kSlot) return;
  SlotUse use;
  if (expr->type == SqlType::kBool) find_slots(*expr, use);
  bool dimension = use.any && !use.mixed && out_.inputs[use.slot].source == InputColumn::Source::kDimension;
  if (!dimension) {
    for (BoundExprPtr& arg : expr->args) remember_codes(arg);
    return;
  }
  auto wrapper = std::make_unique<BoundExpr>();
  wrapper->op = Op::kByCode;
  wrapper->type = SqlType::kBool;
  wrapper->offset = expr->offset;
  wrapper->slot = out_.code_memories++;
  wrapper->code_slot = use.slot;
  wrapper->args.push_back(std::move(expr));
  wrapper->hash = structure_hash(*wrapper);
  expr = std::move(wrapper);
}

void Binder::extract_time_range(const BoundExpr& condition) {
  if (condition.op == Op::kAnd) {
    for (const BoundExprPtr& part : condition.args) extract_time_range(*part);
    return;
  }
  if (condition.op < Op::kEqual || condition.op > Op::kGreaterEqual || condition.op == Op::kNotEqual) return;
  const BoundExpr* left = condition.args[0].get();
  const BoundExpr* right = condition.args[1].get();
  bool turned = is_constant(*left);
  if (turned) std::swap(left, right);
  bool about_time = left->op == Op::kSlot && out_.inputs[left->slot].source == InputColumn::Source::kTime &&
                    is_constant(*right) && !right->constant.is_null() && right->type == SqlType::kTimestamp;
  if (!about_time) return;
  TimeUs time = right->constant.time;
  TimeUs after = time == INT64_MAX ? time : time + 1;
  bool equal = condition.op == Op::kEqual;
  bool less = condition.op == Op::kLess || condition.op == Op::kLessEqual;
  bool including = condition.op == Op::kLessEqual || condition.op == Op::kGreaterEqual || equal;
  if (equal || less == turned) out_.from = std::max(out_.from, including ? time : after);
  if (equal || less != turned) out_.to = std::min(out_.to, including ? after : time);
}

}  // namespace tally

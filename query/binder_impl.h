// The binder's inside: binder.cc (clauses), binder_source.cc (FROM and names), binder_measure.cc (aggregates and measures),
// binder_expression.cc (operators), binder_function.cc (functions), binder_type.cc (types of literals).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "query/binder.h"

namespace tally {

class Binder {
 public:
  Binder(Catalog* catalog, const std::vector<Cell>& parameters, TimeUs now, Binding binding)
      : catalog_(catalog), parameters_(parameters), now_(now), binding_(binding) {}

  Sql<BoundSelect> select(const SelectStatement& statement);
  Sql<void> derived_measure(const Schema& schema, const Expr& expression);

 private:
  // Where an expression stands decides what its names may be.
  enum class Place : uint8_t { kSelect, kWhere, kGroupBy, kHaving, kOrderBy, kArgument, kDerived, kLimit };

  // --- clauses
  Sql<void> bind_items(const SelectStatement& statement);
  Sql<void> bind_star(const Expr& star);
  Sql<void> bind_where(const SelectStatement& statement);
  Sql<void> bind_keys(const SelectStatement& statement);
  Sql<void> bind_key(const Expr& key);
  Sql<void> bind_fill(const SelectStatement& statement);
  Sql<void> bind_order(const SelectStatement& statement);
  Sql<void> bind_limits(const SelectStatement& statement);
  Sql<uint64_t> row_count(const Expr& expr, std::string_view clause);
  Sql<void> finish(const SelectStatement& statement);
  Sql<void> check_distinct_order();
  Sql<BoundExprPtr> ordinal(const Expr& number, std::string_view clause);
  Sql<void> lift(BoundExprPtr& expr);  // from input columns to keys and aggregates
  void add_appearance();
  void remember_codes(BoundExprPtr& expr);  // wraps conditions over one dimension into kByCode
  void extract_time_range(const BoundExpr& condition);

  // --- FROM and names
  Sql<void> bind_from(const SelectStatement& statement);
  Sql<void> bind_system_table(const TableName& table);
  Sql<BoundExprPtr> name(const Expr& expr);
  Sql<BoundExprPtr> table_name(const Expr& expr);  // a name on a table
  Sql<BoundExprPtr> raw_name(const Expr& expr);
  Sql<BoundExprPtr> given_name(const Expr& expr);
  Sql<BoundExprPtr> column_slot(const Column& column, const Expr& expr);
  BoundExprPtr slot(InputColumn input, const Expr& expr);
  const SelectItem* find_alias(std::string_view name) const;
  bool is_input_name(std::string_view name) const;
  std::unexpected<SqlError> unknown_name(const Expr& expr) const;

  // --- aggregates and measures
  Sql<BoundExprPtr> aggregate_call(const Expr& call);
  Sql<BoundExprPtr> table_aggregate(const Expr& call);
  Sql<BoundExprPtr> raw_aggregate(const Expr& call);
  Sql<BoundExprPtr> measure_in(const Expr& call, const Expr& argument);
  Sql<BoundExprPtr> measure(const Measure& measure, const Expr& expr);
  Sql<BoundExprPtr> engine_measure(std::string_view name, const Expr& expr);
  Sql<BoundExprPtr> derived(const Measure& measure, const Expr& expr);
  Sql<BoundExprPtr> add_aggregate(Aggregate aggregate, const Expr& expr);
  uint32_t add_filter(RowClass rows, BoundExprPtr condition, uint32_t since_version = 1);
  Sql<BoundExprPtr> condition(const Condition& condition, const Expr& expr);
  std::string measure_over(const Column& column, const Expr& call) const;
  std::unexpected<SqlError> bare_measure(const Measure& measure, const Expr& expr) const;
  std::unexpected<SqlError> unknown_measure(const Expr& expr) const;
  std::vector<std::string> measure_names() const;

  // --- expressions
  Sql<BoundExprPtr> bind(const Expr& expr);
  Sql<BoundExprPtr> bind_at(Place place, const Expr& expr);
  Sql<BoundExprPtr> bind_condition(Place place, const Expr& expr, std::string_view what);
  Sql<BoundExprPtr> literal(const Expr& expr);
  Sql<BoundExprPtr> parameter(const Expr& expr);
  Sql<BoundExprPtr> binary(const Expr& expr);
  Sql<BoundExprPtr> arithmetic(const Expr& expr, Op op, BoundExprPtr left, BoundExprPtr right);
  Sql<BoundExprPtr> comparison(const Expr& expr, Op op, BoundExprPtr left, BoundExprPtr right);
  Sql<BoundExprPtr> logic(const Expr& expr);
  Sql<BoundExprPtr> in_list(const Expr& expr);
  Sql<BoundExprPtr> between(const Expr& expr);
  Sql<BoundExprPtr> like(const Expr& expr);
  Sql<BoundExprPtr> case_of(const Expr& expr);
  Sql<BoundExprPtr> cast(const Expr& expr);
  Sql<BoundExprPtr> call(const Expr& expr);
  Sql<BoundExprPtr> bucket(const Expr& expr);
  Sql<BoundExprPtr> function(const Expr& expr, Op op, std::vector<BoundExprPtr> args);
  Sql<std::vector<BoundExprPtr>> arguments(const Expr& expr);

  // --- building
  BoundExprPtr make(Op op, SqlType type, const Expr& expr, std::vector<BoundExprPtr> args = {});
  BoundExprPtr constant(Datum value, const Expr& expr);
  BoundExprPtr folded(BoundExprPtr expr);  // to a constant, where it has no slots and the binding is for speed
  Sql<BoundExprPtr> counted_copy(const BoundExpr& from, const Expr& expr);
  std::optional<uint32_t> at(const Expr& expr) const { return fixed_offset_ ? fixed_offset_ : expr.offset; }

  // --- types
  Sql<void> become(BoundExprPtr& expr, SqlType type);  // gives an untyped literal its type
  Sql<void> unify(BoundExprPtr& a, BoundExprPtr& b);
  Sql<SqlType> common_type(std::vector<BoundExprPtr*> branches, std::string_view what);
  Sql<void> want_condition(BoundExprPtr& expr, std::string_view what);
  Sql<void> want_number(BoundExprPtr& expr, std::string_view what);
  void canonical_id_literal(BoundExpr& column, BoundExpr& literal);

  Catalog* catalog_;
  const std::vector<Cell>& parameters_;
  const TimeUs now_;
  const Binding binding_;
  const SelectStatement* statement_ = nullptr;
  const Schema* schema_ = nullptr;
  BoundSelect out_;
  Place place_ = Place::kSelect;
  std::optional<uint32_t> fixed_offset_;  // inside a derived measure: where the statement names it
  unsigned derived_depth_ = 0;
  unsigned alias_depth_ = 0;
  uint64_t copied_nodes_ = 0;
};

// Puts a value in place for the time of a scope.
template <class T>
class Restored {
 public:
  Restored(T& place, T value) : place_(place), before_(std::move(place)) { place_ = std::move(value); }
  ~Restored() { place_ = std::move(before_); }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;

 private:
  T& place_;
  T before_;
};

// A tree of constants as one constant, any other as it is. What fails stays as well, and fails when it is run: a CASE may
// never get there.
BoundExprPtr computed(BoundExprPtr expr);
bool is_aggregate_name(std::string_view function);
uint64_t node_count(const BoundExpr& expr);
bool contains_aggregate(const BoundExpr& expr);
bool reads_columns(const BoundExpr& expr);

}  // namespace tally

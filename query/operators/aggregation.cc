#include "query/operators/aggregation.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/limits.h"
#include "engine/column_loops.h"
#include "engine/encoding/selection.h"

namespace tally {
namespace {

uint8_t argument_scale(const BoundSelect& select, const Aggregate& aggregate) {
  const BoundExpr* argument = aggregate.argument.get();
  return argument != nullptr && argument->op == Op::kSlot ? select.inputs[argument->slot].scale : 0;
}

// +1: counted, -1: taken back, 0: not this aggregate's row.
int8_t sign_of(RowClass rows, const Block& block, uint32_t row, TimeUs grace_us) {
  if (rows == RowClass::kAll) return 1;
  RowKind kind = block.kinds[row];
  switch (rows) {
    case RowClass::kAdditive: return kind == RowKind::kEvent ? 1 : kind == RowKind::kRetraction ? -1 : 0;
    case RowClass::kEvents: return kind == RowKind::kEvent;
    case RowClass::kDuplicates: return kind == RowKind::kDuplicate;
    case RowClass::kConflicts: return kind == RowKind::kConflict;
    case RowClass::kRetracted: return kind == RowKind::kRetraction;
    case RowClass::kLate: return kind == RowKind::kEvent && block.arrivals[row] - block.times[row] > grace_us;
    case RowClass::kAll: break;
  }
  return 1;
}

bool all_events(const RowKind* kinds, Selection rows) {
  static_assert(static_cast<uint8_t>(RowKind::kEvent) == 0);
  if (rows.is_all()) return column_kernels().max_byte(reinterpret_cast<const uint8_t*>(kinds), rows.size()) == 0;
  uint8_t any = 0;
  for (const uint32_t row : rows) any |= static_cast<uint8_t>(kinds[row]);
  return any == 0;
}

// Whole numbers of a column go to a state as they stand.
bool view_ints(const BlockColumn& column, Selection rows, AggregateInput& input) {
  if (column.kind != BlockColumn::Kind::kInts || column.ints == nullptr) return false;
  input.ints = {.values = column.ints, .nulls = column.nulls, .rows = rows, .scale = column.scale};
  return true;
}

}  // namespace

Aggregation::Aggregation(const BoundSelect& select, EvaluationMemory& memory, MemoryBudget& budget,
                         const QueryControl& control)
    : select_(select),
      memory_(memory),
      budget_(budget),
      control_(control),
      keys_(select.keys.empty() ? nullptr : make_group_keys(select)),
      taken_(select.filters.size()) {
  for (const Aggregate& aggregate : select.aggregates) {
    states_.push_back(make_aggregate_state(aggregate, argument_scale(select, aggregate)));
    if (select.keys.empty()) states_.back()->resize(1);  // without keys there is one group, also of no rows
  }
}

Sql<void> Aggregation::add(const Block& block, Selection rows) {
  if (rows.empty()) return {};
  SQL_TRY(number_groups(block, rows));
  if (keys_ != nullptr) {
    for (const auto& state : states_) state->resize(keys_->size());
  }
  if (block.is_stored) return add_stored(block, rows);
  only_events_ = block.kinds != nullptr && all_events(block.kinds, rows);
  for (size_t i = 0; i < taken_.size(); ++i) SQL_TRY(take(i, block, rows, taken_[i]));
  for (size_t i = 0; i < states_.size(); ++i) {
    SQL_TRY(control_.proceed(0));
    SQL_TRY(update(i, block, taken_[select_.aggregates[i].filter]));
  }
  return check_memory();
}

Sql<void> Aggregation::update(size_t i, const Block& block, const Taken& taken) {
  if (taken.rows.empty()) return {};
  AggregateInput input;
  input.size = static_cast<uint32_t>(taken.rows.size());
  if (!taken.signs.empty()) input.signs = taken.signs.data();
  const BoundExpr* argument = select_.aggregates[i].argument.get();
  const bool as_ints = argument != nullptr && states_[i]->takes_ints() && argument->op == Op::kSlot &&
                       view_ints(block.columns[argument->slot], taken.rows, input);
  Vector values;
  if (argument != nullptr && !as_ints) {
    SQL_ASSIGN(values, evaluate(*argument, block, taken.rows, memory_));
    input.values = &values;
  }
  set_groups(input, i, taken.all, taken.groups);
  return states_[i]->update(input);
}

Sql<void> Aggregation::add_stored(const Block& block, Selection rows) {
  for (size_t i = 0; i < states_.size(); ++i) {
    SQL_TRY(merge(i, block.stored[i], rows, nullptr));
    if (block.stored_minus[i].kind == BlockColumn::Kind::kVector) continue;
    minus_.assign(rows.size(), -1);
    SQL_TRY(merge(i, block.stored_minus[i], rows, minus_.data()));
  }
  return check_memory();
}

Sql<void> Aggregation::merge(size_t i, const BlockColumn& column, Selection rows, const int8_t* signs) {
  AggregateInput input;
  input.size = static_cast<uint32_t>(rows.size());
  input.signs = signs;
  Vector values;
  if (states_[i]->takes_ints()) {
    if (!view_ints(column, rows, input)) return {};
  } else {
    values = load(column, rows);
    input.values = &values;
  }
  set_groups(input, i, true, nullptr);
  return states_[i]->merge(input);
}

void Aggregation::set_groups(AggregateInput& input, size_t aggregate, bool all, const uint32_t* groups) {
  if (all && !runs_.empty() && states_[aggregate]->takes_runs(input)) {
    input.runs = runs_;
  } else {
    input.groups = all ? groups_of_rows() : groups;
  }
}

const uint32_t* Aggregation::groups_of_rows() {
  if (keys_ == nullptr) return nullptr;
  if (!groups_known_) {
    uint32_t row = 0;
    for (const GroupRun& run : runs_) {
      std::fill(groups_.begin() + row, groups_.begin() + run.end, run.group);
      row = run.end;
    }
    groups_known_ = true;
  }
  return groups_.data();
}

Sql<void> Aggregation::number_groups(const Block& block, Selection rows) {
  if (keys_ == nullptr) return {};
  groups_.resize(rows.size());
  SQL_TRY(keys_->number(block, rows, memory_, groups_.data(), runs_));
  groups_known_ = runs_.empty();
  return {};
}

Sql<void> Aggregation::take(size_t number, const Block& block, Selection rows, Taken& taken) {
  const RowFilter& filter = select_.filters[number];
  taken.rows = {};
  taken.all = false;
  taken.groups = nullptr;
  taken.signs.clear();
  if (block.schema != nullptr && block.schema->version < filter.since_version) return {};
  const bool all = filter.rows == RowClass::kAll ||
                   (only_events_ && (filter.rows == RowClass::kAdditive || filter.rows == RowClass::kEvents));
  if (all) {
    taken.rows = rows;
    taken.all = true;
  } else {
    take_by_sign(filter.rows, block, rows, taken);
  }
  if (filter.condition == nullptr || taken.rows.empty()) return {};
  if (!block.marks.empty() && !block.marks[number].empty()) {
    keep_marked(block.marks[number], taken);
    return {};
  }
  SQL_ASSIGN(const Vector holds, evaluate(*filter.condition, block, taken.rows, memory_));
  keep_true(holds, taken);
  return {};
}

// Leaves those of the rows taken that `each` calls its argument with: with the number among them, and the row.
template <class Each>
void Aggregation::keep(Taken& taken, Each each) {
  const size_t size = taken.rows.size();
  if (std::exchange(taken.all, false)) taken.groups = groups_of_rows();
  const bool grouped = taken.groups != nullptr, with_signs = !taken.signs.empty();
  taken.some.resize(size);
  if (grouped) taken.groups_of_some.resize(size);
  size_t kept = 0;
  each([&](size_t i, uint32_t row) {
    taken.some[kept] = row;
    if (grouped) taken.groups_of_some[kept] = taken.groups[i];
    if (with_signs) taken.signs[kept] = taken.signs[i];
    ++kept;
  });
  if (with_signs) taken.signs.resize(kept);
  taken.rows = Selection(taken.some.data(), kept);
  if (grouped) taken.groups = taken.groups_of_some.data();
}

// Marks are few where a condition is rare: their words are walked, not the rows.
void Aggregation::keep_marked(std::span<const uint64_t> words, Taken& taken) {
  keep(taken, [&](auto stays) {
    if (taken.rows.is_all()) {
      for_each_selected(words, [&](size_t row) { stays(row, static_cast<uint32_t>(row)); });
      return;
    }
    for (size_t i = 0; i < taken.rows.size(); ++i) {
      if (is_selected(words, taken.rows[i])) stays(i, taken.rows[i]);
    }
  });
}

void Aggregation::keep_true(const Vector& holds, Taken& taken) {
  keep(taken, [&](auto stays) {
    for (uint32_t i = 0; i < holds.size; ++i) {
      if (holds.is_true(i)) stays(i, taken.rows[i]);
    }
  });
}

// Signs are kept only where some are negative.
void Aggregation::take_by_sign(RowClass wanted, const Block& block, Selection rows, Taken& taken) {
  const uint32_t* groups = groups_of_rows();
  bool negative = false;
  const TimeUs grace_us = block.schema != nullptr ? block.schema->grace_us : select_.grace_us;
  taken.some.clear();
  taken.groups_of_some.clear();
  for (uint32_t i = 0; i < rows.size(); ++i) {
    const int8_t sign = sign_of(wanted, block, rows[i], grace_us);
    if (sign == 0) continue;
    taken.some.push_back(rows[i]);
    if (groups != nullptr) taken.groups_of_some.push_back(groups[i]);
    taken.signs.push_back(sign);
    negative = negative || sign < 0;
  }
  if (!negative) taken.signs.clear();
  taken.rows = taken.some;
  if (groups != nullptr) taken.groups = taken.groups_of_some.data();
}

bool Aggregation::suffice(TimeUs min_time, TimeUs max_time) {
  const auto appears = [this](uint32_t group) {
    return select_.appears_when.empty() || std::ranges::any_of(select_.appears_when, [&](uint32_t aggregate) {
             return states_[aggregate]->above_zero(group);
           });
  };
  return keys_ == nullptr || keys_->covers(min_time, max_time, appears);
}

Sql<void> Aggregation::combine(const Aggregation& other) {
  std::vector<uint32_t> numbers(1, 0);
  if (keys_ != nullptr) {
    keys_->adopt(*other.keys_, numbers);
    for (const auto& state : states_) state->resize(keys_->size());
  }
  for (size_t i = 0; i < states_.size(); ++i) SQL_TRY(states_[i]->combine(*other.states_[i], numbers));
  return check_memory();
}

Sql<void> Aggregation::check_memory() {
  uint64_t bytes = keys_ == nullptr ? 0 : keys_->memory_bytes();
  for (const auto& state : states_) bytes += state->memory_bytes();
  const MemoryBudget::Verdict verdict = budget_.change(std::exchange(bytes_, bytes), bytes);
  if (verdict == MemoryBudget::Verdict::kFits) return {};
  if (verdict == MemoryBudget::Verdict::kTooMuchOfAll) return too_much_of_all();
  return sql_fail(std::nullopt,
                  "the query needs more than " + std::to_string(budget_.bytes_max() / limits::kMiB) + " MiB for its " +
                      std::to_string(groups()) + " groups",
                  "; group by less, or filter more", Code::kLimitExceeded);
}

Sql<std::unique_ptr<Aggregation::Groups>> Aggregation::finish() {
  auto result = std::make_unique<Groups>();
  const uint32_t count = groups();
  for (size_t key = 0; key < select_.keys.size(); ++key) result->columns.push_back(keys_->values(key));
  SQL_TRY(finish_states(count, *result));
  for (uint32_t group = 0; group < count; ++group) {
    bool shown = select_.appears_when.empty();
    for (uint32_t aggregate : select_.appears_when) {
      shown = shown || result->columns[select_.keys.size() + aggregate].number(group).value > 0;
    }
    if (shown) result->shown.push_back(group);
  }
  result->view_columns();
  return result;
}

Sql<void> Aggregation::finish_states(uint32_t count, Groups& result) {
  const bool fill = select_.fill.has_value();
  for (size_t i = 0; i < states_.size(); ++i) {
    const Aggregate& aggregate = select_.aggregates[i];
    if (fill) states_[i]->resize(count + 1);  // a group that no row is in
    SQL_ASSIGN(Vector column, states_[i]->finish(count + (fill ? 1 : 0)));
    if (fill) {
      Datum empty = column.datum(count);
      const bool sum =
          aggregate.function == AggregateFunction::kSum;  // 0, as FILL has it, also where it is NULL in SQL
      if (sum && empty.is_null() && column.type != SqlType::kNull)
        empty = Datum::of_number({0, argument_scale(select_, aggregate)});
      result.empty.push_back(std::move(empty));
    }
    result.columns.push_back(std::move(column));
  }
  return {};
}

void Aggregation::Groups::view_columns() {
  block.columns.clear();
  block.rows = columns.empty() ? 0 : columns.front().size;
  for (const Vector& column : columns) {
    BlockColumn view;
    view.type = column.type;
    view.vector = &column;
    block.columns.push_back(view);
  }
}

}  // namespace tally

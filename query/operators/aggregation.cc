#include "query/operators/aggregation.h"

#include <algorithm>
#include <numeric>

#include "base/limits.h"

namespace tally {
namespace {

constexpr size_t kKeysPerNullWord = 64;

size_t null_words(size_t keys) { return (keys + kKeysPerNullWord - 1) / kKeysPerNullWord; }

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

}  // namespace

Aggregation::Aggregation(const BoundSelect& select, EvaluationMemory& memory, uint64_t memory_bytes_max)
    : select_(select),
      memory_(memory),
      memory_bytes_max_(memory_bytes_max),
      keys_(select.keys.size()),
      table_(select.keys.size() + null_words(select.keys.size())),
      taken_(select.filters.size()) {
  for (const Aggregate& aggregate : select.aggregates) {
    states_.push_back(make_aggregate_state(aggregate, argument_scale(select, aggregate)));
    if (select.keys.empty()) states_.back()->resize(1);  // without keys there is one group, also of no rows
  }
}

Sql<void> Aggregation::add(const Block& block, Selection rows) {
  if (rows.empty()) return {};
  SQL_TRY(number_groups(block, rows));
  if (!block.stored.empty()) return add_stored(block, rows);
  only_events_ = block.kinds != nullptr && std::all_of(rows.begin(), rows.end(), [&](uint32_t row) {
                   return block.kinds[row] == RowKind::kEvent;
                 });
  for (size_t i = 0; i < taken_.size(); ++i) SQL_TRY(take(select_.filters[i], block, rows, taken_[i]));
  for (size_t i = 0; i < states_.size(); ++i) {
    const Aggregate& aggregate = select_.aggregates[i];
    const Taken& taken = taken_[aggregate.filter];
    if (!select_.keys.empty()) states_[i]->resize(table_.size());
    if (taken.rows.empty()) continue;
    AggregateInput input;
    input.groups = taken.groups;
    if (!taken.signs.empty()) input.signs = taken.signs.data();
    Vector values;
    if (aggregate.argument != nullptr) {
      SQL_ASSIGN(values, evaluate(*aggregate.argument, block, taken.rows, memory_));
      input.values = &values;
    }
    SQL_TRY(states_[i]->update(input));
  }
  return check_memory();
}

Sql<void> Aggregation::add_stored(const Block& block, Selection rows) {
  std::vector<int8_t> minus;
  for (size_t i = 0; i < states_.size(); ++i) {
    if (!select_.keys.empty()) states_[i]->resize(table_.size());
    AggregateInput input;
    input.groups = groups_;
    Vector values = load(block.stored[i], rows);
    input.values = &values;
    SQL_TRY(states_[i]->merge(input));
    if (block.stored_minus[i].kind == BlockColumn::Kind::kVector) continue;
    minus.assign(rows.size(), -1);
    values = load(block.stored_minus[i], rows);
    input.signs = minus.data();
    SQL_TRY(states_[i]->merge(input));
  }
  return check_memory();
}

Sql<void> Aggregation::number_groups(const Block& block, Selection rows) {
  groups_.assign(rows.size(), 0);
  if (select_.keys.empty()) return {};
  size_t nulls = null_words(keys_.size()), stride = nulls + keys_.size();
  words_.assign(rows.size() * stride, 0);
  for (size_t key = 0; key < keys_.size(); ++key) {
    SQL_ASSIGN(Vector values, evaluate(*select_.keys[key], block, rows, memory_));
    keys_[key].encode(values, words_.data() + nulls + key, words_.data() + key / kKeysPerNullWord,
                      uint64_t{1} << (key % kKeysPerNullWord), stride);
  }
  table_.find_or_add(words_.data(), static_cast<uint32_t>(rows.size()), groups_.data());
  return {};
}

Sql<void> Aggregation::take(const RowFilter& filter, const Block& block, Selection rows, Taken& taken) {
  taken.rows.clear();
  taken.groups.clear();
  taken.signs.clear();
  if (block.schema != nullptr && block.schema->version < filter.since_version) return {};
  const bool all = filter.rows == RowClass::kAll ||
                   (only_events_ && (filter.rows == RowClass::kAdditive || filter.rows == RowClass::kEvents));
  if (all) {
    taken.rows.assign(rows.begin(), rows.end());
    taken.groups = groups_;
  } else {
    take_by_sign(filter.rows, block, rows, taken);
  }
  if (filter.condition == nullptr || taken.rows.empty()) return {};
  SQL_ASSIGN(Vector holds, evaluate(*filter.condition, block, taken.rows, memory_));
  const bool has_signs = !taken.signs.empty();
  size_t kept = 0;
  for (uint32_t i = 0; i < holds.size; ++i) {
    if (!holds.is_true(i)) continue;
    taken.rows[kept] = taken.rows[i];
    taken.groups[kept] = taken.groups[i];
    if (has_signs) taken.signs[kept] = taken.signs[i];
    ++kept;
  }
  taken.rows.resize(kept);
  taken.groups.resize(kept);
  return {};
}

// Signs are kept only where some are negative.
void Aggregation::take_by_sign(RowClass wanted, const Block& block, Selection rows, Taken& taken) const {
  bool negative = false;
  const TimeUs grace_us = block.schema != nullptr ? block.schema->grace_us : select_.grace_us;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    const int8_t sign = sign_of(wanted, block, rows[i], grace_us);
    if (sign == 0) continue;
    taken.rows.push_back(rows[i]);
    taken.groups.push_back(groups_[i]);
    taken.signs.push_back(sign);
    negative = negative || sign < 0;
  }
  if (!negative) taken.signs.clear();
}

Sql<void> Aggregation::check_memory() const {
  uint64_t bytes = table_.memory_bytes();
  for (const KeyColumn& key : keys_) bytes += key.memory_bytes();
  for (const auto& state : states_) bytes += state->memory_bytes();
  if (bytes <= memory_bytes_max_) return {};
  return sql_fail(std::nullopt,
                  "the query needs more than " + std::to_string(memory_bytes_max_ / limits::kMiB) + " MiB for its " +
                      std::to_string(table_.size()) + " groups",
                  "; group by less, or filter more", Code::kLimitExceeded);
}

Sql<std::unique_ptr<Aggregation::Groups>> Aggregation::finish() {
  auto result = std::make_unique<Groups>();
  uint32_t count = select_.keys.empty() ? 1 : table_.size();
  size_t nulls = null_words(keys_.size());
  for (size_t key = 0; key < keys_.size(); ++key) {
    Vector column = Vector::of(select_.keys[key]->type, count);
    for (uint32_t group = 0; group < count; ++group) {
      const uint64_t* words = table_.key(group);
      bool null = (words[key / kKeysPerNullWord] >> (key % kKeysPerNullWord)) & 1;
      column.set(group, null ? Datum() : keys_[key].decode(words[nulls + key]));
    }
    result->columns.push_back(std::move(column));
  }
  SQL_TRY(finish_states(count, *result));
  for (uint32_t group = 0; group < count; ++group) {
    bool shown = select_.appears_when.empty();
    for (uint32_t aggregate : select_.appears_when) {
      shown = shown || result->columns[keys_.size() + aggregate].number(group).value > 0;
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

#include "engine/schema.h"

#include <algorithm>

#include "base/limits.h"

namespace tally {
namespace {

void add_implicit_rollup(Schema& schema) {
  Rollup all;
  all.name = std::string(kImplicitRollup);
  all.every_dimension = true;
  for (size_t position : schema.dimensions()) {
    all.dimension_ids.push_back(schema.columns[position].id);
  }
  all.retention_us[static_cast<size_t>(Tier::kMinute)] = 7 * kMicrosPerDay;
  all.retention_us[static_cast<size_t>(Tier::kHour)] = 90 * kMicrosPerDay;
  all.retention_us[static_cast<size_t>(Tier::kDay)] = 730 * kMicrosPerDay;
  schema.rollups.push_back(std::move(all));
}

template <class Items, class Predicate>
size_t position_where(const Items& items, Predicate predicate) {
  return static_cast<size_t>(std::ranges::find_if(items, predicate) - items.begin());
}

std::vector<size_t> positions_of(const Schema& schema, ColumnRole role) {
  std::vector<size_t> positions;
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    if (schema.columns[i].role == role) positions.push_back(i);
  }
  return positions;
}

}  // namespace

size_t Schema::time_column() const {
  return position_where(columns, [](const Column& c) { return c.role == ColumnRole::kEventTime; });
}

size_t Schema::id_column() const {
  return position_where(columns, [](const Column& c) { return c.role == ColumnRole::kId; });
}

const Column* Schema::find_column(std::string_view name) const {
  auto found = std::ranges::find(columns, name, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

const Column* Schema::find_column(uint32_t id) const {
  auto found = std::ranges::find(columns, id, &Column::id);
  return found == columns.end() ? nullptr : &*found;
}

const Measure* Schema::find_measure(uint32_t id) const {
  auto found = std::ranges::find(measures, id, &Measure::id);
  return found == measures.end() ? nullptr : &*found;
}

const Rollup* Schema::find_rollup(uint32_t id) const {
  auto found = std::ranges::find(rollups, id, &Rollup::id);
  return found == rollups.end() ? nullptr : &*found;
}

const Measure* Schema::find_measure(std::string_view name) const {
  auto found = std::ranges::find(measures, name, &Measure::name);
  return found == measures.end() ? nullptr : &*found;
}

std::vector<size_t> Schema::dimensions() const { return positions_of(*this, ColumnRole::kDimension); }

std::vector<size_t> Schema::fields() const { return positions_of(*this, ColumnRole::kField); }

void assign_ids(Schema& schema) {
  auto note = [&](const auto& items) {
    for (const auto& item : items) schema.next_id = std::max(schema.next_id, item.id + 1);
  };
  auto give = [&](auto& items) {
    for (auto& item : items) {
      if (item.id == 0) item.id = schema.next_id++;
    }
  };
  note(schema.columns);
  note(schema.measures);
  note(schema.rollups);
  give(schema.columns);
  give(schema.measures);
  give(schema.rollups);
}

Result<Schema> complete_schema(Schema schema) {
  if (schema.raw_retention_us == 0) schema.raw_retention_us = 7 * kMicrosPerDay;
  if (schema.grace_us == 0) schema.grace_us = limits::kGraceDefaultUs;
  for (Column& column : schema.columns) {
    if (column.role == ColumnRole::kDimension && column.values_max == 0) {
      column.values_max = limits::kDimensionValuesDefault;
    }
  }
  assign_ids(schema);
  if (schema.rollups.empty()) add_implicit_rollup(schema);
  assign_ids(schema);
  for (Rollup& rollup : schema.rollups) {
    if (!rollup.measure_ids.empty()) continue;
    rollup.every_measure = true;
    for (const Measure& measure : schema.measures) {
      if (measure.kind != AggregateKind::kDerived) rollup.measure_ids.push_back(measure.id);
    }
  }
  TALLY_TRY(validate_schema(schema));
  return schema;
}

TimeUs lateness_of(const Schema& schema, size_t lateness_class) {
  return lateness_class < schema.lateness.size() ? schema.lateness[lateness_class].lateness_us : schema.within_us;
}

TimeUs last_tier_retention_us(const Schema& schema) {
  TimeUs longest = 0;
  for (const Rollup& rollup : schema.rollups) {
    for (size_t tier = 3; tier > 0; --tier) {
      if (rollup.retention_us[tier] == 0) continue;
      longest = std::max(longest, rollup.retention_us[tier]);
      break;
    }
  }
  return longest;
}

}  // namespace tally

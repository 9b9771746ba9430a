#include "engine/rollup_shape.h"

#include <algorithm>

#include "engine/segment_format.h"

namespace tally {
namespace {

RollupShape::Kind kind_of(AggregateKind kind) {
  switch (kind) {
    case AggregateKind::kMin: return RollupShape::Kind::kMin;
    case AggregateKind::kMax: return RollupShape::Kind::kMax;
    case AggregateKind::kUnique: return RollupShape::Kind::kSketch;
    default: return RollupShape::Kind::kSum;
  }
}

constexpr Tier kRollupTiers[] = {Tier::kMinute, Tier::kHour, Tier::kDay};

}  // namespace

RollupShape RollupShape::of(std::shared_ptr<const Schema> schema, uint32_t rollup_id, Tier tier) {
  RollupShape shape;
  const Rollup& rollup = *schema->find_rollup(rollup_id);
  shape.rollup_id = rollup_id;
  shape.tier = tier;
  shape.dimension_ids = rollup.dimension_ids;
  for (uint32_t i = 0; i < segment_format::kEngineMeasureColumns; ++i) {
    shape.values.push_back({.column_id = segment_format::kEventsColumn + i});
  }
  for (uint32_t id : rollup.measure_ids) {
    const Measure* measure = schema->find_measure(id);
    shape.values.push_back(
        {.column_id = id, .kind = kind_of(measure->kind), .precision = measure->unique_precision, .measure = measure});
  }
  shape.schema = std::move(schema);
  return shape;
}

RollupShape RollupShape::of_all(const std::vector<RollupShape>& shapes) {
  RollupShape all;
  all.tier = Tier::kRaw;
  for (const RollupShape& shape : shapes) {
    all.schema = shape.schema;
    for (uint32_t id : shape.dimension_ids) {
      if (std::ranges::find(all.dimension_ids, id) == all.dimension_ids.end()) all.dimension_ids.push_back(id);
    }
    for (const Value& value : shape.values) {
      const bool known = std::ranges::find(all.values, value.column_id, &Value::column_id) != all.values.end();
      if (!known) all.values.push_back(value);
    }
  }
  return all;
}

std::vector<Tier> kept_tiers(const Rollup& rollup) {
  std::vector<Tier> tiers;
  for (Tier tier : kRollupTiers) {
    if (rollup.retention_us[static_cast<size_t>(tier)] > 0) tiers.push_back(tier);
  }
  return tiers;
}

Tier finer_tier(const Rollup& rollup, Tier tier) {
  Tier finer = Tier::kRaw;
  for (Tier kept : kept_tiers(rollup)) {
    if (kept < tier) finer = kept;
  }
  return finer;
}

Tier coarser_tier(const Rollup& rollup, Tier tier) {
  for (Tier kept : kept_tiers(rollup)) {
    if (kept > tier) return kept;
  }
  return Tier::kRaw;
}

}  // namespace tally

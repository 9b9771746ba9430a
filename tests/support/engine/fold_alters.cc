#include <algorithm>

#include "engine/hyperloglog.h"
#include "engine/schema_change.h"
#include "tests/support/engine/fold_session.h"

namespace tally::folds {
namespace {

Column column(std::string name, ColumnRole role, ColumnType type, uint32_t values_max = 0) {
  Column made;
  made.name = std::move(name);
  made.role = role;
  made.type = type;
  made.values_max = values_max;
  return made;
}

Column random_dimension(std::string name, Random& random) {
  const auto room = static_cast<uint32_t>(random.chance(0.3) ? random.between(1, 5) : 1000);
  return column(std::move(name), ColumnRole::kDimension, ColumnType::kString, room);
}

TimeUs days(Random& random, uint64_t first, uint64_t last) {
  return static_cast<TimeUs>(random.between(first, last)) * kMicrosPerDay;
}

}  // namespace

// --- what is declared ---------------------------------------------------------------------------------------------------

Measure Run::random_measure(const Schema& schema, Random& random) {
  Measure measure;
  measure.name = new_name();
  const uint32_t amount = schema.find_column("amount")->id;
  switch (static_cast<Form>(random.below(6))) {
    case Form::kCount: break;
    case Form::kPositive: {
      measure.condition.emplace();
      measure.condition->op = Condition::Op::kGt;
      measure.condition->column_id = amount;
      measure.condition->values = {Value{int64_t{0}}};
      measure.condition_text = "amount > 0";
      break;
    }
    case Form::kSum: measure.kind = AggregateKind::kSum; break;
    case Form::kMin: measure.kind = AggregateKind::kMin; break;
    case Form::kMax: measure.kind = AggregateKind::kMax; break;
    case Form::kUnique: measure.kind = AggregateKind::kUnique; measure.unique_precision = kHyperLogLogPrecisionMin;
  }
  if (measure.kind == AggregateKind::kUnique) {
    measure.column_id = schema.find_column("user")->id;
  } else if (measure.kind != AggregateKind::kCount) {
    measure.column_id = amount;
  }
  return measure;
}

void Run::random_retention(Rollup& rollup, Random& random) {
  TimeUs* kept = rollup.retention_us;
  if (kept[1] != 0) kept[1] = days(random, 1, 4);
  if (kept[2] != 0) kept[2] = days(random, 2, 9);
  if (kept[3] != 0) kept[3] = days(random, 4, 40);
}

TimeUs Run::random_raw_retention(Random& random) const {
  return within_us_ + 5 * kMicrosPerMinute + (random.chance(0.5) ? kMicrosPerDay : days(random, 1, 6));
}

// Over some of the dimensions in some order, with some of the tiers, over every measure or some.
Rollup Run::random_rollup(const Schema& schema, Random& random) {
  Rollup rollup;
  rollup.name = new_name();
  for (size_t position : schema.dimensions()) {
    auto& ids = rollup.dimension_ids;
    if (random.chance(0.3)) continue;
    ids.insert(ids.begin() + static_cast<ptrdiff_t>(random.below(ids.size() + 1)), schema.columns[position].id);
  }
  rollup.every_measure = random.chance(0.7);
  for (const Measure& measure : schema.measures) {
    if (rollup.every_measure || random.chance(0.5)) rollup.measure_ids.push_back(measure.id);
  }
  const uint64_t tiers = random.between(1, 7);
  for (size_t tier = 1; tier < 4; ++tier) rollup.retention_us[tier] = (tiers >> (tier - 1) & 1) != 0 ? 1 : 0;
  random_retention(rollup, random);
  return rollup;
}

Schema Run::first_schema() {
  Schema schema;
  schema.table_name = "events";
  schema.within_us = within_us_;
  schema.columns = {column("ts", ColumnRole::kEventTime, ColumnType::kTimestamp),
                    column("event_id", ColumnRole::kId, ColumnType::kId), random_dimension("d", random_),
                    column("amount", ColumnRole::kField, ColumnType::kInt64),
                    column("user", ColumnRole::kField, ColumnType::kString)};
  if (random_.chance(0.5)) schema.columns.push_back(random_dimension(new_name(), random_));
  assign_ids(schema);
  for (uint64_t left = random_.between(1, 4); left > 0; --left) {
    schema.measures.push_back(random_measure(schema, random_));
  }
  assign_ids(schema);
  for (uint64_t left = random_.below(3); left > 0; --left) schema.rollups.push_back(random_rollup(schema, random_));
  schema.raw_retention_us = random_raw_retention(random_);
  constexpr TimeUs kGraces[] = {5 * kMicrosPerMinute, kMicrosPerHour, 6 * kMicrosPerHour};
  schema.grace_us = kGraces[random_.below(3)];
  return schema;
}

// --- changes ------------------------------------------------------------------------------------------------------------

void Run::alter(const Result<Schema>& next, Random& random) {
  if (!next) {
    const Code code = next.error().code;  // something needs what is to go
    if (code != Code::kInvalidArgument) fail("a change of the schema", next.error());
    return;
  }
  const Status altered = table_->alter(*next);
  Doubt doubt;
  if (altered) {
    believe_schema(*next);
  } else {
    doubt.schema = *next;
  }
  ++result_.counted["changes of the schema"];
  if (interrupted(doubt, random)) return;
  if (!altered) fail("alter", altered.error());
}

void Run::believe_schema(const Schema& next) {
  version_ = next.version;
  grace_us_ = next.grace_us;
  shadow_.take_schema(next);
  auto note_shortest = [&](uint32_t rollup, Tier tier, TimeUs kept_us) {
    TimeUs& shortest = shortest_.try_emplace({rollup, tier}, kept_us).first->second;
    shortest = std::min(shortest, kept_us);
  };
  note_shortest(0, Tier::kRaw, next.raw_retention_us);
  for (const Rollup& rollup : next.rollups) {
    since_[rollup.id] = rollup.since_version;
    for (Tier tier : {Tier::kMinute, Tier::kHour, Tier::kDay}) {
      const TimeUs kept_us = rollup.retention_us[static_cast<size_t>(tier)];
      if (kept_us != 0) note_shortest(rollup.id, tier, kept_us);
    }
  }
}

void Run::add_dimension(Random& random) {
  if (shadow_.free_slots() == 0) return;
  alter(with_column(*table_->schema(), random_dimension(new_name(), random)), random);
}

void Run::drop_dimension(Random& random) {
  const Schema schema = *table_->schema();
  const std::vector<size_t> dimensions = schema.dimensions();
  if (dimensions.size() < 2) return;
  alter(without_column(schema, schema.columns[dimensions[random.below(dimensions.size())]].name), random);
}

void Run::add_measure(Random& random) {
  const Schema schema = *table_->schema();
  if (shadow_.measures().size() < kMeasures) alter(with_measure(schema, random_measure(schema, random)), random);
}

void Run::drop_measure(Random& random) {
  const Schema schema = *table_->schema();
  if (schema.measures.empty()) return;
  alter(without_measure(schema, schema.measures[random.below(schema.measures.size())].name), random);
}

void Run::add_rollup(Random& random) {
  const Schema schema = *table_->schema();
  if (schema.rollups.size() < 5) alter(with_rollup(schema, random_rollup(schema, random)), random);
}

void Run::drop_rollup(Random& random) {
  const Schema schema = *table_->schema();
  alter(without_rollup(schema, schema.rollups[random.below(schema.rollups.size())].name), random);
}

void Run::set_retention(Random& random) {
  Schema next = *table_->schema();
  ++next.version;
  if (random.chance(0.3)) {
    next.raw_retention_us = random_raw_retention(random);
  } else {
    random_retention(next.rollups[random.below(next.rollups.size())], random);
  }
  alter(next, random);
}

void Run::set_grace(Random& random) {
  Schema next = *table_->schema();
  ++next.version;
  next.grace_us = kMicrosPerMinute * static_cast<TimeUs>(random.between(1, 600));
  alter(next, random);
}

}  // namespace tally::folds

// A table as declared: columns, measures, rollups, retention. Immutable once made; a change is a new version with the next
// number (schema_change.h). Columns, measures and rollups have ids that are never reused, so that stored bytes name them for
// ever. Every stored row is of one version: that in force when it was decided; a retraction is of the version of its original.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "engine/condition.h"

namespace tally {

enum class ColumnType : uint8_t { kTimestamp = 1, kId = 2, kString = 3, kInt64 = 4, kDecimal = 5 };
enum class ColumnRole : uint8_t { kEventTime = 1, kId = 2, kDimension = 3, kField = 4 };

struct Column {
  uint32_t id = 0;
  std::string name;
  ColumnRole role = ColumnRole::kField;
  ColumnType type = ColumnType::kString;
  uint8_t precision = 0;  // DECIMAL(precision, scale), precision <= 18
  uint8_t scale = 0;
  uint32_t values_max = 0;  // dimensions: cardinality limit
  friend bool operator==(const Column&, const Column&) = default;
};

enum class AggregateKind : uint8_t { kCount = 1, kSum = 2, kMin = 3, kMax = 4, kUnique = 5, kDerived = 6 };

struct Measure {
  uint32_t id = 0;
  std::string name;
  AggregateKind kind = AggregateKind::kCount;
  uint32_t column_id = 0;         // of SUM, MIN, MAX, UNIQUE
  uint8_t unique_precision = 14;  // of UNIQUE: HyperLogLog with 2^precision registers
  std::optional<Condition> condition;
  std::string condition_text;  // as declared, for DESCRIBE
  std::string expression;      // of a derived measure: SQL over other measures
  // It counts the rows of this version of the schema and of those after it: with ALTER TABLE ... ADD MEASURE, what the log
  // holds behind the SCHEMA record. A retraction is of the version of its original.
  uint32_t since_version = 1;
  friend bool operator==(const Measure&, const Measure&) = default;
};

enum class Tier : uint8_t { kRaw = 0, kMinute = 1, kHour = 2, kDay = 3 };
constexpr std::string_view tier_name(Tier tier) {
  constexpr std::string_view kNames[] = {"raw", "minute", "hour", "day"};
  return kNames[static_cast<size_t>(tier)];
}
// The length of a bucket; of raw, 1: every time is its own.
constexpr TimeUs tier_us(Tier tier) {
  constexpr TimeUs kLengths[] = {1, kMicrosPerMinute, kMicrosPerHour, kMicrosPerDay};
  return kLengths[static_cast<size_t>(tier)];
}

struct Rollup {
  uint32_t id = 0;
  std::string name;
  std::vector<uint32_t> dimension_ids;  // in order of declaration in the rollup = its sort order
  std::vector<uint32_t> measure_ids;
  TimeUs retention_us[4] = {0, 0, 0, 0};  // by Tier; 0 = tier not kept; [kRaw] unused
  bool every_dimension = false;           // the implicit one: dimensions that come later too
  bool every_measure = false;             // named no MEASURES: those that come later too
  uint32_t since_version = 1;             // the version that declared it
  friend bool operator==(const Rollup&, const Rollup&) = default;
};

struct LatenessClass {
  TimeUs lateness_us = 0;
  std::optional<Condition> condition;  // none: every row
  std::string condition_text;
  friend bool operator==(const LatenessClass&, const LatenessClass&) = default;
};

enum class Durability : uint8_t { kFsync = 1, kInterval = 2 };

struct Schema {
  uint32_t version = 1;
  std::string table_name;
  std::vector<Column> columns;    // in order of declaration
  std::vector<Measure> measures;  // in order of declaration
  std::vector<Rollup> rollups;
  std::vector<LatenessClass> lateness;  // first match is the row's class; empty: the window alone
  std::vector<uint32_t> id_from;        // columns of a derived id (derived_id.h), empty if the producer sends ids
  TimeUs within_us = 0;                 // ID UNIQUE WITHIN
  TimeUs raw_retention_us = 0;
  TimeUs grace_us = 0;
  Durability durability = Durability::kFsync;
  uint32_t next_id = 1;  // for the next column, measure or rollup

  // Positions within `columns`.
  size_t time_column() const;
  size_t id_column() const;
  bool derives_ids() const { return !id_from.empty(); }
  const Column* find_column(std::string_view name) const;  // nullptr if there is none
  const Column* find_column(uint32_t id) const;
  const Measure* find_measure(std::string_view name) const;
  const Measure* find_measure(uint32_t id) const;
  const Rollup* find_rollup(uint32_t id) const;
  std::vector<size_t> dimensions() const;  // positions, in sort order
  std::vector<size_t> fields() const;
  friend bool operator==(const Schema&, const Schema&) = default;
};

// Every rule that does not need the text: one event time, one id, unique names (measures included, and none of the
// engine's own: events, duplicates, conflicts, late, retracted, or starting with an underscore), limits, raw retention of
// at least WITHIN plus 5 minutes, measures and rollups over columns that exist and fit, tiers that can be fed (the next
// finer tier that is kept, or raw, is kept for at least one bucket), a derived id from columns that exist, each once.
Status validate_schema(const Schema& schema);

// Gives the next free ids to columns, measures and rollups that have none (0), in this order. Measures, rollups and
// conditions name columns by id, so call it once the columns stand and before those are made.
void assign_ids(Schema& schema);

// assign_ids(), then the defaults of what is 0 or empty, then validate_schema():
//   raw_retention_us 7 days; grace_us limits::kGraceDefaultUs; values_max of dimensions limits::kDimensionValuesDefault;
//   unique_precision of UNIQUE 14; measure_ids of a rollup: every measure that is not derived; no rollup at all: one named
//   `all` over every dimension and measure, minutes 7 days, hours 90 days, days 730 days. `lateness` may stay empty: rows of
//   no class have the window (lateness_of).
Result<Schema> complete_schema(Schema schema);

// The lateness of a class as condition_eval.h numbers them: lateness[i], and within_us for i == lateness.size().
TimeUs lateness_of(const Schema& schema, size_t lateness_class);
// The longest time that any rollup keeps its last tier, for the verdict "past retention".
TimeUs last_tier_retention_us(const Schema& schema);

// The layout stands in engine/schema_format.h.
void encode_schema(const Schema& schema, ByteWriter& out);
Result<Schema> decode_schema(ByteReader& in);  // validated

// So that sums of times and durations stay far from the ends of 64 bits.
inline constexpr TimeUs kDurationUsMax = 200 * 366 * kMicrosPerDay;
inline constexpr TimeUs kEventTimeUsMin = -62'135'596'800 * kMicrosPerSecond;      // 0001-01-01
inline constexpr TimeUs kEventTimeUsMax = 253'402'300'800 * kMicrosPerSecond - 1;  // the end of 9999
inline constexpr size_t kLatenessClassesMax = 16;
inline constexpr uint8_t kDecimalPrecisionMax = 18;
inline constexpr std::string_view kImplicitRollup = "all";

inline constexpr std::string_view kEngineMeasures[] = {"events", "duplicates", "conflicts", "late", "retracted"};

}  // namespace tally

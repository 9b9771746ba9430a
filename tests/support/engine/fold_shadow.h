// The shadow of a table with rollups (fold_run.h): every row that was decided, as a plain list, and the sums over it that
// any question asks for. It knows nothing of segments, tiers and days: what a bucket holds is added up row by row.
//
//   dimensions   up to kSlots at the same time or one after the other; a value is a small number, 0 is NULL, kOther is
//                `(other)`. Which values a dimension has room for is decided in the order of the log, as the table does.
//   measures     of the forms that Form names; each counts the rows of its version of the schema and of those after it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/chunk.h"
#include "engine/schema.h"

namespace tally::folds {

inline constexpr size_t kSlots = 6;
inline constexpr uint8_t kValues = 12;  // of a dimension: 1 to kValues
inline constexpr uint8_t kOther = 15;
inline constexpr size_t kUsers = 24;
inline constexpr size_t kMeasures = 10;

// Amounts: small ones, NULL, and the two ends of what a column holds.
std::optional<int64_t> amount_of(uint8_t amount);
inline constexpr uint8_t kAmounts = 32;

struct Row {
  TimeUs time_us = 0;
  uint32_t id = 0;
  uint32_t version = 1;
  RowKind kind = RowKind::kEvent;
  uint8_t values[kSlots] = {};
  uint8_t amount = 0;
  uint8_t user = 0;  // 0: NULL
  bool late = false;
};

enum class Form : uint8_t { kCount, kPositive, kSum, kMin, kMax, kUnique };
struct MeasureBelief {
  uint32_t id = 0;
  Form form = Form::kCount;
  uint32_t since_version = 1;
};

// What a group adds up to.
struct Sums {
  int64_t events = 0, retracted = 0, duplicates = 0, conflicts = 0, late = 0;
  __int128 measures[kMeasures] = {};  // of those that add up; MIN and MAX where there is a value
  uint32_t has = 0;                   // bit of a measure: there is a value
  uint32_t users[kMeasures] = {};     // of UNIQUE: bits of the users seen; the table's side: what its sketch estimates
  bool any() const { return events != 0 || retracted != 0 || duplicates != 0 || conflicts != 0; }
};
using Groups = std::unordered_map<uint64_t, Sums>;

// A bucket and the values of up to kSlots dimensions, four bits each.
constexpr uint64_t group_key(TimeUs time_us, TimeUs bucket_us, uint32_t values) {
  return static_cast<uint64_t>(time_us / bucket_us) << (4 * kSlots) | values;
}

struct Question {
  uint32_t rollup_id = 0;
  Tier coarsest = Tier::kMinute;
  TimeUs bucket_us = kMicrosPerMinute;
  TimeUs from = 0, to = 0;
  std::vector<size_t> slots;     // to group by, some of the rollup's dimensions
  std::vector<size_t> measures;  // positions among Shadow::measures: those that the rollup has
  std::string to_string() const;
};

class Shadow {
 public:
  void begin(const Schema& schema);
  void take_schema(const Schema& schema);  // the next version

  // A batch that was logged: what becomes of values that have no room.
  void settle_values(std::vector<Row>& batch);
  void add(const Row& row) { rows_.push_back(row); }
  Groups answer(const Question& question) const;

  const std::vector<Row>& rows() const { return rows_; }
  const std::vector<MeasureBelief>& measures() const { return measures_; }
  // The slot of a dimension of the version in force; kSlots: it has none.
  size_t slot_of(uint32_t column_id) const;
  uint32_t column_of(size_t slot) const { return columns_[slot]; }  // 0: there is none now
  size_t free_slots() const { return kSlots - used_slots_; }

 private:
  void count(const Row& row, const Question& question, Sums& sums) const;

  std::vector<Row> rows_;
  std::vector<MeasureBelief> measures_;
  uint32_t columns_[kSlots] = {};
  uint64_t rooms_[kSlots] = {};
  std::vector<uint8_t> known_[kSlots];
  size_t used_slots_ = 0;
};

// The first difference between the two, empty if there is none. `late`: whether that is known.
std::string difference(const Shadow& shadow, const Question& question, const Groups& got, const Groups& wanted,
                       bool late);
// What a sketch of these users estimates.
uint64_t estimate_of(uint32_t users);
std::string value_text(uint8_t value);
std::string user_text(uint8_t user);

}  // namespace tally::folds

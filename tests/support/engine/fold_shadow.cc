#include "tests/support/engine/fold_shadow.h"

#include <algorithm>

#include "engine/hyperloglog.h"

namespace tally::folds {
namespace {

Form form_of(const Measure& measure) {
  switch (measure.kind) {
    case AggregateKind::kSum: return Form::kSum;
    case AggregateKind::kMin: return Form::kMin;
    case AggregateKind::kMax: return Form::kMax;
    case AggregateKind::kUnique: return Form::kUnique;
    default: return measure.condition ? Form::kPositive : Form::kCount;
  }
}

std::string place_text(uint64_t key, const Question& question) {
  const auto bucket = static_cast<TimeUs>(key >> (4 * kSlots)) * question.bucket_us;
  std::string text = " at second " + std::to_string(bucket / kMicrosPerSecond);
  for (size_t i = 0; i < question.slots.size(); ++i) {
    text += (i == 0 ? " of " : ", ") + std::to_string(key >> (4 * i) & 15);
  }
  return text;
}

}  // namespace

std::optional<int64_t> amount_of(uint8_t amount) {
  switch (amount) {
    case 0: return std::nullopt;
    case 1: return INT64_MIN;
    case 2: return INT64_MAX;
    default: return int64_t{amount} - 12;
  }
}

std::string value_text(uint8_t value) { return "value " + std::to_string(value); }
std::string user_text(uint8_t user) { return "u" + std::to_string(user); }

uint64_t estimate_of(uint32_t users) {
  static const std::vector<uint64_t> hashes = [] {
    std::vector<uint64_t> made;
    for (uint8_t user = 0; user < kUsers; ++user) made.push_back(unique_hash(as_bytes(user_text(user))));
    return made;
  }();
  HyperLogLog sketch(kHyperLogLogPrecisionMin);
  for (size_t user = 0; user < kUsers; ++user) {
    if ((users >> user & 1) != 0) sketch.add(hashes[user]);
  }
  return sketch.estimate();
}

std::string Question::to_string() const {
  std::string text = "rollup " + std::to_string(rollup_id) + " up to " + std::string(tier_name(coarsest)) +
                     ", buckets of " + std::to_string(bucket_us / kMicrosPerSecond) + " s, from " +
                     std::to_string(from) + " to " + std::to_string(to) + ", dimensions";
  for (size_t slot : slots) text += " " + std::to_string(slot);
  return text;
}

void Shadow::begin(const Schema& schema) { take_schema(schema); }

void Shadow::take_schema(const Schema& schema) {
  for (uint32_t& column : columns_) {
    if (column != 0 && schema.find_column(column) == nullptr) column = 0;
  }
  for (size_t position : schema.dimensions()) {
    const Column& column = schema.columns[position];
    if (slot_of(column.id) != kSlots) continue;
    rooms_[used_slots_] = column.values_max;
    columns_[used_slots_++] = column.id;
  }
  std::erase_if(measures_, [&](const MeasureBelief& one) { return schema.find_measure(one.id) == nullptr; });
  for (const Measure& measure : schema.measures) {
    if (std::ranges::find(measures_, measure.id, &MeasureBelief::id) != measures_.end()) continue;
    measures_.push_back({measure.id, form_of(measure), measure.since_version});
  }
}

size_t Shadow::slot_of(uint32_t column_id) const {
  return static_cast<size_t>(std::find(columns_, columns_ + kSlots, column_id) - columns_);
}

void Shadow::settle_values(std::vector<Row>& batch) {
  for (size_t slot = 0; slot < kSlots; ++slot) {
    std::vector<uint8_t>& known = known_[slot];
    for (Row& row : batch) {
      uint8_t& value = row.values[slot];
      if (value == 0 || std::ranges::find(known, value) != known.end()) continue;
      if (known.size() < rooms_[slot]) {
        known.push_back(value);
      } else {
        value = kOther;
      }
    }
  }
}

void Shadow::count(const Row& row, const Question& question, Sums& sums) const {
  switch (row.kind) {
    case RowKind::kDuplicate: ++sums.duplicates; return;
    case RowKind::kConflict: ++sums.conflicts; return;
    case RowKind::kRetraction: ++sums.retracted; break;
    case RowKind::kEvent: ++sums.events; sums.late += row.late ? 1 : 0;
  }
  const bool event = row.kind == RowKind::kEvent;
  const int sign = event ? 1 : -1;
  const std::optional<int64_t> amount = amount_of(row.amount);
  for (size_t i : question.measures) {
    const MeasureBelief& measure = measures_[i];
    if (measure.since_version > row.version) continue;
    __int128& value = sums.measures[i];
    const bool has = (sums.has >> i & 1) != 0;
    switch (measure.form) {
      case Form::kCount: value += sign; break;
      case Form::kPositive: value += amount && *amount > 0 ? sign : 0; break;
      case Form::kSum: value += amount ? __int128{*amount} * sign : 0; break;
      case Form::kMin:
      case Form::kMax:
        if (!event || !amount) break;
        if (!has || (measure.form == Form::kMin ? *amount < value : *amount > value)) value = *amount;
        sums.has |= 1u << i;
        break;
      case Form::kUnique:
        if (event && row.user != 0) sums.users[i] |= 1u << row.user;
    }
  }
}

Groups Shadow::answer(const Question& question) const {
  Groups groups;
  for (const Row& row : rows_) {
    if (row.time_us < question.from || row.time_us >= question.to) continue;
    uint32_t values = 0;
    for (size_t i = 0; i < question.slots.size(); ++i) {
      values |= uint32_t{row.values[question.slots[i]]} << (4 * i);
    }
    count(row, question, groups[group_key(row.time_us, question.bucket_us, values)]);
  }
  for (auto& [key, sums] : groups) {
    for (size_t i : question.measures) {
      if (measures_[i].form == Form::kUnique) sums.users[i] = static_cast<uint32_t>(estimate_of(sums.users[i]));
    }
  }
  return groups;
}

std::string difference(const Shadow& shadow, const Question& question, const Groups& got, const Groups& wanted,
                       bool late) {
  static const Sums nothing;
  auto compare = [&](uint64_t key, const Sums& is, const Sums& was) -> std::string {
    auto differs = [&](std::string_view what, __int128 a, __int128 b) {
      return std::string(what) + place_text(key, question) + ": " + std::to_string(static_cast<long long>(a)) +
             ", not " + std::to_string(static_cast<long long>(b));
    };
    if (is.events != was.events) return differs("events", is.events, was.events);
    if (is.retracted != was.retracted) return differs("retracted", is.retracted, was.retracted);
    if (is.duplicates != was.duplicates) return differs("duplicates", is.duplicates, was.duplicates);
    if (is.conflicts != was.conflicts) return differs("conflicts", is.conflicts, was.conflicts);
    if (late && is.late != was.late) return differs("late", is.late, was.late);
    for (size_t i : question.measures) {
      const std::string name = "measure " + std::to_string(shadow.measures()[i].id);
      if (is.measures[i] != was.measures[i]) return differs(name, is.measures[i], was.measures[i]);
      if ((is.has >> i & 1) != (was.has >> i & 1)) return differs(name + " (there)", is.has >> i & 1, was.has >> i & 1);
      if (is.users[i] != was.users[i]) return differs(name, is.users[i], was.users[i]);
    }
    return {};
  };
  for (const auto& [key, sums] : wanted) {
    const auto found = got.find(key);
    std::string wrong = compare(key, found == got.end() ? nothing : found->second, sums);
    if (!wrong.empty()) return wrong;
  }
  for (const auto& [key, sums] : got) {
    if (wanted.contains(key)) continue;
    std::string wrong = compare(key, sums, nothing);
    if (!wrong.empty()) return wrong + " (nothing was counted there)";
  }
  return {};
}

}  // namespace tally::folds

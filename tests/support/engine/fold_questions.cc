#include "tests/support/engine/fold_questions.h"

#include <algorithm>

#include "engine/hyperloglog.h"
#include "engine/rollup_shape.h"
#include "engine/segment_format.h"
#include "engine/sketch_format.h"

namespace tally::folds {
namespace {

using namespace segment_format;  // NOLINT: the ids of the engine's measures

constexpr uint32_t kEngineColumns[] = {kEventsColumn, kDuplicatesColumn, kConflictsColumn, kLateColumn,
                                       kRetractedColumn};

// The number that a value's text ends with; kOther for `(other)`.
uint8_t number_of(std::string_view text) {
  if (text == kOtherText) return kOther;
  uint8_t number = 0;
  for (char c : text) {
    if (c >= '0' && c <= '9') number = static_cast<uint8_t>(number * 10 + (c - '0'));
  }
  return number;
}

class Asking {
 public:
  Asking(const Snapshot& snapshot, const Shadow& shadow, const Question& question)
      : snapshot_(snapshot), shadow_(shadow), question_(question) {}

  Result<Groups> run(const Cover& cover) {
    for (const CoverPart& part : cover.parts) {
      const ScanSource source{
          .segments = true, .memtable = false, .rollup_id = part.rollup_id, .tier = part.tier, .above = part.above};
      TALLY_TRY(read(source, part.from, part.to));
    }
    TALLY_TRY(read({.segments = false, .memtable = true}, question_.from, question_.to));
    for (auto& [key, sketches] : sketches_) {
      for (auto& [measure, sketch] : sketches) {
        groups_[key].users[measure] = static_cast<uint32_t>(sketch.estimate());
      }
    }
    return std::move(groups_);
  }

 private:
  Status read(const ScanSource& source, TimeUs from, TimeUs to) {
    const bool stored = source.rollup_id != 0;
    ScanSpec spec;
    spec.filter.from = from;
    spec.filter.to = to;
    spec.source = source;
    for (size_t slot : question_.slots) spec.columns.column_ids.push_back(shadow_.column_of(slot));
    if (stored) {
      spec.columns.kinds = false;
      spec.columns.column_ids.insert(spec.columns.column_ids.end(), std::begin(kEngineColumns),
                                     std::end(kEngineColumns));
      for (size_t i : question_.measures) spec.columns.column_ids.push_back(shadow_.measures()[i].id);
    } else {
      spec.columns.arrivals = true;
      for (std::string_view name : {"amount", "user"}) {
        spec.columns.column_ids.push_back(snapshot_.schema().find_column(name)->id);
      }
    }
    const auto scan = snapshot_.scan(spec);
    while (true) {
      TALLY_ASSIGN_OR_RETURN(const RowBlock* block, scan->next());
      if (block == nullptr) return {};
      for (uint32_t row = 0; row < block->rows; ++row) {
        if (!block->selected.empty() && (block->selected[row / 64] >> row % 64 & 1) == 0) continue;
        const uint64_t key = key_of(*block, row);
        if (stored) {
          TALLY_TRY(add_stored(*block, row, key));
        } else {
          add_raw(*block, row, key);
        }
      }
    }
  }

  uint64_t key_of(const RowBlock& block, uint32_t row) {
    uint32_t values = 0;
    for (size_t i = 0; i < question_.slots.size(); ++i) {
      values |= uint32_t{value_of(question_.slots[i], block.columns[i].codes[row])} << (4 * i);
    }
    return group_key(block.times[row], question_.bucket_us, values);
  }

  uint8_t value_of(size_t slot, uint32_t code) {
    if (code < kFirstValueCode) return code == kNullCode ? uint8_t{0} : kOther;
    std::vector<uint8_t>& known = values_[slot];
    if (code >= known.size()) known.resize(code + 1);
    if (known[code] == 0) known[code] = number_of(snapshot_.find_dictionary(shadow_.column_of(slot))->value(code));
    return known[code];
  }

  Status add_stored(const RowBlock& block, uint32_t row, uint64_t key) {
    Sums& sums = groups_[key];
    const size_t first = question_.slots.size();
    int64_t* engine[] = {&sums.events, &sums.duplicates, &sums.conflicts, &sums.late, &sums.retracted};
    for (size_t i = 0; i < std::size(engine); ++i) *engine[i] += block.columns[first + i].ints[row];
    for (size_t n = 0; n < question_.measures.size(); ++n) {
      const size_t measure = question_.measures[n];
      const BlockColumns::Selected& column = block.columns[first + std::size(engine) + n];
      const Form form = shadow_.measures()[measure].form;
      if (form == Form::kUnique) {
        const StringRef& bytes = column.strings[row];
        if (!bytes.is_null()) TALLY_TRY(merge_stored_sketch(as_bytes(bytes.view()), sketch_of(key, measure)));
        continue;
      }
      if (column.nulls != nullptr && column.nulls[row] != 0) continue;
      add_value(sums, measure, form, column.ints[row]);
    }
    return {};
  }

  void add_value(Sums& sums, size_t measure, Form form, int64_t value) {
    __int128& sum = sums.measures[measure];
    if (form != Form::kMin && form != Form::kMax) {
      sum += value;
      return;
    }
    const bool has = (sums.has >> measure & 1) != 0;
    if (!has || (form == Form::kMin ? value < sum : value > sum)) sum = value;
    sums.has |= 1u << measure;
  }

  HyperLogLog& sketch_of(uint64_t key, size_t measure) {
    return sketches_[key].try_emplace(measure, kHyperLogLogPrecisionMin).first->second;
  }

  // As a query over raw rows counts them, with a sign.
  void add_raw(const RowBlock& block, uint32_t row, uint64_t key) {
    Sums& sums = groups_[key];
    const Schema& version = block.schema != nullptr ? *block.schema : snapshot_.schema();
    switch (block.kinds[row]) {
      case RowKind::kDuplicate: ++sums.duplicates; return;
      case RowKind::kConflict: ++sums.conflicts; return;
      case RowKind::kRetraction: ++sums.retracted; break;
      case RowKind::kEvent:
        ++sums.events;
        sums.late += block.arrivals[row] - block.times[row] > version.grace_us ? 1 : 0;
    }
    const bool event = block.kinds[row] == RowKind::kEvent;
    const int sign = event ? 1 : -1;
    const BlockColumns::Selected& amounts = block.columns[question_.slots.size()];
    const bool has = amounts.nulls == nullptr || amounts.nulls[row] == 0;
    const int64_t amount = amounts.ints[row];
    for (size_t i : question_.measures) {
      const MeasureBelief& measure = shadow_.measures()[i];
      if (measure.since_version > version.version) continue;
      switch (measure.form) {
        case Form::kCount: sums.measures[i] += sign; break;
        case Form::kPositive: sums.measures[i] += has && amount > 0 ? sign : 0; break;
        case Form::kSum: sums.measures[i] += has ? __int128{amount} * sign : 0; break;
        case Form::kUnique: {
          const StringRef& user = block.columns[question_.slots.size() + 1].strings[row];
          if (event && !user.is_null()) sketch_of(key, i).add(unique_hash(as_bytes(user.view())));
          break;
        }
        default:
          if (event && has) add_value(sums, i, measure.form, amount);
      }
    }
  }

  const Snapshot& snapshot_;
  const Shadow& shadow_;
  const Question& question_;
  Groups groups_;
  std::unordered_map<uint64_t, std::map<size_t, HyperLogLog>> sketches_;
  std::vector<uint8_t> values_[kSlots];  // by slot and code
};

TimeUs random_time(TimeUs now_us, Random& random) {
  const TimeUs back = static_cast<TimeUs>(random.below(static_cast<uint64_t>(12 * kMicrosPerDay)));
  const TimeUs time = now_us - (random.chance(0.5) ? back : back / 8);
  constexpr TimeUs kWidths[] = {1, kMicrosPerMinute, kMicrosPerHour, kMicrosPerDay};
  const TimeUs width = kWidths[random.below(4)];
  return time - time % width;
}

}  // namespace

Question random_question(const ManifestState& state, const Shadow& shadow, TimeUs now_us, Random& random) {
  Question question;
  const std::vector<Rollup>& rollups = state.schema()->rollups;
  const Rollup& rollup = rollups[random.below(rollups.size())];
  question.rollup_id = rollup.id;
  question.coarsest = static_cast<Tier>(random.between(1, 3));
  question.bucket_us = tier_us(question.coarsest);
  if (random.chance(0.3)) question.bucket_us = kMicrosPerDay * static_cast<TimeUs>(random.between(1, 400));
  question.to = INT64_MAX;
  question.from = INT64_MIN;
  if (random.chance(0.7)) {
    question.from = random_time(now_us, random);
    question.to = random.chance(0.3) ? INT64_MAX : random_time(now_us + kMicrosPerDay, random);
    if (question.to < question.from) std::swap(question.from, question.to);
  }
  for (uint32_t id : rollup.dimension_ids) {
    const size_t slot = shadow.slot_of(id);
    if (slot != kSlots && random.chance(0.7)) question.slots.push_back(slot);
  }
  for (size_t i = 0; i < shadow.measures().size(); ++i) {
    const MeasureBelief& measure = shadow.measures()[i];
    const bool there = std::ranges::find(rollup.measure_ids, measure.id) != rollup.measure_ids.end();
    if (there && random.chance(measure.form == Form::kUnique ? 0.3 : 0.8)) question.measures.push_back(i);
  }
  return question;
}

std::optional<Question> where_complete(const ManifestState& state, Question question, Cover& cover) {
  auto covered = [&] { return make_cover(state, {question.rollup_id, question.coarsest, question.from, question.to}); };
  cover = covered();
  if (!cover.last_missing_day) return question;
  question.from = std::max(question.from, (TimeUs{*cover.last_missing_day} + 1) * kMicrosPerDay);
  if (question.from >= question.to) return std::nullopt;
  cover = covered();
  return question;
}

Result<Groups> ask(const Snapshot& snapshot, const Shadow& shadow, const Question& question, const Cover& cover) {
  return Asking(snapshot, shadow, question).run(cover);
}

}  // namespace tally::folds

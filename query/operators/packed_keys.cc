#include "query/operators/packed_keys.h"

#include <algorithm>
#include <bit>

#include "engine/column_loops.h"
#include "query/operators/time_numbers.h"
#include "query/operators/word_table.h"

namespace tally {
namespace {

constexpr size_t kRunRows = 8;         // rows of a run on average, from which on runs are worth it
constexpr unsigned kCodeBitsMax = 32;  // of all codes of a word together: the number of a bucket takes the rest

struct PackedKey {
  uint32_t slot = 0;                       // of the block
  const Dictionary* dictionary = nullptr;  // of a dimension; nullptr: the bucket of time
  SqlType type = SqlType::kString;
  unsigned shift = 0, bits = 0;
};

class PackedKeys final : public GroupKeys {
 public:
  PackedKeys(std::vector<PackedKey> keys, const Bucketer* bucketer) : keys_(std::move(keys)) {
    if (bucketer != nullptr) times_.emplace(*bucketer);
  }

  Sql<void> number(const Block& block, Selection rows, EvaluationMemory&, uint32_t* groups,
                   std::vector<GroupRun>& runs) override {
    runs.clear();
    if (merge_runs(block, rows) || find_runs(block, rows)) {
      number_runs(runs);
    } else {
      table_.find_or_add(words_.data(), words_.size(), groups);
    }
    return {};
  }

  uint32_t size() const override { return table_.size(); }

  Vector values(size_t at) const override {
    const PackedKey& key = keys_[at];
    return key.dictionary == nullptr ? bucket_values(key) : code_values(key);
  }

  // The numbers of its buckets are its own.
  void adopt(const GroupKeys& from, std::vector<uint32_t>& numbers) override {
    const auto& other = static_cast<const PackedKeys&>(from);
    words_.resize(other.size());
    for (uint32_t group = 0; group < other.size(); ++group) words_[group] = adopted(other, other.table_.word(group));
    numbers.resize(other.size());
    table_.find_or_add(words_.data(), words_.size(), numbers.data());
  }

  uint64_t memory_bytes() const override {
    return table_.memory_bytes() + words_.capacity() * 8 + (times_ ? times_->memory_bytes() : 0);
  }

 private:
  static uint64_t mask(const PackedKey& key) { return (uint64_t{1} << key.bits) - 1; }

  // A block in which every key stands in runs: no row is looked at. False: not so, or the runs of all together are short.
  bool merge_runs(const Block& block, Selection rows) {
    if (!rows.is_all()) return false;
    const auto in_runs = [&](const PackedKey& key) {
      const BlockColumn& column = block.columns[key.slot];
      return key.dictionary == nullptr ? column.one_time.has_value() : !column.runs.empty();
    };
    if (!std::ranges::all_of(keys_, in_runs)) return false;
    const size_t runs_max = rows.size() / kRunRows;
    run_words_.clear();
    run_ends_.clear();
    at_run_.assign(keys_.size(), 0);
    for (uint32_t row = 0; row < rows.size(); row = run_ends_.back()) {
      if (run_words_.size() == runs_max) return false;
      add_merged_run(block, static_cast<uint32_t>(rows.size()));
    }
    return true;
  }

  // Up to where the first key changes.
  void add_merged_run(const Block& block, uint32_t end) {
    uint64_t word = 0;
    for (size_t i = 0; i < keys_.size(); ++i) {
      const BlockColumn& column = block.columns[keys_[i].slot];
      if (keys_[i].dictionary == nullptr) {
        word |= uint64_t{times_->find_or_add(*column.one_time)} << keys_[i].shift;
      } else {
        word |= uint64_t{column.runs.codes[at_run_[i]]} << keys_[i].shift;
        end = std::min(end, column.runs.ends[at_run_[i]]);
      }
    }
    for (size_t i = 0; i < keys_.size(); ++i) {
      const CodeRuns& runs = block.columns[keys_[i].slot].runs;
      if (!runs.empty() && runs.ends[at_run_[i]] == end) ++at_run_[i];
    }
    run_words_.push_back(word);
    run_ends_.push_back(end);
  }

  // The word of each row, and runs of them where they are long.
  bool find_runs(const Block& block, Selection rows) {
    words_.assign(rows.size(), 0);
    for (const PackedKey& key : keys_) {
      const BlockColumn& column = block.columns[key.slot];
      if (key.dictionary == nullptr) {
        pack_times(key, column, rows);
      } else if (!column.runs.empty()) {
        pack_runs(key, column.runs, rows);
      } else if (column.codes != nullptr) {
        pack_codes(key, column.codes, rows);
      }
    }
    if (words_.size() < kRunRows) return false;
    const size_t changes = column_kernels().count_changes(words_.data(), words_.size());
    if (changes >= words_.size() / kRunRows) return false;
    run_ends_.resize(changes + 1);
    column_kernels().find_changes(words_.data(), words_.size(), run_ends_.data());
    run_ends_.back() = static_cast<uint32_t>(words_.size());
    run_words_.assign(1, words_.front());
    for (size_t run = 0; run < changes; ++run) run_words_.push_back(words_[run_ends_[run]]);
    return true;
  }

  // Each run is looked up once.
  void number_runs(std::vector<GroupRun>& runs) {
    numbers_.resize(run_words_.size());
    table_.find_or_add(run_words_.data(), run_words_.size(), numbers_.data());
    for (size_t run = 0; run < run_ends_.size(); ++run) runs.push_back({run_ends_[run], numbers_[run]});
  }

  // `rows` ascend.
  void pack_runs(const PackedKey& key, const CodeRuns& runs, Selection rows) {
    size_t run = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      while (runs.ends[run] <= rows[i]) ++run;
      words_[i] |= uint64_t{runs.codes[run]} << key.shift;
    }
  }

  void pack_codes(const PackedKey& key, const uint32_t* codes, Selection rows) {
    uint64_t* words = words_.data();
    const unsigned shift = key.shift;
    if (rows.is_all()) {
      column_kernels().pack_codes(words, codes, rows.size(), shift);
    } else {
      for (size_t i = 0; i < rows.size(); ++i) words[i] |= uint64_t{codes[rows[i]]} << shift;
    }
  }

  void pack_times(const PackedKey& key, const BlockColumn& column, Selection rows) {
    if (column.one_time) {
      const uint64_t number = uint64_t{times_->find_or_add(*column.one_time)} << key.shift;
      for (uint64_t& word : words_) word |= number;
      return;
    }
    numbers_.resize(rows.size());
    times_->find_or_add(column.times, rows, numbers_.data());
    for (size_t i = 0; i < rows.size(); ++i) words_[i] |= uint64_t{numbers_[i]} << key.shift;
  }

  uint64_t adopted(const PackedKeys& other, uint64_t word) {
    if (!times_) return word;
    for (const PackedKey& key : keys_) {
      if (key.dictionary != nullptr) continue;
      const TimeUs begin = other.times_->begin(static_cast<uint32_t>(word >> key.shift));
      word = (word & ((uint64_t{1} << key.shift) - 1)) | uint64_t{times_->find_or_add(begin)} << key.shift;
    }
    return word;
  }

  Vector bucket_values(const PackedKey& key) const {
    Vector values = Vector::of(SqlType::kTimestamp, size());
    for (uint32_t group = 0; group < size(); ++group) {
      values.times[group] = times_->begin(static_cast<uint32_t>(table_.word(group) >> key.shift));
    }
    return values;
  }

  Vector code_values(const PackedKey& key) const {
    Vector values;
    values.type = key.type;
    values.size = size();
    values.dictionary = key.dictionary;
    values.codes.resize(size());
    for (uint32_t group = 0; group < size(); ++group) {
      const auto code = static_cast<uint32_t>(table_.word(group) >> key.shift & mask(key));
      values.codes[group] = code;
      if (values.is_null_code(code)) values.set_null(group);
    }
    return values;
  }

  const std::vector<PackedKey> keys_;
  std::optional<TimeNumbers> times_;
  WordTable table_;
  std::vector<uint64_t> words_, run_words_;
  std::vector<uint32_t> run_ends_;
  std::vector<size_t> at_run_;  // by key
  std::vector<uint32_t> numbers_;
};

// One bucket of event time and nothing else: its number is the group's.
class BucketKeys final : public GroupKeys {
 public:
  BucketKeys(uint32_t slot, const Bucketer& bucketer) : slot_(slot), times_(bucketer) {}

  Sql<void> number(const Block& block, Selection rows, EvaluationMemory&, uint32_t* groups,
                   std::vector<GroupRun>& runs) override {
    runs.clear();
    const BlockColumn& column = block.columns[slot_];
    if (!column.one_time) {
      times_.find_or_add(column.times, rows, groups);
      return {};
    }
    runs.push_back({static_cast<uint32_t>(rows.size()), times_.find_or_add(*column.one_time)});
    return {};
  }

  uint32_t size() const override { return times_.size(); }

  Vector values(size_t) const override {
    Vector values = Vector::of(SqlType::kTimestamp, size());
    for (uint32_t group = 0; group < size(); ++group) values.times[group] = times_.begin(group);
    return values;
  }

  void adopt(const GroupKeys& from, std::vector<uint32_t>& numbers) override {
    const auto& other = static_cast<const BucketKeys&>(from);
    numbers.resize(other.size());
    for (uint32_t group = 0; group < other.size(); ++group) {
      numbers[group] = times_.find_or_add(other.times_.begin(group));
    }
  }

  uint64_t memory_bytes() const override { return times_.memory_bytes(); }

  // What was covered is remembered as one stretch of time: block after block of a day asks for about the same, and only what
  // lies outside is looked at.
  bool covers(TimeUs min, TimeUs max, const std::function<bool(uint32_t group)>& holds) override {
    if (min >= covered_from_ && max <= covered_to_) return true;
    const bool meets = covered_from_ <= covered_to_ && min <= covered_to_ && max >= covered_from_;
    if (!meets) {
      if (!times_.covers(min, max, holds)) return false;
      covered_from_ = min;
      covered_to_ = max;
      return true;
    }
    if (min < covered_from_ && !times_.covers(min, covered_from_, holds)) return false;
    covered_from_ = std::min(min, covered_from_);
    if (max > covered_to_ && !times_.covers(covered_to_, max, holds)) return false;
    covered_to_ = std::max(max, covered_to_);
    return true;
  }

 private:
  const uint32_t slot_;
  TimeNumbers times_;
  TimeUs covered_from_ = 0, covered_to_ = -1;
};

bool is_slot_of(const BoundSelect& select, const BoundExpr& expr, InputColumn::Source source) {
  return expr.op == Op::kSlot && select.inputs[expr.slot].source == source;
}

}  // namespace

std::unique_ptr<GroupKeys> make_packed_keys(const BoundSelect& select) {
  if (select.snapshot == nullptr) return nullptr;
  std::vector<PackedKey> keys;
  const Bucketer* bucketer = nullptr;
  size_t bucket = 0;
  unsigned bits = 0;
  for (const BoundExprPtr& expr : select.keys) {
    if (is_slot_of(select, *expr, InputColumn::Source::kDimension)) {
      const InputColumn& input = select.inputs[expr->slot];
      const Dictionary& dictionary = select.snapshot->dictionary(input.position);
      const unsigned width = static_cast<unsigned>(std::bit_width(dictionary.size()));
      keys.push_back({expr->slot, &dictionary, input.type, bits, width});
      bits += width;
    } else if (expr->op == Op::kBucket && bucketer == nullptr && expr->bucketer != nullptr &&
               is_slot_of(select, *expr->args[0], InputColumn::Source::kTime)) {
      bucketer = expr->bucketer.get();
      bucket = keys.size();
      keys.push_back({expr->args[0]->slot});
    } else {
      return nullptr;
    }
  }
  if (bits > kCodeBitsMax) return nullptr;
  if (keys.size() == 1 && bucketer != nullptr) return std::make_unique<BucketKeys>(keys[0].slot, *bucketer);
  if (bucketer != nullptr) keys[bucket].shift = bits;
  return std::make_unique<PackedKeys>(std::move(keys), bucketer);
}

}  // namespace tally

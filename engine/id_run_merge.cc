#include "engine/id_run_merge.h"

#include <algorithm>

#include "engine/loser_tree.h"

namespace tally {

namespace {

constexpr size_t kPieceEntries = 1024;

// A run and the place reached in it.
struct Input {
  explicit Input(std::shared_ptr<const IdRun> run) : cursor(std::move(run)) {}

  bool at_end() const { return entries.empty(); }
  const SeenEntry& front() const { return entries.front(); }
  Status step() {
    entries = entries.subspan(1);
    return entries.empty() ? refill() : Status{};
  }
  Status refill() {
    TALLY_ASSIGN_OR_RETURN(entries, cursor.next());
    return {};
  }

  IdRunCursor cursor;
  std::span<const SeenEntry> entries;
};

std::unexpected<Error> contradiction(const Input& a, const Input& b) {
  return fail(Code::kCorruption, a.cursor.run().path() + " and " + b.cursor.run().path() +
                                     " hold the same id with different digests or days");
}

// As one number, so that a comparison is no branch.
unsigned __int128 number_of(const Hash128& key) { return (static_cast<unsigned __int128>(key.lo) << 64) | key.hi; }

class Merger {
 public:
  Merger(IdRunWriter& writer, const KeyVisitor& visit) : writer_(writer), visit_(visit) {}

  Status run(std::span<const std::shared_ptr<const IdRun>> runs) {
    for (const auto& run : runs) live_.push_back(inputs_.emplace_back(std::make_unique<Input>(run)).get());
    for (Input* input : live_) TALLY_TRY(input->refill());
    piece_.reserve(kPieceEntries);
    for (begin_tree(); !live_.empty();) TALLY_TRY(take(*live_[tree_.winner()]));
    return put_piece();
  }
  uint64_t repeated() const { return repeated_; }

 private:
  void begin_tree() {
    std::erase_if(live_, [](const Input* input) { return input->at_end(); });
    std::vector<unsigned __int128> firsts;
    for (const Input* input : live_) firsts.push_back(number_of(input->front().key));
    if (!firsts.empty()) tree_.begin(firsts);
  }

  Status take(Input& input) {
    TALLY_TRY(put(input));
    TALLY_TRY(input.step());
    if (input.at_end()) [[unlikely]] {
      begin_tree();
    } else {
      tree_.replace(number_of(input.front().key));
    }
    return {};
  }

  Status put(const Input& input) {
    const SeenEntry& entry = input.front();
    if (last_from_ != nullptr && last_.key == entry.key) [[unlikely]] {
      if (last_.digest != entry.digest || last_.event_day != entry.event_day) return contradiction(*last_from_, input);
      ++repeated_;
      return {};
    }
    last_ = entry;
    last_from_ = &input;
    piece_.push_back(entry);
    return piece_.size() == kPieceEntries ? put_piece() : Status{};
  }

  Status put_piece() {
    TALLY_TRY(writer_.add(piece_));
    if (visit_) {
      keys_.clear();
      for (const SeenEntry& entry : piece_) keys_.push_back(entry.key);
      visit_(keys_);
    }
    piece_.clear();
    return {};
  }

  IdRunWriter& writer_;
  const KeyVisitor& visit_;
  std::vector<std::unique_ptr<Input>> inputs_;
  std::vector<Input*> live_;  // those that have not ended, as the tree has them
  LoserTree<unsigned __int128> tree_;
  std::vector<SeenEntry> piece_;
  std::vector<Hash128> keys_;
  SeenEntry last_;
  const Input* last_from_ = nullptr;  // nullptr: nothing yet
  uint64_t repeated_ = 0;
};

}  // namespace

Result<IdRunMergeResult> merge_id_runs(IdRunWriter::Options target,
                                       std::span<const std::shared_ptr<const IdRun>> inputs, const KeyVisitor& visit) {
  TALLY_CHECK(inputs.size() >= 2);
  IdRunSummary summary;
  for (const auto& input : inputs) {
    if (input->info().place != target.place) {
      return fail(Code::kInternal, input->path() + ": a run of another shard, class or generation is not joined");
    }
    summary.merge(input->info().summary);
  }
  TALLY_ASSIGN_OR_RETURN(auto writer, IdRunWriter::create(std::move(target)));
  Merger merger(*writer, visit);
  TALLY_TRY(merger.run(inputs));
  TALLY_ASSIGN_OR_RETURN(IdRunInfo info, writer->finish(summary));
  return IdRunMergeResult{.info = std::move(info), .repeated = merger.repeated()};
}

std::vector<uint64_t> plan_id_run_merge(std::span<const IdRunSize> runs, bool sealed, size_t fan_in) {
  TALLY_CHECK(fan_in >= 2);
  auto level_of = [&](const IdRunSize& run) {
    unsigned level = 0;
    for (uint64_t entries = run.entries / limits::kIdRunSmallEntries; entries >= 1; entries /= fan_in) ++level;
    return level;
  };
  std::vector<IdRunSize> sorted(runs.begin(), runs.end());
  std::sort(sorted.begin(), sorted.end(), [](const IdRunSize& a, const IdRunSize& b) {
    return a.entries != b.entries ? a.entries < b.entries : a.number < b.number;
  });
  // How many of the smallest: up to the end of the first level that is full, those below it included, for they cost little.
  size_t count = sealed ? sorted.size() : 0;
  for (size_t first = 0, end; count == 0 && first < sorted.size(); first = end) {
    for (end = first; end < sorted.size() && level_of(sorted[end]) == level_of(sorted[first]); ++end) {
    }
    if (end - first >= fan_in) count = end;
  }
  std::vector<uint64_t> numbers;
  uint64_t entries = 0;
  for (size_t i = 0; i < count && sorted[i].entries <= limits::kIdRunEntriesMax - entries; ++i) {
    entries += sorted[i].entries;
    numbers.push_back(sorted[i].number);
  }
  if (numbers.size() < 2) return {};
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace tally

#include "engine/remembered_ids.h"

#include <algorithm>
#include <utility>

#include "base/file_names.h"
#include "engine/encoding/selection.h"
#include "engine/id_run_merge.h"

namespace tally {

namespace {

constexpr unsigned kBucketBits = 12;  // of the low word: 5 keys a bucket in a batch of 20,000
constexpr size_t kPrefetchDistance = 16;

RememberedIds::Probe compare(uint32_t known, uint32_t digest) {
  return known == digest ? RememberedIds::Probe::kSameDigest : RememberedIds::Probe::kOtherDigest;
}

// The newest event time of each day, noted once an id: days come mixed, but few at a time.
class NewestTimes {
 public:
  void note(TimeUs event_us) {
    const int32_t day = utc_day(event_us);
    Slot& slot = slots_[static_cast<uint32_t>(day) % kSlots];
    if (!slot.used || slot.newest.day != day) [[unlikely]] {
      put_away(slot);
      slot = {.used = true, .newest = {day, event_us}};
    }
    slot.newest.event_us = std::max(slot.newest.event_us, event_us);
  }
  std::vector<NewestOfDay> take() {
    for (Slot& slot : slots_) put_away(slot);
    std::vector<NewestOfDay> newest;
    for (auto [day, event_us] : others_) newest.push_back({day, event_us});
    others_.clear();
    return newest;
  }

 private:
  static constexpr size_t kSlots = 8;
  struct Slot {
    bool used = false;
    NewestOfDay newest;
  };
  void put_away(Slot& slot) {
    if (!slot.used) return;
    TimeUs& event_us = others_.try_emplace(slot.newest.day, slot.newest.event_us).first->second;
    event_us = std::max(event_us, slot.newest.event_us);
    slot.used = false;
  }

  std::array<Slot, kSlots> slots_;
  std::map<int32_t, TimeUs> others_;
};

// What is in memory of a generation and not yet frozen.
struct HotIds {
  explicit HotIds(uint64_t expected) : table(expected) {}
  RememberedTable table;
  NewestTimes newest;
  TimeUs newest_arrival_us = INT64_MIN;
};

struct LiveRun {
  std::shared_ptr<const IdRun> run;
  uint64_t own_ids = 0;
};

}  // namespace

struct RememberedIds::Generation {
  GenerationId id;
  std::unique_ptr<HotIds> hot;
  std::vector<std::shared_ptr<const FrozenIds>> frozen;
  std::vector<LiveRun> runs;
  std::shared_ptr<const RememberedFilter> filter;  // of all runs; nullptr if there is none
  IdRunSummary summary;                            // of all that is frozen or in runs

  uint64_t frozen_ids() const {
    uint64_t ids = 0;
    for (const auto& table : frozen) ids += table->table.size();
    return ids;
  }
  uint64_t run_ids() const {
    uint64_t ids = 0;
    for (const LiveRun& live : runs) ids += live.own_ids;
    return ids;
  }
  uint64_t hot_ids() const { return hot ? hot->table.size() : 0; }
  TimeUs newest_arrival_us() const {
    TimeUs newest = hot ? hot->newest_arrival_us : INT64_MIN;
    bool older = !frozen.empty() || !runs.empty();
    return older ? std::max(newest, summary.newest_arrival_us) : newest;
  }
};

struct RememberedIds::Class {
  TimeUs duration_us = 0;
  TimeUs third_us = 0;
  std::map<int64_t, Generation> generations;
  Generation* last = nullptr;  // the one that got an id last, and its arrival
  TimeUs last_arrival_us = 0;
  uint64_t expected = 0;  // ids between two markers, as it was last time
};

RememberedIds::RememberedIds(uint32_t shard, uint32_t shards, std::span<const TimeUs> durations_us)
    : shard_(shard), shards_(shards), buckets_((size_t{1} << kBucketBits) + 1) {
  TALLY_CHECK(shard < shards);
  for (TimeUs duration : durations_us) add_class(duration);
}

RememberedIds::~RememberedIds() = default;

void RememberedIds::add_class(TimeUs duration_us) {
  TALLY_CHECK(duration_us > 0);
  auto added = std::make_unique<Class>();
  added->duration_us = duration_us;
  added->third_us = std::max<TimeUs>(duration_us / 3, 1);
  classes_.push_back(std::move(added));
}

int64_t RememberedIds::generation_of(uint32_t lateness_class, TimeUs arrival_us) const {
  const TimeUs third = classes_[lateness_class]->third_us;
  return arrival_us / third - (arrival_us % third < 0 ? 1 : 0);
}

RememberedIds::Generation& RememberedIds::generation_for(uint32_t lateness_class, TimeUs arrival_us) {
  TALLY_CHECK(lateness_class < classes_.size());
  Class& of = *classes_[lateness_class];
  if (of.last != nullptr && arrival_us == of.last_arrival_us) return *of.last;  // the rows of a batch arrive together
  const int64_t number = generation_of(lateness_class, arrival_us);
  of.last_arrival_us = arrival_us;
  Generation& generation = of.generations[number];
  generation.id = {lateness_class, number};
  of.last = &generation;
  return generation;
}

RememberedIds::Generation* RememberedIds::find_generation(const IdRunPlace& place) {
  if (place.lateness_class >= classes_.size()) return nullptr;
  auto& generations = classes_[place.lateness_class]->generations;
  auto found = generations.find(place.generation);
  return found == generations.end() ? nullptr : &found->second;
}

void RememberedIds::list_tables() {
  tables_.clear();
  for (const auto& of : classes_) {
    for (const auto& [number, generation] : of->generations) {
      if (generation.hot) tables_.push_back(&generation.hot->table);
      for (const auto& frozen : generation.frozen) tables_.push_back(&frozen->table);
    }
  }
}

// --- a batch -------------------------------------------------------------------------------------------------------

Status RememberedIds::begin_batch(std::span<const Hash128> keys, std::span<const uint32_t> digests) {
  TALLY_CHECK(keys.size() == digests.size() && keys.size() <= UINT32_MAX);
  keys_ = keys;
  digests_ = digests;
  spilled_.assign(keys.size(), Probe::kNew);
  if (run_ids_ == 0 || keys.empty()) return {};
  sort_keys();
  words_.resize(selection_words(keys.size()));
  for (const auto& of : classes_) {
    for (const auto& [number, generation] : of->generations) {
      if (generation.filter) TALLY_TRY(ask(generation));
    }
  }
  return {};
}

// By the upper bits of the low word, which choose the filter's block and the run's: a batch then goes through each filter
// from front to back, a page at a time, instead of to and fro.
void RememberedIds::sort_keys() {
  const auto bucket_of = [](const Hash128& key) { return key.lo >> (64 - kBucketBits); };
  std::fill(buckets_.begin(), buckets_.end(), 0);
  for (const Hash128& key : keys_) ++buckets_[bucket_of(key) + 1];
  for (size_t i = 1; i < buckets_.size(); ++i) buckets_[i] += buckets_[i - 1];
  sorted_keys_.resize(keys_.size());
  sorted_rows_.resize(keys_.size());
  for (size_t row = 0; row < keys_.size(); ++row) {
    const uint32_t at = buckets_[bucket_of(keys_[row])]++;
    sorted_keys_[at] = keys_[row];
    sorted_rows_[at] = static_cast<uint32_t>(row);
  }
}

Status RememberedIds::ask(const Generation& generation) {
  generation.filter->probe(sorted_keys_, words_);
  collect_candidates();
  if (candidates_.empty()) return {};
  filter_passes_ += candidates_.size();
  TALLY_TRY(ask_runs(generation));
  false_positives_ += candidates_.size();
  return {};
}

// Keys that the filter let through and no other generation has, ascending.
void RememberedIds::collect_candidates() {
  candidates_.clear();
  for (size_t word = 0; word < words_.size(); ++word) {
    for (uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
      const size_t at = word * 64 + static_cast<size_t>(std::countr_zero(bits));
      if (spilled_[sorted_rows_[at]] == Probe::kNew) candidates_.push_back({sorted_keys_[at], sorted_rows_[at]});
    }
  }
  std::sort(candidates_.begin(), candidates_.end(),
            [](const Candidate& a, const Candidate& b) { return a.key < b.key; });
}

// Takes out of candidates_ what a run has.
Status RememberedIds::ask_runs(const Generation& generation) {
  for (const LiveRun& live : generation.runs) {
    if (candidates_.empty()) return {};
    candidate_keys_.clear();
    for (const Candidate& candidate : candidates_) candidate_keys_.push_back(candidate.key);
    matches_.assign(candidates_.size(), {});
    TALLY_TRY(finder_.find(*live.run, candidate_keys_, matches_));
    size_t left = 0;
    for (size_t i = 0; i < candidates_.size(); ++i) {
      const uint32_t row = candidates_[i].row;
      if (matches_[i].found) {
        spilled_[row] = compare(matches_[i].digest, digests_[row]);
      } else {
        candidates_[left++] = candidates_[i];
      }
    }
    candidates_.resize(left);
  }
  return {};
}

RememberedIds::Probe RememberedIds::find(size_t row) const {
  if (spilled_[row] != Probe::kNew) return spilled_[row];
  for (const RememberedTable* table : tables_) {
    const SeenEntry* entry = table->find(keys_[row]);
    if (entry != nullptr) return compare(entry->digest, digests_[row]);
  }
  return Probe::kNew;
}

void RememberedIds::insert(size_t row, const NewId& id) {
  Generation& generation = generation_for(id.lateness_class, id.arrival_us);
  if (!generation.hot) {
    generation.hot = std::make_unique<HotIds>(classes_[id.lateness_class]->expected);
    list_tables();
  }
  HotIds& hot = *generation.hot;
  TALLY_CHECK(hot.table.insert({keys_[row], digests_[row], utc_day(id.event_us)}));
  hot.newest.note(id.event_us);
  hot.newest_arrival_us = std::max(hot.newest_arrival_us, id.arrival_us);
  ++hot_ids_;
}

Status RememberedIds::find_batch(std::span<const Hash128> keys, std::span<const uint32_t> digests,
                                 std::span<Probe> probes) {
  TALLY_CHECK(probes.size() == keys.size());
  TALLY_TRY(begin_batch(keys, digests));
  for (size_t row = 0; row < keys.size(); ++row) {
    if (row + kPrefetchDistance < keys.size()) prefetch(row + kPrefetchDistance);
    probes[row] = find(row);
  }
  return {};
}

// --- flush ---------------------------------------------------------------------------------------------------------

RememberedIds::Frozen RememberedIds::freeze(Lsn through) {
  TALLY_CHECK(spills_waiting_ ==
              0);  // else two filters would be made from one, and the later would lack the other's ids
  Frozen frozen;
  frozen.forgotten = std::exchange(forgotten_, {});
  for (uint32_t i = 0; i < classes_.size(); ++i) {
    uint64_t ids = 0;
    for (auto& [number, generation] : classes_[i]->generations) {
      if (!generation.hot) continue;
      std::unique_ptr<HotIds> hot = std::move(generation.hot);
      auto table = std::make_shared<FrozenIds>(FrozenIds{
          .table = std::move(hot->table),
          .summary = {.newest_arrival_us = hot->newest_arrival_us, .max_lsn = through, .newest = hot->newest.take()}});
      ids += table->table.size();
      if (generation.frozen.empty() && generation.runs.empty()) generation.summary = table->summary;
      generation.summary.merge(table->summary);
      SpillWork work{.place = {i, number, shard_, shards_}, .ids = table, .runs = {}, .filter = generation.filter};
      for (const LiveRun& live : generation.runs) work.runs.push_back(live.run);
      generation.frozen.push_back(std::move(table));
      frozen.spills.push_back(std::move(work));
    }
    if (ids > 0) classes_[i]->expected = ids;
  }
  spills_waiting_ = frozen.spills.size();
  frozen_ids_ += std::exchange(hot_ids_, 0);
  list_tables();
  return frozen;
}

void RememberedIds::adopt(SpilledIds spilled) {
  TALLY_CHECK(spills_waiting_ > 0);
  --spills_waiting_;
  Generation* generation = find_generation(spilled.place);
  if (generation == nullptr) return;
  auto found = std::find(generation->frozen.begin(), generation->frozen.end(), spilled.ids);
  if (found == generation->frozen.end()) return;
  const uint64_t ids = spilled.ids->table.size();
  TALLY_CHECK(spilled.run->info().entries == ids);
  generation->frozen.erase(found);
  generation->runs.push_back({std::move(spilled.run), ids});
  generation->filter = std::move(spilled.filter);
  TALLY_CHECK(generation->filter->ids() >= generation->run_ids());
  frozen_ids_ -= ids;
  run_ids_ += ids;
  list_tables();
}

// --- merge ---------------------------------------------------------------------------------------------------------

std::vector<uint64_t> RememberedIds::plan_for(const Generation& generation, bool sealed) const {
  std::vector<IdRunSize> sizes;
  for (const LiveRun& live : generation.runs) {
    const IdRunInfo& info = live.run->info();
    if (is_own(info.place)) sizes.push_back({info.number, info.entries});
  }
  return plan_id_run_merge(sizes, sealed);
}

std::optional<MergeWork> RememberedIds::plan_merge(TimeUs arrival_us) {
  if (merge_waiting_) return std::nullopt;
  for (uint32_t i = 0; i < classes_.size(); ++i) {
    for (const auto& [number, generation] : classes_[i]->generations) {
      const bool sealed = number < generation_of(i, arrival_us) && !generation.hot && generation.frozen.empty();
      const std::vector<uint64_t> numbers = plan_for(generation, sealed);
      if (numbers.empty()) continue;
      MergeWork work{.place = {i, number, shard_, shards_}, .inputs = {}, .whole = false};
      for (const LiveRun& live : generation.runs) {
        if (std::binary_search(numbers.begin(), numbers.end(), live.run->info().number)) {
          work.inputs.push_back(live.run);
        }
      }
      work.whole = work.inputs.size() == generation.runs.size();
      merge_waiting_ = true;
      return work;
    }
  }
  return std::nullopt;
}

void RememberedIds::abandon_merge() {
  TALLY_CHECK(merge_waiting_);
  merge_waiting_ = false;
}

void RememberedIds::adopt(MergedIds merged) {
  abandon_merge();
  Generation* generation = find_generation(merged.place);
  if (generation == nullptr) return;
  auto is_input = [&](const LiveRun& live) {
    return std::count(merged.inputs.begin(), merged.inputs.end(), live.run->info().number) != 0;
  };
  const auto found = std::count_if(generation->runs.begin(), generation->runs.end(), is_input);
  if (static_cast<size_t>(found) != merged.inputs.size()) return;  // it was forgotten and has begun anew
  const uint64_t before = generation->run_ids();
  std::erase_if(generation->runs, is_input);
  // A run adopted meanwhile is in the filter of now, and not in the one made with the merge.
  if (merged.filter && generation->runs.empty()) generation->filter = std::move(merged.filter);
  const uint64_t entries = merged.run->info().entries;
  generation->runs.push_back({std::move(merged.run), entries});
  run_ids_ = run_ids_ - before + generation->run_ids();
}

// --- forget --------------------------------------------------------------------------------------------------------

std::vector<RememberedIds::Forgettable> RememberedIds::candidates_to_forget(TimeUs arrival_us) const {
  std::vector<Forgettable> candidates;
  for (const auto& of : classes_) {
    for (const auto& [number, generation] : of->generations) {
      TimeUs end = 0;
      if (__builtin_add_overflow(generation.newest_arrival_us(), of->duration_us + limits::kForgetGraceUs, &end))
        continue;
      if (end >= arrival_us) continue;
      IdRunSummary summary = generation.summary;
      if (generation.hot) {
        NewestTimes newest = generation.hot->newest;
        summary.merge({.newest_arrival_us = 0, .max_lsn = 0, .newest = newest.take()});
      }
      candidates.push_back({generation.id, std::move(summary.newest)});
    }
  }
  return candidates;
}

TimeUs RememberedIds::forgettable_from(const GenerationId& id) const {
  const Class& of = *classes_[id.lateness_class];
  TimeUs from = 0;
  const bool overflows = __builtin_mul_overflow(id.generation + 1, of.third_us, &from) ||
                         __builtin_add_overflow(from, of.duration_us + limits::kForgetGraceUs, &from);
  return overflows ? INT64_MAX : from;
}

bool RememberedIds::forget(const GenerationId& id) {
  TALLY_CHECK(id.lateness_class < classes_.size());
  Class& of = *classes_[id.lateness_class];
  auto found = of.generations.find(id.generation);
  if (found == of.generations.end()) return false;
  hot_ids_ -= found->second.hot_ids();
  frozen_ids_ -= found->second.frozen_ids();
  run_ids_ -= found->second.run_ids();
  if (of.last == &found->second) of.last = nullptr;
  of.generations.erase(found);
  forgotten_.push_back(id);
  list_tables();
  return true;
}

// --- start ---------------------------------------------------------------------------------------------------------

Status RememberedIds::load(FileSystem& fs, const std::string& directory, std::span<const IdRunInfo> runs) {
  TALLY_CHECK(size() == 0);
  std::map<GenerationId, std::vector<std::shared_ptr<const IdRun>>> by_generation;
  for (const IdRunInfo& info : runs) {
    if (own_share(info.place, shard_, shards_) <= 0) continue;
    if (info.place.lateness_class >= classes_.size()) {
      return fail(Code::kCorruption, id_run_name(info.number) + ": an id run of lateness class " +
                                         std::to_string(info.place.lateness_class) + ", and there are " +
                                         std::to_string(classes_.size()));
    }
    TALLY_ASSIGN_OR_RETURN(auto run, IdRun::open(fs, join_path(directory, id_run_name(info.number)), &info));
    by_generation[{info.place.lateness_class, info.place.generation}].push_back(std::move(run));
  }
  for (auto& [id, opened] : by_generation) {
    TALLY_ASSIGN_OR_RETURN(LoadedFilter loaded, load_filter(opened, shard_, shards_, 0));
    Generation& generation = classes_[id.lateness_class]->generations[id.generation];
    generation.id = id;
    generation.filter = std::move(loaded.filter);
    generation.summary = opened.front()->info().summary;
    for (size_t i = 0; i < opened.size(); ++i) {
      generation.summary.merge(opened[i]->info().summary);
      generation.runs.push_back({std::move(opened[i]), loaded.own_ids[i]});
    }
    run_ids_ += generation.run_ids();
  }
  return {};
}

// --- figures -------------------------------------------------------------------------------------------------------

RememberedIds::Memory RememberedIds::memory() const {
  Memory memory{.hot_bytes = 0, .spilled_bytes = 0, .cache_bytes = cache_.memory_bytes()};
  for (const RememberedTable* table : tables_) memory.hot_bytes += table->memory_bytes();
  for (const auto& of : classes_) {
    for (const auto& [number, generation] : of->generations) {
      if (generation.filter) memory.spilled_bytes += generation.filter->memory_bytes();
      for (const LiveRun& live : generation.runs) memory.spilled_bytes += live.run->memory_bytes();
    }
  }
  return memory;
}

RememberedIds::Stats RememberedIds::stats() const {
  Stats stats{.generations = 0,
              .runs = 0,
              .run_ids = run_ids_,
              .filter_passes = filter_passes_,
              .false_positives = false_positives_,
              .blocks_read = finder_.blocks_read()};
  for (const auto& of : classes_) {
    stats.generations += of->generations.size();
    for (const auto& [number, generation] : of->generations) stats.runs += generation.runs.size();
  }
  return stats;
}

void RememberedIds::check_invariants() const {
  uint64_t hot = 0, frozen = 0, in_runs = 0;
  for (uint32_t i = 0; i < classes_.size(); ++i) {
    for (const auto& [number, generation] : classes_[i]->generations) {
      TALLY_CHECK((generation.id == GenerationId{i, number}));
      TALLY_CHECK((generation.filter != nullptr) == !generation.runs.empty());
      if (generation.filter) TALLY_CHECK(generation.filter->ids() >= generation.run_ids());
      hot += generation.hot_ids();
      frozen += generation.frozen_ids();
      in_runs += generation.run_ids();
    }
  }
  TALLY_CHECK(hot == hot_ids_ && frozen == frozen_ids_ && in_runs == run_ids_);
}

}  // namespace tally

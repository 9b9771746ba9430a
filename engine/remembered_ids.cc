#include "engine/remembered_ids.h"

#include <algorithm>
#include <utility>

#include "base/file_names.h"
#include "engine/encoding/selection.h"
#include "engine/id_run_merge.h"
#include "engine/remembered_generation.h"

namespace tally {

namespace {

constexpr unsigned kBucketBitsMax = 15;
constexpr size_t kPrefetchDistance = 16;

RememberedIds::Probe compare(uint32_t known, uint32_t digest) {
  return known == digest ? RememberedIds::Probe::kSameDigest : RememberedIds::Probe::kOtherDigest;
}

}  // namespace

struct RememberedIds::Class {
  TimeUs duration_us = 0;
  TimeUs third_us = 0;
  std::map<int64_t, Generation> generations;
  Generation* last = nullptr;  // the one that got an id last, and its arrival
  TimeUs last_arrival_us = 0;
  uint64_t expected = 0;  // ids between two markers, as it was last time
};

RememberedIds::RememberedIds(uint32_t shard, uint32_t shards, std::span<const TimeUs> durations_us,
                             uint64_t plenty_bytes)
    : shard_(shard), shards_(shards), plenty_bytes_(plenty_bytes) {
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
  hot_tables_.clear();
  for (const auto& of : classes_) {
    for (const auto& [number, generation] : of->generations) {
      if (generation.hot) tables_.push_back(&generation.hot->table), hot_tables_.push_back(tables_.back());
      for (const auto& frozen : generation.frozen) tables_.push_back(&frozen->table);
    }
  }
}

// --- a batch -------------------------------------------------------------------------------------------------------

Status RememberedIds::begin_batch(std::span<const Hash128> keys, std::span<const uint32_t> digests) {
  TALLY_CHECK(keys.size() == digests.size() && keys.size() <= UINT32_MAX);
  keys_ = keys;
  digests_ = digests;
  known_.assign(keys.size(), Probe::kNew);
  if (keys.empty()) return {};
  sort_keys();
  mark_repeats();
  if (run_ids_ > 0) TALLY_TRY(ask_runs());
  ask_tables();  // last: their lines are still at hand when the rows are inserted
  return {};
}

Status RememberedIds::ask_runs() {
  words_.resize(selection_words(keys_.size()));
  TALLY_TRY(ask_ribbon());
  for (const auto& of : classes_) {
    for (const auto& [number, generation] : of->generations) {
      TALLY_TRY(ask(generation));
    }
  }
  return {};
}

// By the low word, which chooses the place in ribbon, filter, index and run: a batch then goes through each of them from front to
// back, a page at a time, instead of to and fro. First into about as many buckets as there are keys, then within them.
void RememberedIds::sort_keys() {
  const unsigned bits = std::clamp(static_cast<unsigned>(std::bit_width(keys_.size())), 1U, kBucketBitsMax);
  const auto bucket_of = [bits](const Hash128& key) { return key.lo >> (64 - bits); };
  buckets_.assign((size_t{1} << bits) + 1, 0);
  for (const Hash128& key : keys_) ++buckets_[bucket_of(key) + 1];
  for (size_t i = 1; i < buckets_.size(); ++i) buckets_[i] += buckets_[i - 1];
  sorted_keys_.resize(keys_.size());
  sorted_rows_.resize(keys_.size());
  for (size_t row = 0; row < keys_.size(); ++row) {
    const uint32_t at = buckets_[bucket_of(keys_[row])]++;
    sorted_keys_[at] = keys_[row];
    sorted_rows_[at] = static_cast<uint32_t>(row);
  }
  for (size_t i = 1; i < keys_.size(); ++i) {
    if (!(sorted_keys_[i] < sorted_keys_[i - 1])) continue;
    const Hash128 key = sorted_keys_[i];
    const uint32_t row = sorted_rows_[i];
    size_t at = i;
    for (; at > 0 && key < sorted_keys_[at - 1]; --at) {
      sorted_keys_[at] = sorted_keys_[at - 1];
      sorted_rows_[at] = sorted_rows_[at - 1];
    }
    sorted_keys_[at] = key;
    sorted_rows_[at] = row;
  }
}

void RememberedIds::mark_repeats() {
  repeats_.assign(keys_.size(), 0);
  for (size_t i = 1; i < keys_.size(); ++i) {
    if (sorted_keys_[i] == sorted_keys_[i - 1]) repeats_[sorted_rows_[i]] = 1;
  }
}

void RememberedIds::ask_tables() {
  for (const RememberedTable* table : tables_) {
    table->find_all(sorted_keys_, [this](size_t at, const SeenEntry& entry) {
      const uint32_t row = sorted_rows_[at];
      known_[row] = compare(entry.digest, digests_[row]);
    });
  }
}

// Each key that may be in a set asks its run alone; where the ribbon cannot say which, all of them.
Status RememberedIds::ask_ribbon() {
  if (!ribbon_) return {};
  sets_.resize(sorted_keys_.size());
  ribbon_->probe(sorted_keys_, sets_);
  named_.clear();
  for (size_t at = 0; at < sets_.size(); ++at) {
    if (sets_[at] != RememberedRibbon::kNone) named_.push_back(static_cast<uint32_t>(at));
  }
  for (size_t set = 0; set < ribbon_runs_.size(); ++set) {
    if (!ribbon_runs_[set].run) continue;
    candidates_.clear();
    for (const uint32_t at : named_) {
      if (sets_[at] != set && sets_[at] != RememberedRibbon::kAny) continue;
      if (known_[sorted_rows_[at]] == Probe::kNew) candidates_.push_back({sorted_keys_[at], sorted_rows_[at]});
    }
    filter_passes_ += candidates_.size();
    TALLY_TRY(ask_run(*ribbon_runs_[set].run));
    false_positives_ += candidates_.size();
  }
  return {};
}

Status RememberedIds::ask(const Generation& generation) {
  for (size_t place = 0; place < RememberedFilters::kPlaces; ++place) {
    const RememberedFilters::Filter& filter = generation.filters.at(place);
    if (!filter) continue;
    filter->probe(sorted_keys_, words_);
    collect_candidates();
    filter_passes_ += candidates_.size();
    TALLY_TRY(ask_runs_of(generation, RememberedFilters::mask_of(place)));
    false_positives_ += candidates_.size();
  }
  return {};
}

// Keys that the filter let through and that stand nowhere else, ascending.
void RememberedIds::collect_candidates() {
  candidates_.clear();
  for (size_t word = 0; word < words_.size(); ++word) {
    for (uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
      const size_t at = word * 64 + static_cast<size_t>(std::countr_zero(bits));
      if (known_[sorted_rows_[at]] == Probe::kNew) candidates_.push_back({sorted_keys_[at], sorted_rows_[at]});
    }
  }
}

Status RememberedIds::ask_runs_of(const Generation& generation, FilterMask mask) {
  for (const LiveRun& live : generation.runs) {
    if (!live.in_ribbon && (live.filters & mask) != 0) TALLY_TRY(ask_run(*live.run));
  }
  return {};
}

// Takes out of candidates_ what the run has.
Status RememberedIds::ask_run(const IdRun& run) {
  if (candidates_.empty()) return {};
  candidate_keys_.clear();
  for (const Candidate& candidate : candidates_) candidate_keys_.push_back(candidate.key);
  matches_.assign(candidates_.size(), {});
  TALLY_TRY(finder_.find(run, candidate_keys_, matches_));
  size_t left = 0;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    const uint32_t row = candidates_[i].row;
    if (matches_[i].found) {
      known_[row] = compare(matches_[i].digest, digests_[row]);
    } else {
      candidates_[left++] = candidates_[i];
    }
  }
  candidates_.resize(left);
  return {};
}

// What begin_batch() did not know: that a row before this one has been inserted.
RememberedIds::Probe RememberedIds::find_repeated(size_t row) const {
  for (const RememberedTable* table : hot_tables_) {
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
  // Else two filters would be made from one, and the later would lack the other's ids.
  TALLY_CHECK(spills_waiting_ == 0);
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
      SpillWork work{.place = {i, number, shard_, shards_},
                     .ids = table,
                     .filter = generation.filters.growing(),
                     .filter_full = generation.filters.full(),
                     .filter_ids = (generation.run_ids() + table->table.size()) / RememberedFilters::kShareOfOthers,
                     .filter_bits = filter_bits(table->table.size())};
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
  const FilterMask mask = generation->filters.add(spilled.filter_before, std::move(spilled.filter));
  generation->runs.push_back({.run = std::move(spilled.run), .own_ids = ids, .filters = mask});
  frozen_ids_ -= ids;
  run_ids_ += ids;
  list_tables();
}

// --- merge ---------------------------------------------------------------------------------------------------------

std::vector<uint64_t> RememberedIds::plan_for(const Generation& generation, bool sealed) const {
  std::vector<IdRunSize> sizes;
  for (const LiveRun& live : generation.runs) {
    const IdRunInfo& info = live.run->info();
    if (is_own(info.place) && !live.in_ribbon) sizes.push_back({info.number, info.entries});
  }
  return plan_id_run_merge(sizes, sealed);
}

bool RememberedIds::is_sealed(const Generation& generation, TimeUs arrival_us) const {
  const auto& [lateness_class, number] = generation.id;
  return number < generation_of(lateness_class, arrival_us) && !generation.hot && generation.frozen.empty();
}

// The runs of all sealed generations that are one run, if a ribbon is worth making: it takes so many, those that are not in the one
// before hold an eighth of the ids that are, and none of them is about to be forgotten, which would leave its rows behind.
std::vector<std::shared_ptr<const IdRun>> RememberedIds::runs_to_seal(TimeUs arrival_us) const {
  std::vector<std::shared_ptr<const IdRun>> runs;
  uint64_t covered = 0, others = 0;
  for (const auto& of : classes_) {
    for (const auto& [number, generation] : of->generations) {
      for (const LiveRun& live : generation.runs) {
        const bool alone = generation.runs.size() == 1 && is_own(live.run->info().place);
        if (!live.in_ribbon && !(alone && is_sealed(generation, arrival_us))) continue;
        const TimeUs from = forgettable_from(generation.id);
        if (arrival_us >= from || from - arrival_us <= 2 * limits::kForgetGraceUs) return {};
        runs.push_back(live.run);
        (live.in_ribbon ? covered : others) += live.own_ids;
      }
    }
  }
  const bool worth = runs.size() <= RememberedRibbon::kSetsMax && others > 0 && others >= covered / 8;
  return worth ? runs : std::vector<std::shared_ptr<const IdRun>>();
}

// 1.5 bytes for an id in a run are 12 bits, 0.9 of them its directory's; a filter with room for ids to come takes a thirteenth. What the
// runs in the ribbon leave of theirs, those of the largest generation not counted because it may be the next to be
// forgotten, goes to the filters of the others. Few ids have as many bits as help, for a read in vain takes as long as ten inserts.
double RememberedIds::filter_bits(uint64_t more) const {
  constexpr double kShare = RememberedFilters::kShareOfOthers / (1.0 + RememberedFilters::kShareOfOthers);
  constexpr double kBits = 11.1, kRibbonBits = 8.7;
  uint64_t covered = 0, largest = 0, uncovered = more;
  for (const auto& of : classes_) {
    for (const auto& [number, other] : of->generations) {
      const uint64_t ids = other.ribbon_ids();
      covered += ids;
      largest = std::max(largest, ids);
      uncovered += other.run_ids() - ids;
    }
  }
  const double left = (kBits - kRibbonBits) * static_cast<double>(covered - largest);
  const auto each_of = [&](double bits) { return bits / static_cast<double>(std::max<uint64_t>(uncovered, 1)); };
  const double bits = kShare * std::max(kBits + each_of(left), each_of(static_cast<double>(plenty_bytes_) * 8));
  return std::clamp(bits, RememberedFilter::kFilterBits, RememberedFilter::kFilterBitsMax);
}

std::optional<MergeWork> RememberedIds::plan_merge(TimeUs arrival_us) {
  if (merge_waiting_) return std::nullopt;
  std::optional<MergeWork> work;
  for (const auto& of : classes_) {
    for (auto& [number, generation] : of->generations) {
      if (!work) work = plan_runs(generation, is_sealed(generation, arrival_us));
    }
  }
  if (!work) {
    MergeWork ribbon;
    ribbon.sealed = runs_to_seal(arrival_us);
    if (ribbon.sealed.empty()) return std::nullopt;
    work = std::move(ribbon);
  }
  merge_waiting_ = true;
  return work;
}

// A base for the filters, or runs to join, or both where all are joined.
std::optional<MergeWork> RememberedIds::plan_runs(Generation& generation, bool sealed) {
  const std::vector<uint64_t> numbers = plan_for(generation, sealed);
  std::vector<std::shared_ptr<const IdRun>> runs = generation.runs_in_filters();
  const bool all = numbers.size() == runs.size();
  const bool base_only = !all && generation.filters.count() >= RememberedFilters::kWanted;
  if (numbers.empty() && !base_only) return std::nullopt;
  MergeWork work;
  work.place = {generation.id.lateness_class, generation.id.generation, shard_, shards_};
  if (all || base_only) work.filters = generation.filters.plan();
  work.filter_bits = sealed ? RememberedFilter::kFilterBits : filter_bits(0);  // sealed: for minutes
  if (base_only) {
    work.base_of = std::move(runs);
    return work;
  }
  std::erase_if(runs, [&](const auto& run) { return !std::ranges::binary_search(numbers, run->info().number); });
  work.inputs = std::move(runs);
  return work;
}

void RememberedIds::abandon_merge() {
  TALLY_CHECK(merge_waiting_);
  merge_waiting_ = false;
  for (const auto& of : classes_) {
    for (auto& [number, generation] : of->generations) generation.filters.abandon();
  }
}

void RememberedIds::adopt(MergedIds merged) {
  if (merged.ribbon) {
    cover(std::move(merged.ribbon), merged.ribbon_runs);
  } else if (Generation* generation = find_generation(merged.place)) {
    if (take_over(*generation, merged) && merged.filter) {
      const RememberedFilters::Rebased rebased = generation->filters.rebase(merged.filters, std::move(merged.filter));
      for (LiveRun& live : generation->runs) live.filters = rebased.of(live.filters);
    }
    generation->filters.keep(generation->filters_used());
  }
  abandon_merge();
}

// The joined run, if there is one, in place of its inputs. False if they are gone: the generation was forgotten and has begun anew.
bool RememberedIds::take_over(Generation& generation, MergedIds& merged) {
  const auto is_input = [&](const LiveRun& live) {
    return std::ranges::find(merged.inputs, live.run->info().number) != merged.inputs.end();
  };
  if (std::ranges::count_if(generation.runs, is_input) != std::ssize(merged.inputs)) return false;
  if (!merged.run) return true;
  const uint64_t before = generation.run_ids();
  FilterMask filters = 0;
  for (const LiveRun& live : generation.runs) filters |= is_input(live) ? live.filters : 0;
  std::erase_if(generation.runs, is_input);
  const uint64_t entries = merged.run->info().entries;
  generation.runs.push_back({.run = std::move(merged.run), .own_ids = entries, .filters = filters});
  run_ids_ = run_ids_ - before + generation.run_ids();
  return true;
}

// Every run that the ribbon before covered and that is not forgotten is among `runs`.
void RememberedIds::cover(std::shared_ptr<const RememberedRibbon> ribbon, std::span<const uint64_t> runs) {
  ribbon_ = std::move(ribbon);
  ribbon_runs_.assign(runs.size(), {});
  for (const auto& of : classes_) {
    for (auto& [number, generation] : of->generations) {
      for (LiveRun& live : generation.runs) {
        const auto found = std::find(runs.begin(), runs.end(), live.run->info().number);
        TALLY_CHECK(!live.in_ribbon || found != runs.end());
        if (found == runs.end()) continue;
        live.in_ribbon = true;
        ribbon_runs_[static_cast<size_t>(found - runs.begin())] = {generation.id, live.run};
      }
      generation.filters.keep(generation.filters_used());
    }
  }
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
  for (RibbonRun& covered : ribbon_runs_) {
    if (covered.id == id) covered.run = nullptr;
  }
  const bool any =
      std::any_of(ribbon_runs_.begin(), ribbon_runs_.end(), [](const RibbonRun& one) { return one.run != nullptr; });
  if (!any) ribbon_ = nullptr, ribbon_runs_.clear();
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
    TALLY_ASSIGN_OR_RETURN(LoadedFilter loaded, load_filter(opened, shard_, shards_, RememberedFilter::kFilterBits));
    Generation& generation = classes_[id.lateness_class]->generations[id.generation];
    generation.id = id;
    const FilterMask mask = generation.filters.rebase({}, std::move(loaded.filter)).base;
    generation.summary = opened.front()->info().summary;
    for (size_t i = 0; i < opened.size(); ++i) {
      generation.summary.merge(opened[i]->info().summary);
      generation.runs.push_back({.run = std::move(opened[i]), .own_ids = loaded.own_ids[i], .filters = mask});
    }
    run_ids_ += generation.run_ids();
  }
  return {};
}

// --- figures -------------------------------------------------------------------------------------------------------

RememberedIds::Memory RememberedIds::memory() const {
  Memory memory{.hot_bytes = 0, .spilled_bytes = 0, .cache_bytes = cache_.memory_bytes()};
  for (const RememberedTable* table : tables_) memory.hot_bytes += table->memory_bytes();
  if (ribbon_) memory.spilled_bytes += ribbon_->memory_bytes();
  for (const auto& of : classes_) {
    for (const auto& [number, generation] : of->generations) {
      memory.spilled_bytes += generation.filters.memory_bytes();
      for (const LiveRun& live : generation.runs) memory.spilled_bytes += live.run->memory_bytes();
    }
  }
  return memory;
}

RememberedIds::Stats RememberedIds::stats() const {
  Stats stats{.generations = 0,
              .runs = 0,
              .filters = 0,
              .run_ids = run_ids_,
              .ribbon_runs = 0,
              .filter_passes = filter_passes_,
              .false_positives = false_positives_,
              .blocks_read = finder_.blocks_read()};
  for (const auto& of : classes_) {
    stats.generations += of->generations.size();
    for (const auto& [number, generation] : of->generations) {
      stats.runs += generation.runs.size();
      stats.filters += generation.filters.count();
      stats.ribbon_runs += generation.ribbon_runs();
    }
  }
  return stats;
}

void RememberedIds::check_invariants() const {
  uint64_t hot = 0, frozen = 0, in_runs = 0;
  for (uint32_t i = 0; i < classes_.size(); ++i) {
    for (const auto& [number, generation] : classes_[i]->generations) {
      TALLY_CHECK((generation.id == GenerationId{i, number}));
      TALLY_CHECK(generation.filters.mask() == generation.filters_used());
      for (const LiveRun& live : generation.runs) {
        TALLY_CHECK(live.in_ribbon || live.filters != 0);
        const auto same = [&](const RibbonRun& covered) {
          return covered.run == live.run && covered.id == generation.id;
        };
        TALLY_CHECK(std::count_if(ribbon_runs_.begin(), ribbon_runs_.end(), same) == live.in_ribbon);
      }
      hot += generation.hot_ids();
      frozen += generation.frozen_ids();
      in_runs += generation.run_ids();
    }
  }
  TALLY_CHECK(hot == hot_ids_ && frozen == frozen_ids_ && in_runs == run_ids_);
  TALLY_CHECK(ribbon_runs_.size() == (ribbon_ ? ribbon_->sets() : 0));
}

}  // namespace tally

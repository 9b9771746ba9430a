// The exact set of ids that a shard has counted, as long as each has to be remembered: what makes a retry a duplicate.
//
// Ids are kept by lateness class and arrival. A class remembers for its duration, max(WITHIN, its lateness); its ids stand in
// generations, each a third of the duration of arrival, numbered by arrival / third. A generation is a hot table, frozen
// tables that are being written, immutable sorted runs on disk and a few filters over them (remembered_filters.h). When it gets no more
// ids it is sealed: one run, and one ribbon (remembered_ribbon.h) over those of all sealed generations of every class takes the
// place of their filters. A look-up asks the ribbon, the filters that are left and the tables; an id stands in one place. A
// generation is forgotten whole.
//
// In memory: about 38 bytes an id in a hot table (remembered_table.h), at most 1.5 bytes an id in a run, or 2.6 while filters take
// less than `plenty_bytes`, and limits::kIdRunCacheBytesMax.
// What the ribbon leaves of the 1.5 makes the filters of the generations that grow better. While a generation is sealed, once in a
// third, the ribbon before and the new one stand beside each other.
//
// How a shard uses it
//   each batch      begin_batch(keys, digests)        asks runs and tables, for the whole batch at once
//                   for each row in order:            prefetch(row + 16), then
//                     find(row)                       what is known of it now, rows before it in the batch included
//                     insert(row, ...)                if it was kNew and the row is counted
//   flush marker    freeze(lsn)                       hot tables become frozen ones and work for a background thread
//   background      write_spill(work, target)         remembered_spill.h: run, filter; no other run is read
//                   manifest edit                     adds the runs' info(), in the edit of the rows they belong to (M10)
//   on the shard    adopt(spilled)                    the run takes the frozen table's place
//   now and then    plan_merge(arrival) ... write_merge() ... manifest edit ... adopt(merged), or abandon_merge()
//   FORGET record   forget(class, generation), when candidates_to_forget(arrival) named it and it was logged
//   at a start      load(runs of the manifest), before the first batch
//
// Invariants
//   1 a key stands in one place only: one hot table, frozen table or run; a run's ids are all in those of its generation's filters
//     that its mask names, or, if it is one of ribbon_runs_, in the ribbon.
//   2 between begin_batch() and the last find() of its rows nothing but insert() changes anything.
//   3 at most one freeze() is waiting for its adopt()s, at most one merge for its own.
// Errors of begin_batch() and load(): kCorruption with file, block and offset, or the disk's. Nothing was decided then.
// Threads: owned by one shard's thread; what freeze() and plan_merge() hand out may be worked on by another.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/limits.h"
#include "engine/id_run.h"
#include "engine/remembered_spill.h"

namespace tally {

class RememberedIds {
 public:
  using Probe = SeenIds::Probe;

  // `durations_us`, by lateness class, each above 0. Ids of `shard` of `shards`, by shard_of().
  RememberedIds(uint32_t shard, uint32_t shards, std::span<const TimeUs> durations_us,
                uint64_t plenty_bytes = RememberedFilters::kPlentyBytes);
  ~RememberedIds();
  // A class more (SET LATENESS); classes are never taken away, only run out of generations.
  void add_class(TimeUs duration_us);
  size_t classes() const { return classes_.size(); }
  int64_t generation_of(uint32_t lateness_class, TimeUs arrival_us) const;

  // --- a batch ---------------------------------------------------------------------------------------------------
  // Both spans must stay as they are until the next begin_batch().
  Status begin_batch(std::span<const Hash128> keys, std::span<const uint32_t> digests);
  void prefetch(size_t row) const {
    if (known_[row] != Probe::kNew) return;
    for (const RememberedTable* table : hot_tables_) table->prefetch(keys_[row]);
  }
  // What is remembered of this row's id: as SeenIds::find() of everything inserted so far.
  Probe find(size_t row) const {
    return known_[row] != Probe::kNew || !repeats_[row] ? known_[row] : find_repeated(row);
  }
  struct NewId {
    uint32_t lateness_class = 0;
    TimeUs event_us = 0;
    TimeUs arrival_us = 0;
  };
  // find(row) has just said kNew.
  void insert(size_t row, const NewId& id);
  // begin_batch() and find() of every row.
  Status find_batch(std::span<const Hash128> keys, std::span<const uint32_t> digests, std::span<Probe> probes);

  // --- flush, merge, forget ----------------------------------------------------------------------------------------
  struct GenerationId {
    uint32_t lateness_class = 0;
    int64_t generation = 0;
    friend auto operator<=>(const GenerationId&, const GenerationId&) = default;
  };
  struct Frozen {
    std::vector<SpillWork> spills;  // one for each generation that had hot ids
    std::vector<GenerationId>
        forgotten;  // since the freeze before: the same edit removes their runs of edits before it
  };
  // Everything inserted so far stood before the marker behind `through`.
  Frozen freeze(Lsn through);
  // After the commit. Of a generation forgotten meanwhile: nothing (the next edit removes the run).
  void adopt(SpilledIds spilled);

  // What to do next, if anything, now that arrival has come to here.
  std::optional<MergeWork> plan_merge(TimeUs arrival_us);
  void adopt(MergedIds merged);
  void abandon_merge();  // the one planned came to nothing

  struct Forgettable {
    GenerationId id;
    std::vector<NewestOfDay> newest;  // what the horizons of the class take over
  };
  // Generations whose newest arrival + duration + limits::kForgetGraceUs lies before `arrival_us`.
  std::vector<Forgettable> candidates_to_forget(TimeUs arrival_us) const;
  // The arrival from which on no shard can have anything newer of this generation to keep: all of them may forget it.
  TimeUs forgettable_from(const GenerationId& id) const;
  // False if there is no such generation here.
  bool forget(const GenerationId& id);

  // Takes over runs of this shard, and of others whose ranges overlap its own after the number of shards has changed
  // (those are looked up and forgotten, never merged). Reads each run whole, for the filters.
  Status load(FileSystem& fs, const std::string& directory, std::span<const IdRunInfo> runs);

  // --- figures -----------------------------------------------------------------------------------------------------
  uint64_t size() const { return hot_ids_ + frozen_ids_ + run_ids_; }  // for limits::kRememberedIdsMax
  uint64_t hot_ids() const { return hot_ids_; }
  struct Memory {
    uint64_t hot_bytes = 0;      // hot and frozen tables
    uint64_t spilled_bytes = 0;  // filters and directories
    uint64_t cache_bytes = 0;
  };
  Memory memory() const;
  struct Stats {
    uint64_t generations = 0;
    uint64_t runs = 0;
    uint64_t filters = 0;
    uint64_t run_ids = 0;
    uint64_t ribbon_runs = 0;      // of runs, those that the ribbon covers
    uint64_t filter_passes = 0;    // keys that a filter or the ribbon let through
    uint64_t false_positives = 0;  // of those, in none of the runs
    uint64_t blocks_read = 0;
  };
  Stats stats() const;
  void check_invariants() const;  // for tests: TALLY_CHECK of what can be counted

 private:
  struct Generation;
  struct Class;
  struct Candidate {
    Hash128 key;
    uint32_t row;
  };
  // A run that the ribbon covers: set i is ribbon_runs_[i].
  struct RibbonRun {
    GenerationId id;
    std::shared_ptr<const IdRun> run;  // nullptr: forgotten
  };

  Generation& generation_for(uint32_t lateness_class, TimeUs arrival_us);
  Generation* find_generation(const IdRunPlace& place);
  void sort_keys();
  void mark_repeats();
  Status ask_runs();
  Status ask_ribbon();
  Status ask(const Generation& generation);
  void collect_candidates();
  Status ask_runs_of(const Generation& generation, FilterMask mask);
  Status ask_run(const IdRun& run);
  void ask_tables();
  Probe find_repeated(size_t row) const;
  void list_tables();
  bool is_sealed(const Generation& generation, TimeUs arrival_us) const;
  std::vector<std::shared_ptr<const IdRun>> runs_to_seal(TimeUs arrival_us) const;
  void cover(std::shared_ptr<const RememberedRibbon> ribbon, std::span<const uint64_t> runs);
  double filter_bits(uint64_t more) const;
  std::optional<MergeWork> plan_runs(Generation& generation, bool sealed);
  bool take_over(Generation& generation, MergedIds& merged);
  std::vector<uint64_t> plan_for(const Generation& generation, bool sealed) const;
  bool is_own(const IdRunPlace& place) const { return place.shard == shard_ && place.shards == shards_; }

  const uint32_t shard_;
  const uint32_t shards_;
  const uint64_t plenty_bytes_;
  std::vector<std::unique_ptr<Class>> classes_;
  std::vector<const RememberedTable*> tables_;      // hot and frozen ones that hold anything
  std::vector<const RememberedTable*> hot_tables_;  // the hot ones of them
  std::shared_ptr<const RememberedRibbon> ribbon_;  // nullptr if there is none
  std::vector<RibbonRun> ribbon_runs_;
  uint64_t hot_ids_ = 0, frozen_ids_ = 0, run_ids_ = 0;
  size_t spills_waiting_ = 0;
  bool merge_waiting_ = false;
  std::vector<GenerationId> forgotten_;

  // The batch: by row, and its keys in ascending order, equal ones in that of their rows.
  std::span<const Hash128> keys_;
  std::span<const uint32_t> digests_;
  std::vector<Probe> known_;      // what runs and tables said when it began
  std::vector<uint8_t> repeats_;  // 1: a row before it has the same key, and may have been inserted since
  std::vector<Hash128> sorted_keys_;
  std::vector<uint32_t> sorted_rows_;
  std::vector<uint8_t> sets_;    // what the ribbon says of each
  std::vector<uint32_t> named_;  // those of which it does not say "none"
  std::vector<uint32_t> buckets_;
  std::vector<uint64_t> words_;
  std::vector<Candidate> candidates_;
  std::vector<Hash128> candidate_keys_;
  std::vector<IdRunMatch> matches_;
  IdRunCache cache_;
  IdRunFinder finder_{&cache_};
  uint64_t filter_passes_ = 0, false_positives_ = 0;
};

}  // namespace tally

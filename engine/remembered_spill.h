// The work on remembered ids that is done behind a shard's back: writing frozen hot tables as runs, joining runs, making
// filters from runs. Everything here reads what nobody changes any more and makes something new; RememberedIds hands out
// the work and takes over what came of it.
// Errors: those of the disk and kCorruption of an input; then nothing was taken over, and the work can be done again.
// Threads: any one at a time for one piece of work.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "engine/id_run.h"
#include "engine/remembered_filters.h"
#include "engine/remembered_ribbon.h"
#include "engine/remembered_table.h"

namespace tally {

// Where a run goes, and under which name: the caller gives out numbers, and lists the run in its manifest.
struct IdRunTarget {
  FileSystem* fs = nullptr;
  std::string directory;
  uint64_t number = 0;
  FileUuid uuid{};
  std::array<uint8_t, 16> table_uuid{};
};

// What a generation held in memory when a flush marker passed: looked up until its run takes its place.
struct FrozenIds {
  RememberedTable table;
  IdRunSummary summary;
};

struct SpillWork {
  IdRunPlace place;
  std::shared_ptr<const FrozenIds> ids;
  RememberedFilters::Filter filter;  // that they are added to where it has room; nullptr: a new one is made
  bool filter_full = false;          // room or not
  uint64_t filter_ids = 0;           // a new one has room for so many at least
  double filter_bits = RememberedFilter::kFilterBits;  // an id, of a new one
};
struct SpilledIds {
  IdRunPlace place;
  std::shared_ptr<const FrozenIds> ids;
  std::shared_ptr<const IdRun> run;         // of `ids`; its info() is for the manifest
  RememberedFilters::Filter filter;         // of this run
  RememberedFilters::Filter filter_before;  // and of all that this one covers; nullptr: of nothing else
};
// Writes the run, opens it, and makes the filter that covers it: a copy with the new ids, or a new one.
Result<SpilledIds> write_spill(const SpillWork& work, const IdRunTarget& target);

struct MergeWork {
  IdRunPlace place;
  std::vector<std::shared_ptr<const IdRun>> inputs;
  // Instead of inputs: all runs of the generation that its filters cover, for a base of these. No file is written then.
  std::vector<std::shared_ptr<const IdRun>> base_of;
  std::vector<RememberedFilters::Filter> filters;  // that a new base takes the place of; none: there is none to be made
  double filter_bits = RememberedFilter::kFilterBits;
  // Instead of inputs: the runs of sealed generations, for one ribbon over all of them. No file is written then.
  std::vector<std::shared_ptr<const IdRun>> sealed;
};
struct MergedIds {
  IdRunPlace place;
  std::vector<uint64_t> inputs;      // numbers of runs: those that the run was made of, or, without one, the filter
  std::shared_ptr<const IdRun> run;  // the edit that adds it removes the inputs; nullptr: nothing was written
  RememberedFilters::Filter filter;  // nullptr: none was to be made
  std::vector<RememberedFilters::Filter> filters;  // that it takes the place of
  // Instead of a run, where there were no inputs, with the numbers of the runs by set.
  std::shared_ptr<const RememberedRibbon> ribbon;
  std::vector<uint64_t> ribbon_runs;
  uint64_t repeated = 0;
};
Result<MergedIds> write_merge(const MergeWork& work, const IdRunTarget& target);
inline bool writes_a_run(const MergeWork& work) { return !work.inputs.empty(); }

// A filter of the ids that belong to `shard` of `shards` in all of `runs`, and their number in each.
struct LoadedFilter {
  std::shared_ptr<RememberedFilter> filter;
  std::vector<uint64_t> own_ids;  // by run
};
Result<LoadedFilter> load_filter(std::span<const std::shared_ptr<const IdRun>> runs, uint32_t shard, uint32_t shards,
                                 double filter_bits);
// The share of the ids of a run at `place` that belong to `shard` of `shards`, in [0, 1]; 1 if it was written by that one.
double own_share(const IdRunPlace& place, uint32_t shard, uint32_t shards);

}  // namespace tally

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
#include "engine/remembered_filter.h"
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
  std::vector<std::shared_ptr<const IdRun>> runs;        // the generation's so far that the ribbon does not cover
  std::shared_ptr<const RememberedFilter> filter;        // of those; nullptr if there is none
  uint32_t filter_bits = RememberedFilter::kFilterBits;  // an id, of a new one
};
struct SpilledIds {
  IdRunPlace place;
  std::shared_ptr<const FrozenIds> ids;
  std::shared_ptr<const IdRun> run;                // of `ids`; its info() is for the manifest
  std::shared_ptr<const RememberedFilter> filter;  // of the runs before and this one
};
// Writes the run, opens it, and makes the filter that covers it: a copy with the new ids, or a new one from all runs.
Result<SpilledIds> write_spill(const SpillWork& work, const IdRunTarget& target);

struct MergeWork {
  IdRunPlace place;
  std::vector<std::shared_ptr<const IdRun>> inputs;
  bool whole = false;  // all runs that the generation's filter covers: it is made anew as well
  uint32_t filter_bits = RememberedFilter::kFilterBits;
  // Instead of inputs: the runs of sealed generations, for one ribbon over all of them. No file is written then.
  std::vector<std::shared_ptr<const IdRun>> sealed;
};
struct MergedIds {
  IdRunPlace place;
  std::vector<uint64_t> inputs;  // their numbers: the edit that adds the run removes these
  std::shared_ptr<const IdRun> run;
  std::shared_ptr<const RememberedFilter> filter;  // nullptr unless `whole`
  // Instead of a run, where there were no inputs, with the numbers of the runs by set.
  std::shared_ptr<const RememberedRibbon> ribbon;
  std::vector<uint64_t> ribbon_runs;
  uint64_t repeated = 0;
};
Result<MergedIds> write_merge(const MergeWork& work, const IdRunTarget& target);

// A filter of the ids that belong to `shard` of `shards` in all of `runs`, with room for `more`, and their number in each.
struct LoadedFilter {
  std::shared_ptr<RememberedFilter> filter;
  std::vector<uint64_t> own_ids;  // by run
};
Result<LoadedFilter> load_filter(std::span<const std::shared_ptr<const IdRun>> runs, uint32_t shard, uint32_t shards,
                                 uint64_t more, uint32_t filter_bits);
// The share of the ids of a run at `place` that belong to `shard` of `shards`, in [0, 1]; 1 if it was written by that one.
double own_share(const IdRunPlace& place, uint32_t shard, uint32_t shards);

}  // namespace tally

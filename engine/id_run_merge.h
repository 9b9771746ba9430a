// Joins runs of one generation into one, and says which to join.
//
// The same id stands in two runs of a shard only if it was remembered twice, which nothing of ours does: found with the same
// digest and event day it is kept once and counted; found with others it is kCorruption that names both files, for one of
// two verdicts about an event cannot be right.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/limits.h"
#include "engine/id_run_writer.h"

namespace tally {

struct IdRunMergeResult {
  IdRunInfo info;
  uint64_t repeated = 0;  // entries that stood in two inputs
};

// Streams two or more runs into `target`, whose place is theirs; memory is 300 KiB an input. `visit`, if given, sees every
// key written, in order, in pieces. What success promises of the file, id_run_writer.h says; the inputs stay.
using KeyVisitor = std::function<void(std::span<const Hash128> keys)>;
Result<IdRunMergeResult> merge_id_runs(IdRunWriter::Options target,
                                       std::span<const std::shared_ptr<const IdRun>> inputs,
                                       const KeyVisitor& visit = {});

// --- the plan ------------------------------------------------------------------------------------------------------

// Runs of about one size wait until there are limits::kIdRunFanIn of them and become one, together with all that are smaller: so
// there are fewer than limits::kIdRunFanIn of each size, and an id is written once for each size. When no more ids are to come
// (sealed), all become one. Sizes are powers of the fan-in, above runs so small that they count as one size. What that
// makes of n spills of a million ids each, as the test has it:
//
//   n                             4    10    33   100
//   runs at a time, at most       4     8    11    15
//   times that an id is written   2.0  2.8   3.0   3.6   (the spill and the last merge included)

struct IdRunSize {
  uint64_t number = 0;
  uint64_t entries = 0;
};
// The numbers of the runs to join next, ascending; none if nothing is to do. A function of its input alone.
std::vector<uint64_t> plan_id_run_merge(std::span<const IdRunSize> runs, bool sealed,
                                        size_t fan_in = limits::kIdRunFanIn);

}  // namespace tally

// States, edits and segment entries for tests of the engine's disk side, and the loops that harm a file.
#pragma once

#include <functional>

#include "engine/manifest.h"
#include "tests/support/sim_disk.h"

namespace tally {

ManifestState sample_state();  // of a new table with small_schema(), without files
SegmentInfo sample_segment(uint64_t number, Lsn max_lsn);
IdRunInfo sample_id_run(uint64_t number, Lsn max_lsn);
// What a flush through `lsn` commits: one segment, numbers moved on, the ledger with it.
ManifestEdit sample_flush(const ManifestState& state, Lsn lsn);
bool same_state(const ManifestState& a, const ManifestState& b);  // clocks left out

}  // namespace tally

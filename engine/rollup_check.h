// Whether every tier of every rollup holds what it says, as the segments of its source, the next finer tier or raw, have it:
//
//   sums      for each UTC day counts and sums are those of the records that it has folded; group by group: what is compared
//             beside each sum is the sum of value times a hash of bucket and dimensions, which no row can leave its group by
//   extremes  MIN, MAX and UNIQUE of each day
//   sections  none lies across what the next tier has folded: it would be read in part by nobody; none is listed and dropped
//   cover     the events of the last tier, of what is above it in each finer source, and of what retention dropped are
//             together those that the ledger accepted, for every rollup that was there from the beginning
//
// Days of which the source has dropped something are compared by the cover alone. Reads everything; for `tally check`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/file_names.h"
#include "engine/dictionary.h"
#include "engine/manifest.h"

namespace tally {

// One line for each rollup, tier and day that is wrong, with its files; empty: all is well. `dictionaries`, by dimension id.
std::vector<std::string> check_rollups(FileSystem& fs, const TablePaths& paths, const ManifestState& state,
                                       const std::map<uint32_t, const Dictionary*>& dictionaries);

}  // namespace tally

// Whether every tier of every rollup holds what it says: for each UTC day its counts and sums are those of the records that it
// has folded, as the next finer tier has them, or raw. Days of which the source has dropped something are compared as far as
// they can be: not at all. Reads everything; for `tally check`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/file_names.h"
#include "engine/dictionary.h"
#include "engine/manifest.h"

namespace tally {

// One line for each rollup, tier and day that is wrong; empty: all is well. `dictionaries`, by dimension id.
std::vector<std::string> check_rollup_sums(FileSystem& fs, const TablePaths& paths, const ManifestState& state,
                                           const std::map<uint32_t, const Dictionary*>& dictionaries);

}  // namespace tally

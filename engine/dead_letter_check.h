// The part of check.h that looks at dead letters: files block by block, payloads row by row, and that their number agrees with
// the ledger.
#pragma once

#include <string>
#include <vector>

#include "base/file_names.h"
#include "engine/manifest.h"

namespace tally {

// A line for each problem, naming the file.
std::vector<std::string> check_letters(FileSystem& fs, const TablePaths& paths, const ManifestState& state);

}  // namespace tally

// A manifest as lines of text for a person, from the file alone.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"

namespace tally {

// Number, edits, how it ends, and the state that they add up to. The table's secret key is not shown.
Result<std::vector<std::string>> describe_manifest(FileSystem& fs, const std::string& path);

}  // namespace tally

// A manifest as lines of text for a person, from the file alone.
#pragma once

#include "base/file.h"
#include "engine/file_description.h"

namespace tally {

// Number, each edit, how it ends, and the state that they add up to. The table's secret key is not shown.
Result<FileDescription> describe_manifest(FileSystem& fs, const std::string& path);

}  // namespace tally

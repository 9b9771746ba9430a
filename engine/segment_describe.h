// A segment, a manifest or a dictionary file as lines of text for a person, from the file alone.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"

namespace tally {

// Header, sections, columns with their encodings and sizes, appendix. Reads every block's header, not its rows.
Result<std::vector<std::string>> describe_segment(FileSystem& fs, const std::string& path);

}  // namespace tally

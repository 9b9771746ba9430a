// A file of a database in words, for a person: `tally inspect`. Read-only, and of one file alone: nothing else of the
// database is needed or locked. What it is, is told by its first bytes; of a file without any of ours, by its name, so that
// a damaged one is called damaged. Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/status.h"
#include "engine/file_description.h"

namespace tally {

struct InspectOptions {
  bool blocks = false;                // of a segment: a line for each block
  std::optional<uint64_t> rows = {};  // of segments and log files: no description but so many rows, as TSV
};

// Returns whether the file is sound; the text says what is damaged. kInvalidArgument: none of the files that can be shown,
// or one without rows where rows are asked for; kCorruption and the like where the file cannot be read at all.
Result<bool> inspect_file(FileSystem& fs, const std::string& path, const InspectOptions& options, const TextSink& sink);

}  // namespace tally

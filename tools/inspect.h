// A file of a database in words, for a person: `tally inspect`. Read-only, and of one file alone: nothing else of the
// database is needed or locked. What it is, is told by its name. Threads: one.
#pragma once

#include <string>

#include "base/file.h"
#include "base/status.h"

namespace tally {

struct Inspection {
  std::string text;
  bool sound = true;  // false: the text says what is damaged
};

// kInvalidArgument when the name is not that of a file of ours; the errors of a file that cannot be read at all.
Result<Inspection> inspect_file(FileSystem& fs, const std::string& path);

}  // namespace tally

// The lock on a database: flock on its LOCK file against other processes, and a table of this process' own locks, since
// what flock says about two opens in one process is easy to lose (reliability.md S3).
#pragma once

#include "base/file.h"

namespace tally::posix {

Result<std::unique_ptr<DirectoryLock>> lock_file(const std::string& path);

}  // namespace tally::posix

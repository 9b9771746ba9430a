// Opening a table: manifest, dictionaries, log, and, if the log holds more than the manifest, recovery (architecture.md,
// Log; reliability.md W9-W21): replay what the log says, make it durable in fresh segments and a fresh manifest before
// anything else happens, so that nothing is ever appended to what a crash left behind.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/file.h"
#include "base/file_names.h"
#include "engine/table.h"

namespace tally {

// A table without anything to recover is not written to before its first ingest.
Result<std::unique_ptr<Table>> open_table(FileSystem& fs, Clock& clock, const TablePaths& paths,
                                          const TableOptions& options);

}  // namespace tally

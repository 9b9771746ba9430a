// Looks at a database offline and says what is wrong where (`tally check`): manifest, segments block by block with zones,
// indexes and id filters against their rows, dictionary files, the strings of segments against those, log, ledger, and that
// their counts agree. Changes nothing but what every start does first (taking the lock,
// removing tables that were never finished). One damaged file does not hide the others.
//
//   TALLY_ASSIGN_OR_RETURN(std::vector<TableCheck> tables, check_database(fs, clock, "/var/lib/tally"));
//
// Errors: kNotFound (no database), kLocked, those of listing the directory. Damage is no error: it is in `problems`.
// Threads: one.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "engine/manifest.h"

namespace tally {

struct TableCheck {
  std::string table;
  uint64_t segments = 0;
  uint64_t segment_bytes = 0;
  uint64_t rows = 0;  // in segments of raw, as are the two above
  uint64_t rollup_segments = 0;
  uint64_t rollup_bytes = 0;
  uint64_t rollup_rows = 0;
  uint64_t log_records = 0;  // in the log alone: recovery would bring them in
  uint64_t dictionary_values = 0;
  Ledger ledger;                      // as of the last flush
  std::vector<std::string> problems;  // a line each, naming the file; empty: sound
  std::vector<std::string> notes;     // worth knowing, and no damage: a torn tail, files set aside
};

Result<std::vector<TableCheck>> check_database(FileSystem& fs, Clock& clock, const std::string& directory);

// One table's folder, without lock: nothing else may have it open.
TableCheck check_table(FileSystem& fs, Clock& clock, const std::string& name, const std::string& table_directory);

}  // namespace tally

// Looks at a log without starting it: what `tally check` and `tally inspect` show. Every file is walked on its own, so that
// a damaged one does not hide the others; whether the log as a whole would be accepted is recover_log()'s word.
//
// Errors: those of the disk while listing. What is wrong with the log is in the report. Changes nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "wal/log_reader.h"

namespace tally {

struct LogFileReport {
  std::string path;
  uint64_t file_bytes = 0;
  LogFileHeader header;  // zeros if it could not be read
  uint64_t groups = 0;
  uint64_t records = 0;     // seals included
  Lsn last_lsn = 0;         // of the last good record; header.first_lsn - 1 if there is none
  uint64_t used_bytes = 0;  // header and good groups
  std::string problem;      // empty: the chain ends where nothing follows
};

struct LogReport {
  std::vector<LogFileReport> files;  // by number; *.torn ones behind the others
  uint64_t spare_files = 0;
  LogRecovery recovery;  // if `problem` is empty; recovery.torn is no problem but worth a line
  std::string problem;   // why a start would refuse this log
};

using LogGroupVisitor = std::function<void(const LogFileReport&, const LogGroup&)>;

// `visit` may be empty; it is called for every good group.
Result<LogReport> verify_log(const LogOptions& options, const LogPosition& position, const LogGroupVisitor& visit = {});

}  // namespace tally

// `tally load`, apart from its command line: files into a table, so that every row ends up in exactly one column of the
// summary, and whatever stops it, the position to go on from is known.
//
// Order of things: every file, its header and the ack file are looked at before the first row is sent. Then batches go out
// through a BatchWindow; for each answer, in order, rejected rows are written down, then the ack file moves forward.
// Errors: kCancelled when an interrupt stopped it, else what stopped it; the summary is valid in any case.
// Threads: one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "engine/table.h"
#include "tools/console.h"
#include "tools/load/event_sink.h"
#include "tools/load/record_reader.h"
#include "tools/load/row_converter.h"

namespace tally {

struct LoadOptions {
  std::vector<std::string> files;
  std::vector<ColumnMapping> mappings;
  std::optional<SourceFormat> format;  // else by the name of each file
  bool replay = false;
  uint32_t batch_rows = 0;       // 0: limits::kBatchRowsDefault, fewer when a rate asks for it
  uint64_t rows_per_second = 0;  // 0: no limit
  std::string ack_file;          // empty: none
  std::string rejected_file;     // empty: none
};

struct LoadSummary {
  Ledger counts;
  uint64_t skipped = 0;  // acknowledged by an earlier load, according to the ack file
  uint64_t retries = 0;
  double seconds = 0;
  bool complete = false;  // every row of every file was answered
  // Where to go on when it is not: the first row of this file that was not acknowledged.
  std::string next_file;
  uint64_t next_row = 0;
  uint64_t bad_rows() const { return counts.rejected + counts.too_late; }
};

class Loader {
 public:
  Loader(EventSink& sink, FileSystem& fs, Clock& clock, Console& console, LoadOptions options);
  Loader(Table& table, FileSystem& fs, Clock& clock, Console& console, LoadOptions options);
  ~Loader();
  Status run();
  const LoadSummary& summary() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tally

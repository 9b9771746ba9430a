// When the background of a table folds and joins, and what it has done so far. Values.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/limits.h"

namespace tally {

struct BackgroundPolicy {
  TimeUs close_after_us = kMicrosPerHour;  // behind a day's end, by arrival: then it is closed
  size_t late_files = 4;
  size_t join_files = 4;
  uint64_t join_ratio = 4;                               // sizes within this factor are about the same
  uint64_t join_bytes_min = 1 * limits::kMiB;            // smaller ones count as this large
  uint64_t join_bytes_max = uint64_t{2} * limits::kGiB;  // larger ones are left alone
};

struct BackgroundStats {
  uint64_t folds = 0, joins = 0, drops = 0;
  uint64_t rows_in = 0, rows_out = 0;  // of folds and joins
  // Of passes over raw: rows, each once whatever the number of rollups; the same times the rollups that they went to; and
  // what they took, by the clock and of a processor.
  uint64_t raw_rows_in = 0, raw_rollup_rows_in = 0;
  TimeUs raw_fold_us = 0, raw_fold_processor_us = 0;
  uint64_t bytes_written = 0;
  uint64_t dropped_events = 0;
  TimeUs busy_us = 0;
  std::string running;                      // what it does at this moment; empty: nothing
  std::string stopped;                      // why it does nothing any more; empty: it has not been stopped
  std::string paused;                       // what waits for room on the disk; empty: nothing
  uint64_t held_days = 0, held_events = 0;  // that retention would drop, and waits for `tally clock confirm`
};

}  // namespace tally

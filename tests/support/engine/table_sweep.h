// The crash sweep over a whole table (reliability.md P2, P4): a scenario of batches, resends, flushes and restarts on the
// simulated disk, the power cut at the n-th change for n = 1, 2, ... until the scenario runs through, several fates each;
// after each cut the database is opened again (and cut again while it recovers), compared with what was sent and
// acknowledged, written to again, and everything is sent once more: every event must then stand there exactly once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tally {

struct TableSweepResult {
  uint64_t crash_points = 0;  // operations at which the power was cut
  uint64_t states = 0;        // disks looked at afterwards
  std::string failure;        // empty: none. Else what broke, with the seed, operation and fate that replay it
};

struct TableSweepOptions {
  uint64_t seed = 1;
  uint64_t first = 1;   // of the crash points, for a replay
  uint64_t stride = 1;  // every stride-th crash point
  uint64_t points_max = UINT64_MAX;
  std::function<bool()> stop = [] { return false; };  // the time is over
};

TableSweepResult sweep_table(const TableSweepOptions& options);

// The n-th operation of each kind fails, once and for ever, with EIO or ENOSPC: an answer is an error that says so, and after
// a restart every acknowledged row is there once (P3).
TableSweepResult sweep_table_errors(const TableSweepOptions& options);

}  // namespace tally

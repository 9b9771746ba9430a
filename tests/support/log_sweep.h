// Sweeps over the log (reliability.md P2, P3): one seed is one scenario of appends, polls, flushes, seals, rolls, and a
// close; one point of it is one operation of the disk where the power fails or the disk refuses.
//
//   crash   at point n the power fails. Every fate of what was not synced, several seeds each: recover, compare with the
//           oracle, go on writing, fail again at a random point (compound), recover again, go on, stop, recover.
//   error   the n-th operation fails, once or from then on, with EIO, ENOSPC or a short transfer. Then the process is
//           killed, or the power fails; recover, compare, go on.
//
// Everything is a function of seed and point, which the failure names.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tally {

struct LogSweepOptions {
  uint64_t seed = 1;
  unsigned steps = 30;  // of the scenario
  unsigned seeds_per_fate = 1;
  uint64_t only_point = 0;          // 0: all
  uint64_t point_stride = 1;        // every how manyth point; the first is drawn from the seed
  std::function<bool()> stop = {};  // asked between points; empty: never
};

struct LogSweepReport {
  uint64_t points = 0;
  uint64_t states = 0;  // disks recovered from and verified
  std::string failure;  // empty: none. Else what, where, and how to see it again
};

LogSweepReport sweep_log_crashes(const LogSweepOptions& options);
LogSweepReport sweep_log_errors(const LogSweepOptions& options);

}  // namespace tally

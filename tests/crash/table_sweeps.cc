// The sweeps over a whole table: power failure at every change, and every operation failing.
#include "tests/crash/sweeps.h"
#include "tests/support/engine/table_sweep.h"

namespace tally {
namespace {

using TableSweep = TableSweepResult (*)(const TableSweepOptions&);

SweepOutcome run(TableSweep sweep, const char* name, const SweepRound& round) {
  TableSweepOptions options{.seed = round.seed};
  if (round.stop) options.stop = round.stop;
  if (round.only_point != 0) {
    options.first = round.only_point;
    options.points_max = 1;
  }
  TableSweepResult result = sweep(options);
  if (!result.failure.empty()) {
    result.failure +=
        "\n  again with: ./dev crash --sweep " + std::string(name) + " --seed " + std::to_string(round.seed);
  }
  return {result.crash_points, result.states, std::move(result.failure)};
}

const SweepRegistration crashes{{
    .name = "table-crash",
    .what = "power failure at every change of a table's life, every fate, and again while it recovers",
    .run = [](const SweepRound& round) { return run(sweep_table, "table-crash", round); },
}};
const SweepRegistration errors{{
    .name = "table-error",
    .what = "every operation of a table's disk fails, once and for ever, with EIO and ENOSPC",
    .run = [](const SweepRound& round) { return run(sweep_table_errors, "table-error", round); },
}};

}  // namespace
}  // namespace tally

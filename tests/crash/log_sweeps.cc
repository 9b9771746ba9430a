#include "tests/crash/sweeps.h"
#include "tests/support/log_sweep.h"

namespace tally {
namespace {

constexpr unsigned kSteps = 40;
constexpr unsigned kSeedsPerFate = 2;

SweepOutcome outcome(LogSweepReport report) { return {report.points, report.states, std::move(report.failure)}; }

LogSweepOptions options_of(const SweepRound& round) {
  return {.seed = round.seed,
          .steps = kSteps,
          .seeds_per_fate = kSeedsPerFate,
          .only_point = round.only_point,
          .point_stride = 1,
          .stop = round.stop};
}

const SweepRegistration crashes{{
    .name = "log-crash",
    .what = "power failure at every operation of the log, every fate, then again",
    .run = [](const SweepRound& round) { return outcome(sweep_log_crashes(options_of(round))); },
}};
const SweepRegistration errors{{
    .name = "log-error",
    .what = "every operation of the log fails, once and for ever, in every way",
    .run = [](const SweepRound& round) { return outcome(sweep_log_errors(options_of(round))); },
}};

}  // namespace
}  // namespace tally

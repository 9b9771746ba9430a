// A few rounds of the sweeps; `./dev crash` runs them for as long as one likes.
#include "tests/support/log_sweep.h"

#include <doctest/doctest.h>

#include "tests/support/log_world.h"
#include "tests/support/seed.h"
#include "tests/support/sim_disk.h"

namespace tally {
TEST_CASE("log sweep: power failure at every operation, every fate, and again") {
  for (uint64_t seed = test_seed(1), last = seed + 3; seed < last; ++seed) {
    CAPTURE(seed);
    LogSweepReport report = sweep_log_crashes({.seed = seed, .steps = 18});
    CHECK_EQ(report.failure, "");
    CHECK_GT(report.states, 300);
  }
}

TEST_CASE("log sweep: every operation fails in every way") {
  for (uint64_t seed = test_seed(1), last = seed + 2; seed < last; ++seed) {
    CAPTURE(seed);
    LogSweepReport report = sweep_log_errors({.seed = seed, .steps = 18});
    CHECK_EQ(report.failure, "");
    CHECK_GT(report.states, 300);
  }
}

TEST_CASE("log sweep: a seed gives the same disk every time") {
  auto hash_of_life = [](uint64_t seed) {
    SimDisk disk(seed);
    ManualClock clock;
    LogOracle oracle;
    {
      LogWorld world(disk, clock, oracle, {.seed = seed});
      CHECK(world.live(60).has_value());
    }
    CHECK_EQ(oracle.failure(), "");
    return disk.hash();
  };
  for (uint64_t seed = test_seed(1), last = seed + 5; seed < last; ++seed) {
    CAPTURE(seed);
    CHECK_EQ(hash_of_life(seed), hash_of_life(seed));
  }
}

}  // namespace tally

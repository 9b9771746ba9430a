#include "tests/support/engine/table_sweep.h"

#include <doctest/doctest.h>

#include "tests/support/seed.h"

using namespace tally;

TEST_CASE("table: power failure at every change of a life of batches, flushes and restarts") {
  const TableSweepResult result = sweep_table({.seed = test_seed(1), .stride = 3});
  MESSAGE("crash points " << result.crash_points << ", states " << result.states);
  CHECK_MESSAGE(result.failure.empty(), result.failure);
  CHECK(result.crash_points > 20);
}

TEST_CASE("table: every operation of the disk fails once and for ever") {
  const TableSweepResult result = sweep_table_errors({.seed = test_seed(2), .stride = 5});
  MESSAGE("faults " << result.crash_points);
  CHECK_MESSAGE(result.failure.empty(), result.failure);
  CHECK(result.crash_points > 20);
}

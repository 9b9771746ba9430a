// Real input, real kills, in short; ./dev crash --kill [--kills N] [--seed S] is the long form.
#include "tests/end_to_end/program.h"
#include "tests/support/kill_run.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

TEST_CASE("kill: batches of real rows sent many times by loaders that are killed, none lost and none counted twice") {
  const uint64_t seed = test_seed(1);
  KillOptions options;
  options.tally = tally_binary();
  options.rows_max = 4'000;
  options.kills = 8;
  options.seed = seed;
  const KillResult result = run_kills(options);
  MESSAGE("seed " << seed << ": " << result.summary());
  CHECK_MESSAGE(result.failure.empty(), result.failure);
  CHECK(result.kills >= 8);
}

}  // namespace
}  // namespace tally

// The engine against a plain model of what it promises (tests/support/engine/model_run.h), in its short form.
// TALLY_SEED=N begins at another seed; ./dev crash --model [--operations N] [--seed S] is the long form.
#include <doctest/doctest.h>

#include "tests/support/engine/model_run.h"
#include "tests/support/seed.h"

using namespace tally;

TEST_CASE("model: every verdict, every row and the ledger are what was believed") {
  const uint64_t seed = test_seed(1);
  const model::ModelSearchResult result = model::search_model({.seed = seed, .operations = 300'000});
  MESSAGE("seeds " << seed << " to " << seed + result.runs - 1 << ": " << result.total.operations << " operations, "
                   << result.total.power_failures << " power failures, " << result.total.forgotten_ids
                   << " ids forgotten");
  CHECK_MESSAGE(result.total.failure.empty(), result.total.failure);
  CHECK(result.total.power_failures > 0);
  CHECK(result.total.forgotten_ids > 0);
}

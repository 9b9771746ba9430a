// Rollups, folding, joins, retention and changes of the schema against a plain list of rows (tests/support/engine/fold_run.h),
// in its short form. TALLY_SEED=N begins at another seed; ./dev crash --folds [--operations N] [--seed S] is the long form.
#include <doctest/doctest.h>

#include "tests/support/engine/fold_run.h"
#include "tests/support/seed.h"

using namespace tally;

TEST_CASE("model of rollups: every cover of every rollup adds up to the plain list of rows") {
  const uint64_t seed = test_seed(1);
  const model::ModelSearchResult result =
      model::search_model({.seed = seed, .operations = 150'000, .run = folds::run_folds});
  std::string counted;
  for (const auto& [what, count] : result.total.counted) counted += ", " + std::to_string(count) + " " + what;
  MESSAGE("seeds " << seed << " to " << seed + result.runs - 1 << ": " << result.total.operations << " steps, "
                   << result.total.power_failures << " power failures" << counted);
  CHECK_MESSAGE(result.total.failure.empty(), result.total.failure);
  CHECK(result.total.power_failures > 0);
  for (const char* what : {"folds", "joins", "drops", "questions", "changes of the schema"}) {
    CAPTURE(what);
    CHECK(result.total.counted.at(what) > 0);
  }
}

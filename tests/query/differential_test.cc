// The short form of ./dev differential: the engine against the reference interpreter, without another database.
#include <doctest/doctest.h>

#include "tests/support/query/differential.h"
#include "tests/support/seed.h"

namespace tally::reference {

TEST_CASE("differential: the engine and the reference interpreter give the same answers") {
  DifferentialOptions options;
  options.seed = test_seed(20'240'331);
  options.queries = 600;
  options.queries_a_world = 40;
  const DifferentialReport report = run_differential(options);
  MESSAGE("seed ", options.seed, ": ", summary(report));
  for (const std::string& difference : report.differences) FAIL_CHECK(difference);
  CHECK(report.queries == options.queries);
  CHECK(report.features.size() >= 60);
}

}  // namespace tally::reference

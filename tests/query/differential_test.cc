// The short form of ./dev differential: the engine against the reference interpreter, without another database.
#include <doctest/doctest.h>

#include "query/parser.h"
#include "tests/support/query/differential.h"
#include "tests/support/query/interpreter.h"
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

// The binder leaves the reference a plain tree, in which the bucket of a constant still looks like one.
TEST_CASE("differential: what FILL fills is the same to both") {
  RandomWorld world(7);
  const auto reference = [&](const std::string& sql) {
    const auto statement = parse_statement(sql);
    REQUIRE(statement);
    return interpret(std::get<SelectStatement>(*statement), world.catalog(), {}, world.table());
  };
  const std::string constant = "date_trunc('month', TIMESTAMP '2024-03-29 10:08:00')";
  const std::string nothing = "SELECT " + constant + " FROM t GROUP BY 1 FILL";
  CHECK_FALSE(world.run(nothing, {}));
  CHECK_FALSE(reference(nothing));
  const std::string hours = "SELECT " + constant + ", time_bucket('1 hour', ts) FROM t GROUP BY 1, 2 FILL";
  const auto ours = world.run(hours, {});
  const auto theirs = reference(hours);
  REQUIRE(ours);
  REQUIRE(theirs);
  CHECK(ours->rows.size() == theirs->rows.size());
  CHECK(ours->rows.size() > 10);
}

}  // namespace tally::reference

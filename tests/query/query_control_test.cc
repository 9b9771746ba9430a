// Statements that are to end early: cancelled, or out of time.
#include "query/query_control.h"

#include <doctest/doctest.h>

#include "query/catalog.h"
#include "query/statement_runner.h"
#include "tests/query/sql_world.h"
#include "tests/support/manual_clock.h"

namespace tally {
namespace {

TEST_CASE("a statement goes on until its caller asks it to stop") {
  ManualClock clock;
  std::stop_source stop;
  std::atomic<uint64_t> rows{0};
  const QueryOptions options{.stop = stop.get_token(), .rows_read = &rows};
  const QueryControl control(options, clock);
  CHECK(control.proceed(10));
  CHECK(control.proceed(5));
  CHECK(rows == 15);
  stop.request_stop();
  const auto stopped = control.proceed(1);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == Code::kCancelled);
}

TEST_CASE("a statement ends when its time is over, and says how long that was") {
  ManualClock clock;
  const QueryOptions options{.timeout_us = 30 * kMicrosPerSecond};
  const QueryControl control(options, clock);
  clock.advance(30 * kMicrosPerSecond - 1);
  CHECK(control.proceed(0));
  clock.advance(1);
  const auto late = control.proceed(0);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Code::kLimitExceeded);
  CHECK(late.error().message == "the statement took longer than its time limit of 30 seconds");
}

TEST_CASE("a cancelled statement answers with an error, whatever it was doing") {
  SqlWorld world;
  REQUIRE(world
              .run("CREATE TABLE t (ts TIMESTAMP EVENT TIME, event_id ID UNIQUE WITHIN '72 hours', country STRING "
                   "DIMENSION)")
              .find("error") == std::string::npos);
  std::stop_source stop;
  stop.request_stop();
  const QueryOptions options{.stop = stop.get_token()};
  for (const char* sql :
       {"SELECT 1", "SELECT SUM(events) FROM t", "SELECT * FROM t.raw", "SELECT * FROM system.tables",
        "SELECT country, SUM(events) FROM t GROUP BY country ORDER BY 1", "EXPLAIN ANALYZE SELECT 1"}) {
    const auto answer = world.ask(sql, options);
    REQUIRE_MESSAGE(!answer, sql);
    CHECK_MESSAGE(answer.error().error.code == Code::kCancelled, sql, ": ", answer.error().error.message);
  }
}

}  // namespace
}  // namespace tally

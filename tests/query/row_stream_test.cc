// Rows that leave while they are made: the same answer as one that is kept whole, in pieces, without its memory.
#include <doctest/doctest.h>

#include <functional>
#include <numeric>

#include "query/format.h"
#include "query/operators/row_stream.h"
#include "tests/query/sql_world.h"

namespace tally {
namespace {

constexpr uint32_t kRows = 6'000;

class Gathered : public RowSink {
 public:
  Status begin(std::span<const ResultColumn> given) override {
    CHECK(columns.empty());
    columns.assign(given.begin(), given.end());
    return {};
  }
  Status take(std::span<const std::vector<Cell>> given) override {
    CHECK_FALSE(given.empty());
    pieces.push_back(given.size());
    rows.insert(rows.end(), given.begin(), given.end());
    if (on_piece) return on_piece();
    return {};
  }
  std::string csv() const {
    QueryResult result;
    result.columns = columns;
    result.rows = rows;
    return format_result(result, OutputFormat::kCsv);
  }

  std::vector<ResultColumn> columns;
  std::vector<std::vector<Cell>> rows;
  std::vector<size_t> pieces;
  std::function<Status()> on_piece;
};

// Half in a segment, half in memory.
void fill(SqlWorld& world) {
  const std::string made = world.run(
      "CREATE TABLE t (ts TIMESTAMP EVENT TIME, event_id ID UNIQUE WITHIN '72 hours', c STRING DIMENSION, n INT64 "
      "FIELD, "
      "cost DECIMAL(12, 4) FIELD, total MEASURE SUM(n))");
  REQUIRE_MESSAGE(made.find("error") == std::string::npos, made);
  const std::vector<std::string> rules = {"ts 2024-03-15T08:00:00Z 1 3600", "c v 1 7", "n - 1 1000000",
                                          "cost - 1 9000"};
  REQUIRE(world.fill("t", kRows / 2, rules).find("error") == std::string::npos);
  REQUIRE(world.flush("t").empty());
  std::vector<std::string> lines = {"ts,event_id,c,n,cost"};
  for (uint32_t i = kRows / 2; i < kRows; ++i) {
    lines.push_back("2024-03-15T09:00:00Z,more-" + std::to_string(i) + ",v" + std::to_string(i % 7) + "," +
                    std::to_string(i) + ",1.25");
  }
  REQUIRE(world.load("t", lines, false).find("error") == std::string::npos);
}

TEST_CASE("row stream: whatever is asked, the pieces are the answer that would have been kept") {
  SqlWorld world;
  fill(world);
  const char* statements[] = {"SELECT event_id, c, n, cost FROM t.raw",
                              "SELECT n FROM t.raw WHERE n % 3 = 1",
                              "SELECT n FROM t.raw LIMIT 1500",
                              "SELECT n FROM t.raw LIMIT 10 OFFSET 2995",
                              "SELECT n FROM t.raw OFFSET 5990",
                              "SELECT n FROM t.raw LIMIT 0",
                              "SELECT n FROM t.raw WHERE n < 0",
                              "SELECT DISTINCT c, n % 5 FROM t.raw",
                              "SELECT DISTINCT n % 1500 FROM t.raw LIMIT 1200 OFFSET 100",
                              "SELECT c, SUM(cost), AVG(n) FROM t.raw GROUP BY c",
                              "SELECT n, COUNT(*) FROM t.raw GROUP BY n HAVING n > 10",
                              "SELECT n, c FROM t.raw ORDER BY n DESC",
                              "SELECT n FROM t.raw ORDER BY c, n LIMIT 2000",
                              "SELECT 1, 2.50, CAST(1 AS DECIMAL(5, 3)), 'x', NULL, TRUE",
                              "SELECT * FROM system.tables",
                              "SHOW TABLES",
                              "DESCRIBE t",
                              "EXPLAIN SELECT n FROM t.raw"};
  for (const char* sql : statements) {
    CAPTURE(sql);
    auto kept = world.ask(sql, {});
    REQUIRE(kept.has_value());
    Gathered sink;
    auto streamed = world.ask(sql, {.rows = &sink});
    REQUIRE(streamed.has_value());
    CHECK(streamed->rows.empty());
    CHECK(streamed->handed_over);
    CHECK(streamed->stats.rows == kept->rows.size());
    CHECK(kept->stats.rows == kept->rows.size());
    CHECK(sink.csv() == format_result(*kept, OutputFormat::kCsv));
    CHECK(std::accumulate(sink.pieces.begin(), sink.pieces.end(), size_t{0}) == kept->rows.size());
    for (const size_t rows : sink.pieces) CHECK(rows <= RowStream::kRows);
  }
}

TEST_CASE("row stream: columns say the digits behind the point that the rows will have") {
  SqlWorld world;
  fill(world);
  Gathered sink;
  REQUIRE(world.ask("SELECT cost, CAST(n AS DECIMAL(9, 2)), n, c FROM t.raw", {.rows = &sink}).has_value());
  CHECK(sink.columns[0].scale == 4);
  CHECK(sink.columns[1].scale == 2);
  CHECK(sink.columns[2].scale == 0);
  Gathered sums;
  REQUIRE(world.ask("SELECT c, SUM(cost), MAX(cost) FROM t.raw GROUP BY c", {.rows = &sums}).has_value());
  CHECK(sums.columns[1].scale == 4);
  CHECK(sums.columns[2].scale == 4);
}

TEST_CASE("row stream: an answer that is larger than a statement's memory goes through it") {
  SqlWorld world;
  fill(world);
  const uint64_t memory = 300'000;
  const char* sql = "SELECT event_id, event_id, event_id, c, n FROM t.raw";
  auto kept = world.ask(sql, {.memory_bytes = memory});
  REQUIRE_FALSE(kept.has_value());
  CHECK(kept.error().error.code == Code::kLimitExceeded);
  Gathered sink;
  CHECK(world.ask(sql, {.memory_bytes = memory, .rows = &sink}).has_value());
  CHECK(sink.rows.size() == kRows);
  // What DISTINCT has to know of all rows counts.
  Gathered distinct;
  auto keys = world.ask("SELECT DISTINCT event_id, n FROM t.raw", {.memory_bytes = memory, .rows = &distinct});
  REQUIRE_FALSE(keys.has_value());
  CHECK(keys.error().error.code == Code::kLimitExceeded);
  CHECK(keys.error().error.message.find("needs more than") != std::string::npos);
  CHECK(distinct.rows.size() < kRows);
}

TEST_CASE("row stream: a statement that fails on its way has handed over what came before, and says where it failed") {
  SqlWorld world;
  fill(world);
  Gathered sink;
  const char* sql =
      "SELECT n,\n CASE WHEN n = 5900 THEN 9000000000000000000 * 9000000000000000000 * n ELSE 0 END FROM t.raw";
  auto failed = world.ask(sql, {.rows = &sink});
  REQUIRE_FALSE(failed.has_value());
  REQUIRE(failed.error().position.has_value());
  CHECK(failed.error().position->line == 2);
  CHECK(sink.columns.size() == 2);
  CHECK(sink.rows.size() >= kRows / 2);
  CHECK(sink.rows.size() < kRows);
}

TEST_CASE("row stream: who wants no more ends the statement, and so does who cancels it") {
  SqlWorld world;
  fill(world);
  Gathered sink;
  sink.on_piece = [&]() -> Status {
    if (sink.pieces.size() < 3) return {};
    return fail(Code::kIoError, "the pipe is closed");
  };
  for (const char* sql : {"SELECT n FROM t.raw", "SELECT n FROM t.raw ORDER BY n"}) {
    sink.columns.clear();
    sink.pieces.clear();
    auto ended = world.ask(sql, {.rows = &sink});
    REQUIRE_FALSE(ended.has_value());
    CHECK(ended.error().error.code == Code::kIoError);
    CHECK(ended.error().error.message == "the pipe is closed");
    CHECK(sink.pieces.size() == 3);
  }
  std::stop_source stop;
  Gathered cancelled;
  cancelled.on_piece = [&]() -> Status {
    stop.request_stop();
    return {};
  };
  auto stopped = world.ask("SELECT n FROM t.raw", {.stop = stop.get_token(), .rows = &cancelled});
  REQUIRE_FALSE(stopped.has_value());
  CHECK(stopped.error().error.code == Code::kCancelled);
  CHECK(cancelled.pieces.size() == 1);
}

TEST_CASE("row stream: while the rows are being read the statement's time stands still") {
  SqlWorld world;
  fill(world);
  Gathered slow;
  slow.on_piece = [&]() -> Status {
    world.clock.advance(kMicrosPerMinute);
    return {};
  };
  REQUIRE(world.ask("SELECT n FROM t.raw", {.timeout_us = kMicrosPerSecond, .rows = &slow}).has_value());
  CHECK(slow.rows.size() == kRows);
  CHECK(slow.pieces.size() > 5);
}

}  // namespace
}  // namespace tally

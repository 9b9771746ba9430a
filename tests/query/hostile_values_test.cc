// Values at the edge of their types, and strings that grow while they are computed: an answer, or a refusal by name.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/limits.h"
#include "query/numeric.h"
#include "tests/query/sql_world.h"

namespace tally {
namespace {

Cell number(Int128 value, uint8_t scale) {
  Cell cell;
  cell.kind = Cell::Kind::kNumber;
  cell.number = value;
  cell.scale = scale;
  return cell;
}

Cell real(double value) {
  Cell cell;
  cell.kind = Cell::Kind::kDouble;
  cell.real = value;
  return cell;
}

Cell timestamp(int64_t value) {
  Cell cell;
  cell.kind = Cell::Kind::kTimestamp;
  cell.timestamp = value;
  return cell;
}

// The second line of the CSV, or the error.
std::string value_of(SqlWorld& world, const std::string& sql, const std::vector<Cell>& parameters = {}) {
  const std::string answer = world.run(sql, parameters);
  if (answer.starts_with("error")) return answer.substr(0, answer.size() - 1);
  const size_t line = answer.find('\n') + 1;
  return answer.substr(line, answer.size() - line - 1);
}

constexpr const char* kTable =
    "CREATE TABLE t (ts TIMESTAMP EVENT TIME, id ID UNIQUE WITHIN '1 hour', d STRING DIMENSION, k INT64 DIMENSION, n "
    "INT64 FIELD, c DECIMAL(9,2) FIELD, s STRING FIELD)";

TEST_CASE(
    "casts: every type to every type, of constants and of columns: an answer that a second cast leaves, or an error") {
  SqlWorld world;
  REQUIRE(world.run(kTable).find("error") == std::string::npos);
  REQUIRE(world.load("t", {"ts,id,d,k,n,c,s", "2024-03-15T11:00:00Z,a,true,1,1,1.50,12"}, false).empty());
  struct Source {
    const char *constant, *column;
  };
  const Source sources[] = {{"NULL", "NULLIF(n, 1)"},
                            {"TRUE", "(n = 1)"},
                            {"1", "n"},
                            {"2", "k"},
                            {"1.50", "c"},
                            {"('12' || '')", "s"},
                            {"('12' || '')", "d"},
                            {"TIMESTAMP '2024-03-15T11:00:00Z'", "ts"},
                            {"INTERVAL '1 hour'", "(ts - TIMESTAMP '2024-03-15T10:00:00Z')"}};
  const char* types[] = {"BOOLEAN", "INT64", "DECIMAL", "DECIMAL(9,1)", "STRING", "TIMESTAMP", "INTERVAL"};
  size_t answered = 0;
  for (const Source& source : sources) {
    for (const char* type : types) {
      for (const std::string& operand : {std::string(source.constant), std::string(source.column)}) {
        const std::string cast = "CAST(" + operand + " AS " + type + ")";
        CAPTURE(cast);
        const std::string answer = world.run("SELECT " + cast + " FROM t.raw");
        if (answer.starts_with("error")) {
          CHECK(answer.find("internal") == std::string::npos);
          continue;
        }
        ++answered;
        // Once more is the same, whatever it was.
        CHECK(value_of(world, "SELECT CAST(" + cast + " AS " + type + ") FROM t.raw") ==
              value_of(world, "SELECT " + cast + " FROM t.raw"));
      }
    }
  }
  CHECK(answered >= 60);
}

TEST_CASE("parameters: numbers that cannot be counted with are refused by their name, wherever they stand") {
  SqlWorld world;
  REQUIRE(world.run(kTable).find("error") == std::string::npos);
  REQUIRE(world.load("t", {"ts,id,d,k,n,c,s", "2024-03-15T11:00:00Z,a,x,1,1,1.50,12"}, false).empty());
  const char* statements[] = {"SELECT $1::string",
                              "SELECT $1 + 0",
                              "SELECT id FROM t.raw WHERE n > $1",
                              "SELECT id FROM t.raw WHERE n IN ($1, 2)",
                              "SELECT id FROM t.raw WHERE c = $1",
                              "SELECT id FROM t.raw WHERE k = $1",
                              "SELECT SUM(n * $1) FROM t.raw"};
  for (const char* sql : statements) {
    CAPTURE(sql);
    for (const unsigned scale : {39, 76, 128, 200, 255}) {
      const std::string answer = world.run(sql, {number(5, static_cast<uint8_t>(scale))});
      CHECK(answer.find("error: $1 has " + std::to_string(scale) +
                        " digits after the point, and at most 38 can be kept") == 0);
    }
    CHECK(world.run(sql, {number(-kInt128Max - 1, 0)}).find("error: $1 does not fit 127 bits") == 0);
    for (const unsigned scale : {0, 1, 38}) {
      for (const Int128 value : {Int128{0}, Int128{1}, kInt128Max, -kInt128Max}) {
        world.run(sql,
                  {number(value, static_cast<uint8_t>(scale))});  // an answer or an error, and no end of the process
      }
    }
  }
  CHECK(value_of(world, "SELECT $1::string", {number(5, 38)}) == "0.00000000000000000000000000000000000005");
}

TEST_CASE("parameters: a double counts as the shortest decimal that reads as it") {
  SqlWorld world;
  CHECK(value_of(world, "SELECT $1 + 0", {real(1e-7)}) == "0.0000001");
  CHECK(value_of(world, "SELECT $1 + 0", {real(0.1)}) == "0.1");
  CHECK(value_of(world, "SELECT $1 + 0", {real(-2.5)}) == "-2.5");
  CHECK(value_of(world, "SELECT $1 + 0", {real(1e20)}) == "100000000000000000000");
  CHECK(value_of(world, "SELECT $1 = 0", {real(-0.0)}) == "true");
  CHECK(value_of(world, "SELECT $1 + 0", {real(1e300)}).find("error: $1 is the double 1e+300, which does not fit") ==
        0);
  CHECK(value_of(world, "SELECT $1 + 0", {real(1e-300)}).find("error: $1 is the double 1e-300, which does not fit") ==
        0);
  for (const double none :
       {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    CHECK(value_of(world, "SELECT $1", {real(none)}) ==
          "error: $1 is a double without a value: NaN or infinite at 1:8");
  }
}

TEST_CASE("parameters: times at the ends of time end no process") {
  SqlWorld world;
  for (const int64_t at : {INT64_MIN, INT64_MIN + 1, int64_t{-1}, INT64_MAX - 1, INT64_MAX}) {
    for (const char* sql : {"SELECT $1::string", "SELECT $1", "SELECT $1 + INTERVAL '1 month'",
                            "SELECT $1 - INTERVAL '1 day'", "SELECT time_bucket('1 month', $1)",
                            "SELECT date_trunc('week', $1, 'Europe/Berlin')", "SELECT $1 - TIMESTAMP '2024-01-01'"}) {
      CAPTURE(sql);
      CHECK_FALSE(world.run(sql, {timestamp(at)}).empty());
    }
  }
}

// --- memory

constexpr uint64_t kBudget = 16 * limits::kMiB;

// Rows with a string of 40 KB each.
void fill_wide(SqlWorld& world, uint32_t rows) {
  REQUIRE(world.run(kTable).find("error") == std::string::npos);
  const std::string wide(40'000, 'w');
  for (uint32_t first = 0; first < rows; first += 50) {
    std::vector<std::string> lines = {"ts,id,d,k,n,c,s"};
    for (uint32_t i = first; i < first + 50; ++i) {
      const std::string number = std::to_string(i);
      lines.push_back("2024-03-15T11:00:00Z,id-" + number + ",x,1," + number + ",1.50," + number + wide);
    }
    REQUIRE(world.load("t", lines, false).empty());
  }
}

TEST_CASE("memory: a statement whose strings do not fit fails by name, and alone") {
  SqlWorld world;
  fill_wide(world, 1'000);
  const std::string literal(60'000, 'x');
  const std::string refused[] = {"SELECT n FROM t.raw ORDER BY s || s || s || s",
                                 "SELECT n FROM t.raw ORDER BY s",
                                 "SELECT DISTINCT s FROM t.raw",
                                 "SELECT DISTINCT LOWER(s) FROM t.raw ORDER BY 1 LIMIT 1",
                                 "SELECT SUM(LENGTH('" + literal + "' || id)) FROM t.raw",
                                 "SELECT n FROM t.raw WHERE LENGTH('" + literal + "' || id) = 1",
                                 "SELECT MAX(n) FROM t.raw GROUP BY UPPER(s)"};
  for (const std::string& sql : refused) {
    CAPTURE(sql.substr(0, 60));
    auto answer = world.ask(sql, {.memory_bytes = kBudget});
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().error.code == Code::kLimitExceeded);
    CHECK(answer.error().error.message.find("needs more than 16 MiB") != std::string::npos);
    CHECK(world.ask("SELECT COUNT(*) FROM t.raw", {.memory_bytes = kBudget}).has_value());
  }
}

TEST_CASE("memory: what a statement lets go of is not counted against it") {
  SqlWorld world;
  fill_wide(world, 1'000);
  // Together some 40 MB each, but never at a time.
  for (const char* sql : {"SELECT SUM(LENGTH(s)) FROM t.raw", "SELECT n FROM t.raw ORDER BY s LIMIT 3",
                          "SELECT SUM(LENGTH(LOWER(s))) FROM t.raw WHERE n < 200", "SELECT n FROM t.raw ORDER BY n"}) {
    CAPTURE(sql);
    auto answer = world.ask(sql, {.memory_bytes = kBudget});
    REQUIRE_MESSAGE(answer.has_value(), (answer ? "" : answer.error().error.message));
  }
  // The same texts with enough memory: pieces of rows are the rows.
  CHECK(world.run("SELECT SUM(LENGTH(LOWER(s))), COUNT(DISTINCT LOWER(s)) FROM t.raw") ==
        "SUM(LENGTH(LOWER(s))),COUNT(DISTINCT LOWER(s))\n40002890,1000\n");
}

}  // namespace
}  // namespace tally

// Groups of rows that lie in segments, where dimensions come in runs, and of the same rows in memory, where none do.
#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "base/random.h"
#include "tests/query/sql_world.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

constexpr const char* kCreate =
    "CREATE TABLE t (ts TIMESTAMP EVENT TIME, id ID UNIQUE WITHIN '1 hour', shop STRING DIMENSION, slot INT64 "
    "DIMENSION, one STRING DIMENSION, kind STRING FIELD, price DECIMAL(10,2) FIELD, amount INT64 FIELD, "
    "sold MEASURE COUNT WHERE kind = 'a', total MEASURE SUM(price))";

// Over two days; ids that come twice, and NULLs. Sorted by the dimensions there are runs of hundreds of rows.
std::vector<std::string> rows_of(Random& random, size_t count) {
  std::vector<std::string> lines = {"ts,id,shop,slot,one,kind,price,amount"};
  for (size_t row = 0; row < count; ++row) {
    const std::string time = std::to_string(2024) + "-03-1" + std::to_string(random.between(4, 5)) + "T1" +
                             std::to_string(random.below(2)) + ":" + std::to_string(random.between(10, 59)) + ":00Z";
    const std::string shop = random.chance(0.1) ? "" : "shop" + std::to_string(random.below(3));
    lines.push_back(time + ",row-" + std::to_string(random.below(count * 4 / 5)) + "," + shop + "," +
                    std::to_string(random.below(4)) + ",same," + (random.chance(0.3) ? "a" : "b") + "," +
                    std::to_string(random.below(900)) + ".5," +
                    (random.chance(0.1) ? "" : std::to_string(random.below(100))));
  }
  return lines;
}

std::vector<std::string> sorted_lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST_CASE("packed keys: groups of runs are the groups of their rows") {
  const uint64_t seed = test_seed(1);
  CAPTURE(seed);
  SqlWorld memory, segments;
  for (SqlWorld* world : {&memory, &segments}) {
    Random random(seed);
    REQUIRE(world->run(kCreate).find("error") == std::string::npos);
    REQUIRE(world->load("t", rows_of(random, 3'000), true) == "");
    if (world == &segments) REQUIRE(world->flush("t") == "");
    REQUIRE(world->retract("t", "fraud", {"row-1", "row-2", "row-3", "row-500", "row-501"}) != "");
    if (world == &segments) REQUIRE(world->flush("t") == "");
  }
  const auto hours = "time_bucket('1 hour', ts)", days = "time_bucket('1 day', ts)";
  const std::vector<std::string> keys = {"shop",
                                         "slot",
                                         "one",
                                         "shop, slot",
                                         "slot, shop, one",
                                         std::string("shop, ") + days,
                                         std::string(days) + ", one",
                                         std::string("slot, ") + hours,
                                         "shop, slot, kind",
                                         "shop, slot + 1",
                                         "shop, upper(shop)"};
  const std::vector<std::string> values = {
      "COUNT(*)", "SUM(price)", "SUM(price), COUNT(*), SUM(amount), COUNT(amount), AVG(price)",
      "MIN(price), MAX(kind), COUNT(DISTINCT amount)", "SUM(price * 2), SUM(CASE WHEN kind = 'a' THEN price END)"};
  const std::vector<std::string> conditions = {"", "WHERE slot < 3", "WHERE kind = 'a'", "WHERE upper(shop) = 'SHOP1'",
                                               "WHERE ts >= '2024-03-14 11:20:00' AND ts < '2024-03-15 10:40:00'"};
  size_t groups = 0;
  auto both = [&](const std::string& sql) {
    CAPTURE(sql);
    const std::vector<std::string> answer = sorted_lines(memory.run(sql));
    REQUIRE_MESSAGE(answer.at(0).find("error") == std::string::npos, answer.at(0));
    CHECK(joined(sorted_lines(segments.run(sql))) == joined(answer));
    groups += answer.size() - 1;
  };
  for (const std::string& key : keys) {
    for (const std::string& condition : conditions) {
      for (const std::string& value : values) {
        both("SELECT " + key + ", " + value + " FROM t.raw " + condition + " GROUP BY " + key);
      }
      if (key.find("kind") == std::string::npos && condition.find("kind") == std::string::npos) {
        both("SELECT " + key + ", SUM(sold), SUM(total) FROM t " + condition + " GROUP BY " + key);
      }
    }
  }
  CHECK(groups > 1'000);
}

}  // namespace
}  // namespace tally

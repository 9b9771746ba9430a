// Conditions that the scan answers by itself say what the executor says: each is asked in the form that goes down and in one
// that cannot, over rows in memory, in segments, and in both.
#include "query/pushdown.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/query/sql_world.h"
#include "tests/support/seed.h"

using namespace tally;

namespace {

constexpr const char* kCreate =
    "CREATE TABLE t (ts TIMESTAMP EVENT TIME, id ID UNIQUE WITHIN '1 hour', shop STRING DIMENSION, slot INT64 "
    "DIMENSION, "
    "kind STRING FIELD, price DECIMAL(10,2) FIELD, amount INT64 FIELD, n MEASURE COUNT WHERE kind = 'a')";

const std::vector<std::string> kHeader = {"ts,id,shop,slot,kind,price,amount"};

// Shops spelled as numbers but for one; kinds of which one belongs to each; ends of ranges, NULLs and empty strings.
std::vector<std::string> rows_of(uint64_t seed, size_t first, size_t count) {
  static const char* kShops[] = {"1", "2", "30", "abc", "", "\"\""};
  static const char* kSlots[] = {"0", "-3", "7", "9223372036854775807", "-9223372036854775808", ""};
  static const char* kKinds[] = {"a", "b", "a longer kind of event", "\"\"", ""};
  static const char* kPrices[] = {"1.00", "1.01", "-1.00", "-1.01", "0.00", "99999999.99", "-99999999.99", ""};
  static const char* kAmounts[] = {"0", "1", "2", "-1", "-2", "9223372036854775807", "-9223372036854775808", ""};
  Random random(seed + first);
  std::vector<std::string> lines = kHeader;
  for (size_t row = first; row < first + count; ++row) {
    const size_t shop = random.below(6);
    // Shops that are no number have kind "b" or none: a condition on numbers behind one on the kind meets none of them.
    const char* kind = shop < 3 ? kKinds[random.below(5)] : kKinds[random.chance(0.5) ? 1 : 4];
    const std::string second = std::to_string(row % 60);
    lines.push_back("2024-03-15T11:" + std::to_string(10 + row / 60 % 50) + ":" + (second.size() == 1 ? "0" : "") +
                    second + "Z,row-" + std::to_string(row) + "," + kShops[shop] + "," + kSlots[random.below(6)] + "," +
                    kind + "," + kPrices[random.below(8)] + "," + kAmounts[random.below(8)]);
  }
  return lines;
}

// The same rows in memory, in segments, and half and half.
struct Worlds {
  Worlds() {
    for (SqlWorld* world : {&memory, &flushed, &mixed}) {
      REQUIRE(world->run(kCreate).find("error") == std::string::npos);
      REQUIRE(world->load("t", rows_of(1, 0, 700), false) == "");
      if (world != &memory) REQUIRE(world->flush("t") == "");
      REQUIRE(world->load("t", rows_of(1, 700, 500), false) == "");
      if (world == &flushed) REQUIRE(world->flush("t") == "");
    }
  }
  // The ids that meet the condition; an error where one of the worlds says otherwise than the others.
  std::string ids(const std::string& condition) {
    const std::string sql = "SELECT id FROM t.raw WHERE " + condition + " ORDER BY id";
    const std::string answer = memory.run(sql);
    CHECK_MESSAGE(flushed.run(sql) == answer, "in segments: ", condition);
    CHECK_MESSAGE(mixed.run(sql) == answer, "in both: ", condition);
    return answer;
  }
  bool goes_down(const std::string& condition) {
    return flushed.run("EXPLAIN SELECT id FROM t.raw WHERE " + condition).find("asked of blocks") != std::string::npos;
  }

  SqlWorld memory, flushed, mixed;
};

size_t lines_in(const std::string& text) { return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')); }

// What no scan understands of a column.
std::string disguised(const std::string& column) {
  if (column == "price" || column == "amount") return "(" + column + " + 0)";
  if (column == "kind") return "(kind || '')";
  return "(CASE WHEN price IS NULL THEN " + column + " ELSE " + column + " END)";
}

}  // namespace

TEST_CASE("pushdown: comparisons of every scale and sign, both ways round") {
  Worlds worlds;
  size_t rows = 0;
  const char* constants[] = {"1",
                             "1.00",
                             "1.005",
                             "1.0100",
                             "-1",
                             "-1.005",
                             "0",
                             "-0.001",
                             "0.999999999999",
                             "1.5",
                             "2",
                             "-2",
                             "-1.5",
                             "99999999.99",
                             "99999999.995",
                             "-99999999.995",
                             "9223372036854775807",
                             "9223372036854775808",
                             "-9223372036854775808",
                             "-9223372036854775809",
                             "99999999999999999999999999",
                             "-99999999999999999999999999",
                             "NULL"};
  for (const std::string column : {"price", "amount"}) {
    for (const std::string op : {"=", "<", "<=", ">", ">=", "<>"}) {
      for (const std::string constant : constants) {
        const std::string condition = column + " " + op + " " + constant;
        CAPTURE(condition);
        const std::string answer = worlds.ids(condition);
        CHECK(answer == worlds.ids(disguised(column) + " " + op + " " + constant));
        CHECK(answer.find("error") == std::string::npos);
        rows += lines_in(answer);
        const std::string turned = op.front() == '<' ? ">" + op.substr(1) : op.front() == '>' ? "<" + op.substr(1) : op;
        if (op != "<>") CHECK(answer == worlds.ids(constant + " " + turned + " " + column));
      }
    }
  }
  CHECK(rows > 10'000);
  for (const char* down :
       {"price < 1.005", "amount = 1.5", "1.5 <= amount", "amount > 9223372036854775808", "price >= -1.005"}) {
    CAPTURE(down);
    CHECK(worlds.goes_down(down));
  }
  CHECK_FALSE(worlds.goes_down(disguised("price") + " < 1.005"));
}

TEST_CASE("pushdown: IN over numbers of mixed scales, over strings, and over both kinds of nothing") {
  Worlds worlds;
  struct Case {
    std::string column, list;
  };
  const Case cases[] = {{"price", "(1, 1.01, 1.005, -1.00)"},
                        {"price", "(1.005)"},
                        {"price", "(1, NULL)"},
                        {"amount", "(1, 1.5, 2.00, -9223372036854775808)"},
                        {"amount", "(0, 99999999999999999999999)"},
                        {"amount", "(0.5, 1.5)"},
                        {"kind", "('a', 'b', 'nobody')"},
                        {"kind", "('', 'a longer kind of event', 'b')"},
                        {"kind", "('a', NULL)"},
                        {"kind", "('nobody')"},
                        {"shop", "('1', 'abc', 'nobody')"},
                        {"shop", "('')"},
                        {"slot", "(0, 7, -3, 5)"},
                        {"slot", "(7.0, 7.5)"},
                        {"slot", "(9223372036854775807, -9223372036854775808)"}};
  for (const Case& test : cases) {
    for (const std::string op : {" IN ", " NOT IN "}) {
      const std::string condition = test.column + op + test.list;
      CAPTURE(condition);
      CHECK(worlds.ids(condition) == worlds.ids(disguised(test.column) + op + test.list));
    }
  }
  CHECK(lines_in(worlds.ids("kind IN ('a', 'b', 'nobody')")) > 200);
  CHECK(worlds.goes_down("kind IN ('a', 'b', 'nobody')"));
  CHECK(worlds.goes_down("price IN (1, 1.01, 1.005)"));
}

TEST_CASE("pushdown: NULL, equality of strings, and conditions over dimensions") {
  Worlds worlds;
  for (const std::string column : {"kind", "shop"}) {
    for (const char* rest : {" = 'a'", " = ''", " <> 'a'", " IS NULL", " IS NOT NULL", " = 'abc'", " LIKE 'a%'",
                             " > '2'", " BETWEEN '1' AND '30'", " = NULL", " IN ('1', 'a')", " = '(other)'"}) {
      const std::string condition = column + rest;
      CAPTURE(condition);
      CHECK(worlds.ids(condition) == worlds.ids(disguised(column) + rest));
    }
  }
  for (const char* rest : {" = 7", " < 0", " >= 9223372036854775807", " IS NULL", " = 7.5", " <= -9223372036854775808",
                           " + 1 = 8", " <> 0", " BETWEEN -3 AND 7"}) {
    if (std::string(rest) == " + 1 = 8") continue;  // overflows for one of the values: below
    CAPTURE(rest);
    CHECK(worlds.ids(std::string("slot") + rest) == worlds.ids(disguised("slot") + rest));
  }
  CHECK(worlds.goes_down("shop LIKE 'a%'"));
  CHECK(worlds.goes_down("shop IS NULL"));
  CHECK(worlds.goes_down("slot BETWEEN -3 AND 7"));
}

TEST_CASE("pushdown: several conditions at once, with times") {
  Worlds worlds;
  const uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  const std::vector<std::pair<std::string, std::string>> conditions = {
      {"price", " < 1.005"},        {"price", " >= -1"},        {"amount", " > 0"},
      {"amount", " IN (1, 2, -1)"}, {"kind", " = 'a'"},         {"kind", " IN ('a', 'b', '')"},
      {"shop", " = '1'"},           {"shop", " <> 'abc'"},      {"slot", " <= 7"},
      {"slot", " IS NULL"},         {"amount", " IS NOT NULL"}, {"shop", " LIKE '%0'"}};
  size_t found = 0;
  for (int question = 0; question < 60; ++question) {
    std::string down, up;
    if (random.chance(0.5)) {
      const std::string minute = std::to_string(10 + random.below(25));
      down = "ts >= '2024-03-15T11:" + minute + ":00Z' AND ts < '2024-03-15T11:" + minute + ":59Z'";
      up = down;
    }
    for (uint64_t count = 1 + random.below(3); count > 0; --count) {
      const auto& [column, rest] = conditions[random.below(conditions.size())];
      down += (down.empty() ? "" : " AND ") + column + rest;
      up += (up.empty() ? "" : " AND ") + disguised(column) + rest;
    }
    CAPTURE(down);
    const std::string answer = worlds.ids(down);
    CHECK(answer == worlds.ids(up));
    found += lines_in(answer) > 1 ? 1 : 0;
  }
  CHECK(found > 20);
}

TEST_CASE("pushdown: a condition that fails for a value of no row looked at does not fail the query") {
  Worlds worlds;
  // The dictionary holds 'abc', which is no number; rows of kind 'a' have numbers alone.
  const std::string number = "CAST(shop AS INT64) = 30";
  CHECK(worlds.ids(number).find("error") != std::string::npos);  // said of all rows it fails
  const std::string answer = worlds.ids("kind = 'a' AND " + number);
  CHECK(answer.find("error") == std::string::npos);
  CHECK(answer == worlds.ids("kind = 'a' AND shop = '30'"));
  CHECK(lines_in(answer) > 20);
  CHECK(worlds.ids("shop IN ('1', '30') AND " + number) == worlds.ids("shop = '30'"));
  // Overflow at the end of the range of a slot.
  CHECK(worlds.ids("slot < 10 AND slot + 1 = 8") == worlds.ids("slot = 7"));
}

TEST_CASE("pushdown: values beyond a dimension's limit are (other), in memory as in segments") {
  std::string answers[2];
  for (bool flushed : {false, true}) {
    SqlWorld world;
    REQUIRE(world
                .run("CREATE TABLE o (ts TIMESTAMP EVENT TIME, id ID UNIQUE WITHIN '1 hour', "
                     "tag STRING DIMENSION LIMIT 3, n MEASURE COUNT)")
                .find("error") == std::string::npos);
    std::vector<std::string> lines = {"ts,id,tag"};
    for (int row = 0; row < 400; ++row) {
      const std::string tag = row % 9 == 8 ? "" : "t" + std::to_string(row % 9);
      lines.push_back("2024-03-15T11:30:00Z,row-" + std::to_string(row) + "," + tag);
    }
    REQUIRE(world.load("o", lines, false) == "");
    if (flushed) REQUIRE(world.flush("o") == "");
    for (const char* condition : {"tag = '(other)'", "tag <> '(other)'", "tag IN ('t0', '(other)')", "tag = 't0'",
                                  "tag = 't7'", "tag LIKE '(%'", "tag IS NULL", "tag > 't0'"}) {
      answers[flushed ? 1 : 0] += std::string(condition) + ": " +
                                  world.run(std::string("SELECT SUM(events) FROM o WHERE ") + condition) + "; " +
                                  world.run(std::string("SELECT COUNT(*) FROM o.raw WHERE ") + condition);
    }
    CHECK(world.run("SELECT SUM(events) FROM o WHERE tag = '(other)'").find("\n0\n") == std::string::npos);
  }
  CHECK(answers[0] == answers[1]);
}

// Taking events back with the program, as someone who fights fraud does it.
#include "tests/end_to_end/program.h"

using namespace tally;

namespace {

constexpr const char* kTable =
    "CREATE TABLE ads (ts TIMESTAMP EVENT TIME, event_id ID UNIQUE WITHIN '72 hours', publisher STRING DIMENSION, "
    "clicks MEASURE COUNT)";

std::string rows() {
  std::string text = "ts,event_id,publisher\n";
  for (int i = 0; i < 1000; ++i) {
    text += "2024-03-15T10:00:00Z,click-" + std::to_string(i) + ",p" + std::to_string(i % 10) + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("retract: the answer of a query is what is taken back, once, and the counts follow") {
  Workshop shop;
  const std::string db = shop.path("db");
  REQUIRE(shop.tally({"init", db}).code == 0);
  REQUIRE(shop.tally({"sql", "--data", db, "-c", kTable}).code == 0);
  REQUIRE(shop.tally({"load", "--data", db, "--table", "ads", "--replay", shop.put("rows.csv", rows())}).code == 0);

  const Ran bad =
      shop.tally({"sql", "--data", db, "--format", "csv", "-c", "SELECT event_id FROM ads.raw WHERE publisher = 'p7'"});
  REQUIRE(bad.code == 0);
  const std::string ids = shop.put("bad.csv", bad.out);
  const Ran first =
      shop.tally({"retract", "--data", db, "--table", "ads", "--reason", "click farm", "--by", "ann", ids});
  CHECK(first.code == 0);
  CHECK(first.out ==
        "ads: 100 ids\n"
        "  taken back           100  their events no longer count\n"
        "  waiting                0\n"
        "  unresolved             0\n"
        "  asked before           0\n");
  CHECK(shop.tally({"retract", "--data", db, "--table", "ads", ids})
            .out.find("asked before         100  nothing changed") != std::string::npos);
  const Ran net = shop.tally({"sql", "--data", db, "--format", "csv", "-c",
                              "SELECT COUNT(*), SUM(clicks), SUM(retracted) FROM ads WHERE publisher = 'p7'"});
  CHECK(net.out == "COUNT(*),SUM(clicks),SUM(retracted)\n0,0,100\n");
  const Ran why = shop.tally({"sql", "--data", db, "--format", "csv", "-c",
                              "SELECT \"by\", reason, state, COUNT(*) AS n FROM system.retractions GROUP BY ALL"});
  CHECK(why.out == "by,reason,state,n\nann,click farm,retracted,100\n");
  CHECK(shop.tally({"check", db}).code == 0);
}

TEST_CASE("retract: ids that need escapes come back from a .tsv of the shell as they are") {
  Workshop shop;
  const std::string db = shop.path("db");
  REQUIRE(shop.tally({"init", db}).code == 0);
  REQUIRE(shop.tally({"sql", "--data", db, "-c", kTable}).code == 0);
  const std::string strange =
      "ts,event_id,publisher\n2024-03-15,C:\\new\\table,p7\n2024-03-15,\" spaced \",p7\n2024-03-15,\"two\nlines\",p7\n";
  const Ran loaded = shop.tally({"load", "--data", db, "--table", "ads", "--replay", shop.put("rows.csv", strange)});
  REQUIRE_MESSAGE(loaded.code == 0, loaded.err);
  const Ran asked = shop.tally({"sql", "--data", db, "--format", "tsv", "-c", "SELECT event_id FROM ads.raw"});
  const Ran taken = shop.tally({"retract", "--data", db, "--table", "ads", shop.put("ids.tsv", asked.out)});
  CHECK_MESSAGE(taken.out.find("taken back             3") != std::string::npos, taken.out);
}

TEST_CASE("retract: what is wrong is said with its place, and changes nothing") {
  Workshop shop;
  const std::string db = shop.path("db");
  REQUIRE(shop.tally({"init", db}).code == 0);
  REQUIRE(shop.tally({"sql", "--data", db, "-c", kTable}).code == 0);
  const std::string ids = shop.put("ids.txt", "early\r\n\n  spaced  \n");

  CHECK(shop.tally({"retract", "--data", db, "--table", "add", ids}).err.find("ads") != std::string::npos);
  const Ran missing = shop.tally({"retract", "--data", db, "--table", "ads", shop.path("nowhere")});
  CHECK(missing.code == 1);
  CHECK(missing.err.find("nowhere") != std::string::npos);
  CHECK(shop.tally({"retract", "--data", db, "--table", "ads"}).code == 2);
  const Ran longer = shop.tally(
      {"retract", "--data", db, "--table", "ads", shop.put("long.txt", "ok\n" + std::string(70'000, 'x') + "\n")});
  CHECK(longer.code == 1);
  CHECK(longer.err.find("long.txt:2: an id of 70000 bytes") != std::string::npos);

  // Blank lines and spaces around are not ids; no file at all is an empty request.
  CHECK(shop.tally({"retract", "--data", db, "--table", "ads", ids}).out.find("waiting                2") !=
        std::string::npos);
  CHECK(shop.tally({"retract", "--data", db, "--table", "ads", shop.put("empty.txt", "")}).out.find("ads: 0 ids") == 0);
}

// `tally clock` on a stopped database. (Clocks that are wrong need one that can be set: tests/engine/table_clock_test.cc.)
#include "tests/end_to_end/program.h"

namespace tally {
namespace {

TEST_CASE("clock: shown, confirmed, and nothing to go back from") {
  Workshop shop;
  const std::string data = shop.path("shop");
  REQUIRE(shop.tally({"init", data}).code == 0);
  for (const char* name : {"ads", "clicks"}) {
    Ran made = shop.tally({"sql", "--data", data, "-c",
                           std::string("CREATE TABLE ") + name +
                               " (ts TIMESTAMP EVENT TIME, id ID UNIQUE WITHIN '72 hours', n MEASURE COUNT)"});
    REQUIRE_MESSAGE(made.code == 0, made.err);
  }
  Ran shown = shop.tally({"clock", "show", "--data", data});
  CHECK_MESSAGE(shown.code == 0, shown.err);
  CHECK(shown.out.find("ads: clock ") == 0);
  CHECK(shown.out.find("\nclicks: clock ") != std::string::npos);
  CHECK(shown.out.find("the wall clock reads 20") != std::string::npos);
  Ran confirmed = shop.tally({"clock", "confirm", "--data", data, "--table", "ads"});
  CHECK_MESSAGE(confirmed.code == 0, confirmed.err);
  CHECK(confirmed.out.find("ads: clock believed, confirmed: ") == 0);
  Ran back = shop.tally({"clock", "back", "--data", data});
  CHECK_MESSAGE(back.code == 0, back.err);
  CHECK(back.out.find("ads: clock believed, nothing to do: no record has arrived after ") == 0);
  Ran one = shop.tally({"clock", "back", "--data", data, "--table", "ads"});
  CHECK(one.code == 1);
  CHECK(one.err.find("there is nothing to go back from") != std::string::npos);
  CHECK(shop.tally({"clock", "show", "--data", data, "--table", "nobody"}).code == 1);
  CHECK(shop.tally({"clock", "forward", "--data", data}).code == 2);
  CHECK(shop.tally({"clock", "show"}).code == 2);
  CHECK(shop.tally({"check", data}).code == 0);
}

}  // namespace
}  // namespace tally

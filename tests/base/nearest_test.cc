#include "base/nearest.h"

#include <doctest/doctest.h>

#include <vector>

namespace tally {
namespace {

TEST_CASE("nearest: edits are counted, swaps as one, case for nothing") {
  CHECK(edit_distance("country", "country", 9) == 0);
  CHECK(edit_distance("contry", "country", 9) == 1);
  CHECK(edit_distance("ocuntry", "country", 9) == 1);
  CHECK(edit_distance("COUNTRY", "country", 9) == 0);
  CHECK(edit_distance("", "abc", 9) == 3);
  CHECK(edit_distance("kitten", "sitting", 9) == 3);
  CHECK(edit_distance("abcdef", "uvwxyz", 2) == 3);
  CHECK(edit_distance(std::string(500, 'a'), std::string(400, 'a'), 9) == 0);
}

TEST_CASE("nearest: the suggestion is near or there is none") {
  std::vector<std::string> names = {"campaign", "country", "device_type", "os"};
  CHECK(nearest_name("contry", names) == "country");
  CHECK(nearest_name("campain", names) == "campaign");
  CHECK(nearest_name("so", names) == "os");
  CHECK(nearest_name("publisher", names).empty());
  CHECK(nearest_name("x", std::vector<std::string>{}).empty());
  CHECK(did_you_mean("contry", names) == ", did you mean \"country\"?");
  CHECK(did_you_mean("publisher", names).empty());
}

}  // namespace
}  // namespace tally

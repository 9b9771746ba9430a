#include "engine/local_dictionary.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "base/random.h"
#include "tests/support/engine/seed.h"

using namespace tally;

TEST_CASE("codes follow the order of first appearance, as in a map") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  LocalDictionary dictionary;
  for (int round = 0; round < 3; ++round) {
    std::map<std::string, uint32_t> model;
    for (int i = 0; i < 20'000; ++i) {
      std::string value(random.below(30), 'a');
      for (char& c : value) c = static_cast<char>('a' + random.below(2 + round));
      auto [entry, added] = model.try_emplace(value, static_cast<uint32_t>(model.size() + 1));
      REQUIRE(dictionary.add(value) == entry->second);
      REQUIRE(dictionary.value(entry->second) == value);
    }
    CHECK(dictionary.size() == model.size());
    dictionary.clear();
    CHECK(dictionary.size() == 0);
  }
}

#include "engine/frequency_sketch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/random.h"
#include "tests/support/seed.h"

using namespace tally;

TEST_CASE("frequency sketch: counts to 15, and never too low") {
  const uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  FrequencySketch sketch(4'000);
  std::map<uint64_t, uint32_t> counted;
  std::vector<uint64_t> keys(1'000);
  for (uint64_t& key : keys) key = random.next();
  for (int use = 0; use < 8'000; ++use) {
    const uint64_t key = keys[random.below(random.chance(0.5) ? 30 : keys.size())];
    sketch.count(key);
    ++counted[key];
  }
  size_t too_high = 0;
  for (const uint64_t key : keys) {
    const uint32_t least = std::min<uint32_t>(counted[key], 15);
    REQUIRE(sketch.estimate(key) >= least);
    REQUIRE(sketch.estimate(key) <= 15);
    too_high += sketch.estimate(key) > least ? 1 : 0;
  }
  CHECK(too_high < keys.size() / 20);
}

TEST_CASE("frequency sketch: what is no longer asked for is forgotten") {
  Random random(1);
  FrequencySketch sketch(1);
  const uint64_t key = random.next();
  for (int use = 0; use < 100; ++use) sketch.count(key);
  CHECK(sketch.estimate(key) == 15);
  std::vector<uint64_t> others(100);
  for (uint64_t& other : others) other = random.next();
  uint32_t before = 15;
  for (int use = 0; use < 60'000; ++use) {
    sketch.count(others[static_cast<size_t>(use) % others.size()]);
    CHECK(sketch.estimate(key) <= before);
    before = sketch.estimate(key);
  }
  CHECK(before == 0);
  for (const uint64_t other : others) CHECK(sketch.estimate(other) >= 7);
}

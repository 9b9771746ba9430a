#include "engine/seen_ids.h"

#include <doctest/doctest.h>

#include <map>

#include "base/random.h"
#include "tests/support/engine/seed.h"

using namespace tally;
using Probe = SeenIds::Probe;

TEST_CASE("seen ids behave as a map from key to digest") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  SeenIds seen;
  std::map<Hash128, uint32_t> model;
  // Keys from a small pool, so that retries are as frequent as new ids; each pool key is a hash of its number.
  auto key_of = [](uint64_t number) {
    Random mixer(number);
    uint64_t lo = mixer.next();
    return Hash128{.lo = lo, .hi = mixer.next()};
  };
  for (int i = 0; i < 400'000; ++i) {
    Hash128 key = key_of(random.below(150'000));
    auto digest = static_cast<uint32_t>(random.below(2));
    auto known = model.find(key);
    Probe want = known == model.end()      ? Probe::kNew
                 : known->second == digest ? Probe::kSameDigest
                                           : Probe::kOtherDigest;
    seen.prefetch(key);
    REQUIRE(seen.find(key, digest) == want);
    if (random.chance(0.5)) {
      REQUIRE(seen.insert({.key = key, .digest = digest, .event_day = 1}) == want);
      model.try_emplace(key, digest);
    }
  }
  CHECK(seen.size() == model.size());
  for (const auto& [key, digest] : model) REQUIRE(seen.find(key, digest) == Probe::kSameDigest);
}

TEST_CASE("keys at the ends of the range are keys like all others") {
  SeenIds seen;
  const Hash128 keys[] = {{0, 0},          {0, 1},          {1, 0},          {UINT64_MAX, UINT64_MAX},
                          {UINT64_MAX, 0}, {UINT64_MAX, 1}, {UINT64_MAX, 2}, {UINT64_MAX, 3}};
  for (const Hash128& key : keys) {
    seen.prefetch(key);
    CHECK(seen.find(key, 5) == Probe::kNew);
    CHECK(seen.insert({.key = key, .digest = 5, .event_day = 0}) == Probe::kNew);
    CHECK(seen.insert({.key = key, .digest = 6, .event_day = 0}) == Probe::kOtherDigest);
    CHECK(seen.find(key, 5) == Probe::kSameDigest);
  }
  CHECK(seen.size() == 8);
}

TEST_CASE("memory follows the number of ids") {
  SeenIds seen;
  Random random(1);
  for (int i = 0; i < 300'000; ++i) {
    seen.insert({.key = {random.next(), random.next()}, .digest = 1, .event_day = 1});
  }
  CHECK(seen.memory_bytes() < 300'000 * 56);
  CHECK(seen.memory_bytes() > 300'000 * 24);
}

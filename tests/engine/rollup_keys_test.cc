// Keys of rollup rows: the example of the header, and parts that come back from keys of several words.
#include "engine/rollup_keys.h"

#include <doctest/doctest.h>

using namespace tally;

TEST_CASE("rollup keys: the example of the header") {
  const RollupKeys keys({5, 3}, Tier::kHour, 19'000);
  REQUIRE(keys.words() == 1);
  CHECK(keys.bits(0) == 13);
  const TimeUs time = 19'000 * kMicrosPerDay + 4 * kMicrosPerHour + 59 * kMicrosPerMinute;
  const uint64_t key = uint64_t{2} << keys.dimension(0).shift | uint64_t{3} << keys.dimension(1).shift |
                       keys.bucket_of(time) << keys.bucket().shift;
  CHECK(key == 0x264);
  CHECK(keys.code_in(&key, 0) == 2);
  CHECK(keys.code_in(&key, 1) == 3);
  CHECK(keys.time_in(&key) == 19'000 * kMicrosPerDay + 4 * kMicrosPerHour);
}

TEST_CASE("rollup keys: no part lies in two words, and the first dimension stands highest in the first") {
  const RollupKeys keys({20, 20, 20, 20, 20, 20, 20}, Tier::kMinute, -3);
  REQUIRE(keys.words() == 3);
  std::vector<uint64_t> key(keys.words());
  for (uint32_t d = 0; d < 7; ++d) key[keys.dimension(d).word] |= uint64_t{0xF0000 + d} << keys.dimension(d).shift;
  key[keys.bucket().word] |= uint64_t{1439} << keys.bucket().shift;
  for (uint32_t d = 0; d < 7; ++d) CHECK(keys.code_in(key.data(), d) == 0xF0000 + d);
  CHECK(keys.time_in(key.data()) == -2 * kMicrosPerDay - kMicrosPerMinute);
  CHECK(keys.dimension(0).word == 0);
  CHECK(keys.bucket().word == 2);
}

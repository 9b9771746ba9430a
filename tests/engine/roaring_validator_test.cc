#include "engine/roaring_validator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "base/random.h"
#include "engine/block_set.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

constexpr uint64_t kAny = uint64_t{1} << 32;

BlockSet random_set(Random& random) {
  BlockSet set;
  for (uint64_t containers = random.below(7); containers > 0; --containers) {
    auto base = static_cast<uint32_t>(random.below(65'536) << 16);
    std::vector<uint32_t> values(random.chance(0.2) ? 6000 : random.below(60));
    for (uint32_t& value : values) value = base + static_cast<uint32_t>(random.below(65'536));
    set.add(values);
    if (!random.chance(0.5)) continue;
    auto from = static_cast<uint32_t>(random.below(60'000));
    set |= BlockSet::range(base + from, base + from + static_cast<uint32_t>(random.between(1, 5000)));
  }
  return set;
}

Bytes encoded(BlockSet set) {
  Bytes bytes;
  set.encode(bytes);
  return bytes;
}

// What passes must come out of CRoaring as the same bytes, with true answers.
void check_accepted(ByteSpan bytes) {
  BlockSet set = BlockSet::decode(bytes, kAny).value();
  std::vector<uint32_t> blocks = set.blocks();
  REQUIRE(blocks.size() == set.count());
  REQUIRE(std::adjacent_find(blocks.begin(), blocks.end(), std::greater_equal<>()) == blocks.end());
  REQUIRE(BlockSet(blocks) == set);
}

Bytes from_words(std::initializer_list<uint16_t> words) {
  Bytes bytes;
  ByteWriter writer(bytes);
  for (uint16_t word : words) writer.u16(word);
  return bytes;
}

}  // namespace

TEST_CASE("Roaring validator: the example of the header") {
  std::vector<uint32_t> values = {1, 3};
  Bytes bytes = encoded(BlockSet(values));
  CHECK(hex(bytes) ==
        "3a300000"
        "01000000"
        "0000"
        "0100"
        "10000000"
        "0100"
        "0300");
  CHECK(validate_roaring(bytes, 4).has_value());
  CHECK_FALSE(validate_roaring(bytes, 3).has_value());
}

TEST_CASE("Roaring validator: whatever CRoaring writes passes, and nothing shorter or longer does") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int repeat = 0; repeat < 200; ++repeat) {
    Bytes bytes = encoded(random_set(random));
    REQUIRE(validate_roaring(bytes, kAny).has_value());
    check_accepted(bytes);
    for (int cuts = 0; cuts < 20; ++cuts) {
      REQUIRE_FALSE(validate_roaring(ByteSpan(bytes).first(random.below(bytes.size())), kAny).has_value());
    }
    bytes.push_back(0);
    REQUIRE_FALSE(validate_roaring(bytes, kAny).has_value());
  }
}

TEST_CASE("Roaring validator: what passes after damage is a sound bitmap all the same") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  int accepted = 0;
  for (int repeat = 0; repeat < 300; ++repeat) {
    Bytes bytes = encoded(random_set(random));
    for (int flip = 0; flip < 40; ++flip) {
      Bytes broken = bytes;
      size_t at = random.chance(0.7) ? random.below(std::min<size_t>(broken.size(), 64)) : random.below(broken.size());
      broken[at] = static_cast<uint8_t>(broken[at] ^ 1u << random.below(8));
      if (!validate_roaring(broken, kAny)) continue;
      ++accepted;
      check_accepted(broken);
    }
  }
  CHECK(accepted > 0);
}

TEST_CASE("Roaring validator: each rule") {
  auto accepts = [](const Bytes& bytes) { return validate_roaring(bytes, kAny).has_value(); };
  CHECK(accepts(from_words({12346, 0, 0, 0})));  // empty
  CHECK_FALSE(accepts(from_words({12347, 0})));  // no run flags
  Bytes runs = from_words({12347, 0});
  runs.push_back(1);
  auto with_runs = [&](std::initializer_list<uint16_t> rest) {
    Bytes bytes = runs;
    Bytes more = from_words(rest);
    bytes.insert(bytes.end(), more.begin(), more.end());
    return accepts(bytes);
  };
  CHECK(with_runs({0, 3, 1, 5, 3}));                                                   // 5 to 8
  CHECK_FALSE(with_runs({0, 2, 1, 5, 3}));                                             // another cardinality
  CHECK(with_runs({0, 2, 2, 5, 0, 7, 1}));                                             // 5, 7 to 8
  CHECK_FALSE(with_runs({0, 2, 2, 5, 0, 6, 1}));                                       // touching
  CHECK_FALSE(with_runs({0, 2, 2, 7, 1, 5, 0}));                                       // descending
  CHECK_FALSE(with_runs({0, 2, 2, 5, 1, 6, 0}));                                       // overlapping
  CHECK(with_runs({9, 0xFFFF, 1, 0, 0xFFFF}));                                         // all
  CHECK_FALSE(with_runs({9, 0xFFFF, 1, 1, 0xFFFF}));                                   // beyond the end
  CHECK_FALSE(accepts(from_words({12346, 0, 1, 0, 0, 1, 16, 0, 3, 3})));               // equal values
  CHECK_FALSE(accepts(from_words({12346, 0, 1, 0, 0, 1, 17, 0, 1, 3})));               // a wrong offset
  CHECK_FALSE(accepts(from_words({12346, 0, 2, 0, 1, 0, 1, 0, 24, 0, 26, 0, 1, 1})));  // equal keys
  CHECK(accepts(from_words({12346, 0, 2, 0, 1, 0, 2, 0, 24, 0, 26, 0, 1, 1})));
}

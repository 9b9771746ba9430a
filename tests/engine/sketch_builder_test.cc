// Sketches put together register by register have the bytes that a HyperLogLog of the same values is stored as.
#include "engine/sketch_builder.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "tests/support/seed.h"

using namespace tally;

namespace {

Bytes stored(const HyperLogLog& sketch) {
  Bytes bytes;
  encode_sketch(sketch, bytes);
  return bytes;
}

Bytes finish(SketchBuilder& builder) {
  Bytes bytes;
  builder.finish(bytes);
  return bytes;
}

}  // namespace

TEST_CASE("sketch builder: the bytes of a HyperLogLog, whatever was seen, one sketch after the other") {
  const uint64_t seed = test_seed(7);
  CAPTURE(seed);
  Random random(seed);
  for (uint8_t precision : {kHyperLogLogPrecisionMin, uint8_t{14}, kHyperLogLogPrecisionMax}) {
    SketchBuilder builder(precision);
    for (uint64_t values : {1u, 2u, 3u, 70u, 1'000u, 20'000u, 400'000u, 1u}) {
      CAPTURE(values);
      HyperLogLog plain(precision);
      for (uint64_t i = 0; i < values; ++i) {
        // Hashes whose rest is zero, and those of one register, among ordinary ones.
        const uint64_t hash = random.chance(0.01) ? random.next() << (63 - precision) : random.next();
        plain.add(hash);
        builder.raise(SketchBuilder::entry_of(hash, precision));
      }
      CHECK(!builder.empty());
      CHECK(finish(builder) == stored(plain));
      CHECK(builder.empty());
    }
  }
}

TEST_CASE("sketch builder: stored sketches are merged as a HyperLogLog merges them") {
  const uint64_t seed = test_seed(8);
  CAPTURE(seed);
  Random random(seed);
  SketchBuilder builder(12);
  for (uint64_t repeat = 0; repeat < 40; ++repeat) {
    HyperLogLog all(12);
    for (uint64_t part = random.below(5) + 1; part > 0; --part) {
      HyperLogLog one(12);
      for (uint64_t i = random.below(random.chance(0.3) ? 20'000 : 50) + 1; i > 0; --i) one.add(random.next());
      all.merge(one);
      REQUIRE(builder.merge(stored(one)));
    }
    CHECK(finish(builder) == stored(all));
  }
}

TEST_CASE("sketch builder: what is no sketch, or one of another precision, is refused by name") {
  SketchBuilder builder(12);
  CHECK(builder.merge({}).error().code == Code::kCorruption);
  const Status other = builder.merge(stored(HyperLogLog(13)));
  CHECK(other.error().message == "sketch: precision 13 among sketches of precision 12");
  CHECK(builder.empty());
}

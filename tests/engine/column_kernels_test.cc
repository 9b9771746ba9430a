// Both copies of the loops over columns, against plain loops.
#include "engine/column_kernels.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "base/cpu.h"
#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

void compare(const ColumnKernels& kernels, Random& random) {
  for (int repeat = 0; repeat < 300; ++repeat) {
    const size_t count = random.below(repeat < 100 ? 40 : 5'000);
    CAPTURE(count);
    std::vector<uint32_t> codes(count);
    std::vector<uint8_t> bytes(count);
    std::vector<int64_t> values(count);
    std::vector<uint64_t> words(count);
    const unsigned bits = static_cast<unsigned>(random.below(64));
    __int128 sum = 0;
    for (size_t i = 0; i < count; ++i) {
      codes[i] = static_cast<uint32_t>(random.next() >> (32 + bits % 32));
      bytes[i] = static_cast<uint8_t>(random.chance(0.1) ? random.next() : 0);
      values[i] = static_cast<int64_t>(random.next()) >> bits;
      if (random.chance(0.05)) values[i] = random.chance(0.5) ? INT64_MIN : INT64_MAX;
      words[i] = random.below(1 + bits / 8) << bits;
      if (repeat % 3 == 0 && i > 0 && random.chance(0.97)) words[i] = words[i - 1];
      sum += values[i];
    }
    CHECK(kernels.max_code(codes.data(), count) == (count == 0 ? 0 : *std::ranges::max_element(codes)));
    CHECK(kernels.max_byte(bytes.data(), count) == (count == 0 ? 0 : *std::ranges::max_element(bytes)));
    int64_t high = 1;
    uint64_t low = 1;
    kernels.sum_halves(values.data(), count, &high, &low);
    CHECK((static_cast<__int128>(high) * (__int128{1} << 32) + static_cast<__int128>(low) == sum));
    size_t changes = 0;
    for (size_t i = 1; i < count; ++i) changes += words[i] != words[i - 1] ? 1 : 0;
    CHECK(kernels.count_changes(words.data(), count) == changes);
    std::vector<uint32_t> places(changes + 1, UINT32_MAX), wanted;
    for (uint32_t i = 1; i < count; ++i) {
      if (words[i] != words[i - 1]) wanted.push_back(i);
    }
    wanted.push_back(UINT32_MAX);
    kernels.find_changes(words.data(), count, places.data());
    CHECK(places == wanted);
    const unsigned shift = static_cast<unsigned>(random.below(33));
    std::vector<uint64_t> packed = words;
    kernels.pack_codes(packed.data(), codes.data(), count, shift);
    for (size_t i = 0; i < count; ++i) REQUIRE(packed[i] == (words[i] | uint64_t{codes[i]} << shift));
  }
}

// Times on and beside the bounds of buckets, of any width.
void compare_buckets(const ColumnKernels& kernels, Random& random) {
  for (int repeat = 0; repeat < 400; ++repeat) {
    const int64_t width = 1 + static_cast<int64_t>(random.next() >> (1 + random.below(63)));
    const int64_t from = static_cast<int64_t>(random.next()) >> (2 + random.below(60));
    CAPTURE(width);
    CAPTURE(from);
    const uint64_t spread =
        std::min<uint64_t>(uint64_t{1} << 50, static_cast<uint64_t>(width) << 30 >> random.below(30));
    const size_t count = random.below(200);
    std::vector<int64_t> times(count);
    for (int64_t& time : times) {
      int64_t since = static_cast<int64_t>(random.below(width > INT64_MAX >> 30 ? uint64_t{1} << 50 : spread));
      if (random.chance(0.5))
        since = std::max<int64_t>(0, since / width * width - static_cast<int64_t>(random.below(2)));
      time = from + since;
    }
    std::vector<uint32_t> places(count);
    REQUIRE(kernels.bucket_places(times.data(), count, from, width, places.data()));
    for (size_t i = 0; i < count; ++i) {
      CAPTURE(times[i]);
      REQUIRE(places[i] == (times[i] - from) / width);
    }
    if (count == 0) continue;
    int64_t& one = times[random.below(count)];
    one = from - 1 - static_cast<int64_t>(random.next() >> (2 + random.below(60)));
    CHECK_FALSE(kernels.bucket_places(times.data(), count, from, width, places.data()));
    one = INT64_MAX;
    CHECK_FALSE(kernels.bucket_places(times.data(), count, from, width, places.data()));
  }
  // The distance does not fit 64 bits.
  const std::vector<int64_t> earliest(4, INT64_MIN), latest(4, INT64_MAX);
  uint32_t places[4];
  CHECK_FALSE(kernels.bucket_places(earliest.data(), 4, INT64_MAX, 60'000'000, places));
  CHECK_FALSE(kernels.bucket_places(latest.data(), 4, INT64_MIN, 60'000'000, places));
}

TEST_CASE("column kernels: both copies do what plain loops do") {
  const uint64_t seed = test_seed(91);
  CAPTURE(seed);
  Random random(seed);
  compare(baseline::kColumnKernels, random);
  compare_buckets(baseline::kColumnKernels, random);
  if (!cpu_has_avx2()) return;
  compare(avx2::kColumnKernels, random);
  compare_buckets(avx2::kColumnKernels, random);
}

}  // namespace
}  // namespace tally

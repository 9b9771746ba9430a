#include "engine/hyperloglog.h"

#include <doctest/doctest.h>

#include <cmath>

#include "base/random.h"

namespace tally {

TEST_CASE("hyperloglog: within 1.5 standard errors on the whole, from 1 to 1,000,000") {
  for (uint8_t precision : {10, 12, 14, 16}) {
    CAPTURE(precision);
    const double standard_error = 1.04 / std::sqrt(static_cast<double>(1 << precision));
    constexpr int kSketches = 16;
    uint64_t next_value = uint64_t{precision} << 40;
    double counts = 0;
    double squares = 0;
    for (int sketch = 0; sketch < kSketches; ++sketch) {
      HyperLogLog log(precision);
      uint64_t check_at = 1;
      const uint64_t most = sketch == 0 ? 1'000'000 : 100'000;
      for (uint64_t n = 1; n <= most; ++n) {
        log.add(unique_hash(static_cast<int64_t>(next_value++)));
        if (n != check_at) continue;
        double off = static_cast<double>(log.estimate()) - static_cast<double>(n);
        double error = off / static_cast<double>(n);
        // Of few values two may share a register: one off.
        CHECK(std::abs(off) <= std::max(4.5 * standard_error * static_cast<double>(n), 1.5));
        squares += error * error;
        counts += 1;
        check_at = check_at * 3 / 2 + 1;
      }
    }
    CHECK(std::sqrt(squares / counts) <= 1.5 * standard_error);
  }
}

TEST_CASE("hyperloglog: no bump where sparse becomes dense") {
  HyperLogLog log(14);
  uint64_t n = 0, before = 0;
  bool was_sparse = true;
  while (n < 20'000) {
    log.add(unique_hash(static_cast<int64_t>(n++)));
    bool switched = was_sparse && !log.is_sparse();
    was_sparse = log.is_sparse();
    uint64_t estimate = n % 64 == 0 || switched ? log.estimate() : before;
    CHECK(estimate + 2 >= before);  // never falls by more than rounding
    if (switched) CHECK(estimate <= before + before / 20);
    before = estimate;
  }
  CHECK_FALSE(was_sparse);
}

TEST_CASE("hyperloglog: merging is adding, in any order, sparse or dense") {
  Random random(3);
  for (int round = 0; round < 40; ++round) {
    HyperLogLog all(12), left(12), right(12);
    uint64_t count = random.below(round % 2 == 0 ? 300 : 30'000);
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t hash = unique_hash(static_cast<int64_t>(random.below(20'000)));
      all.add(hash);
      (random.chance(0.3) ? left : right).add(hash);
    }
    HyperLogLog merged = left;
    merged.merge(right);
    right.merge(left);
    for (uint32_t i = 0; i < 4096; ++i) {
      REQUIRE(merged.register_at(i) == all.register_at(i));
      REQUIRE(right.register_at(i) == all.register_at(i));
    }
    CHECK(merged.estimate() == all.estimate());
  }
}

TEST_CASE("hyperloglog: the hash of a value is for ever") {
  CHECK(unique_hash(int64_t{1}) == unique_hash(Bytes{1, 0, 0, 0, 0, 0, 0, 0}));
  CHECK(HyperLogLog(14).estimate() == 0);
  HyperLogLog extreme(10);
  extreme.add(0);
  CHECK(extreme.register_at(0) == 55);
  extreme.add(UINT64_MAX);
  CHECK(extreme.register_at(1023) == 1);
  CHECK(extreme.estimate() >= 1);
}

}  // namespace tally

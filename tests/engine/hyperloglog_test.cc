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

TEST_CASE("hyperloglog: sparse or dense, the estimate is the same at every step around the switch") {
  for (uint8_t precision : {10, 12, 14, 16}) {
    CAPTURE(precision);
    HyperLogLog sketch(precision), dense(precision);
    dense.make_dense();
    uint64_t n = 0, steps_behind = 0;
    while (steps_behind < 200) {
      const uint64_t hash = unique_hash(static_cast<int64_t>(n++));
      sketch.add(hash);
      dense.add(hash);
      steps_behind += sketch.is_sparse() ? 0 : 1;
      if (n % 64 == 0 || steps_behind % 16 == 1) REQUIRE(sketch.estimate() == dense.estimate());
      REQUIRE(n < uint64_t{1} << precision);
    }
    CHECK(n > (uint64_t{1} << precision) / 5);
  }
}

TEST_CASE("hyperloglog: asked after every few values, a sketch becomes dense all the same") {
  HyperLogLog sketch(12);
  for (int64_t n = 0; n < 3'000; ++n) {
    sketch.add(unique_hash(n));
    if (n % 16 == 0) CHECK(sketch.estimate() > 0);
  }
  CHECK_FALSE(sketch.is_sparse());
}

TEST_CASE("hyperloglog: the error around the switch is that of theory, over many sketches") {
  constexpr int kSketches = 60;
  for (uint8_t precision : {10, 12}) {
    CAPTURE(precision);
    const double standard_error = 1.04 / std::sqrt(static_cast<double>(1 << precision));
    const uint64_t around = (uint64_t{1} << precision) / 4;
    std::vector<double> sums(9), squares(9);
    for (int sketch = 0; sketch < kSketches; ++sketch) {
      HyperLogLog log(precision);
      uint64_t n = 0;
      for (size_t i = 0; i < sums.size(); ++i) {
        const uint64_t until = around * (6 + i) / 8;  // 0.75 to 1.75 of it
        for (; n < until; ++n) log.add(unique_hash(static_cast<int64_t>(uint64_t(sketch) << 32 | n)));
        const double error = (static_cast<double>(log.estimate()) - static_cast<double>(n)) / static_cast<double>(n);
        sums[i] += error;
        squares[i] += error * error;
      }
      CHECK_FALSE(log.is_sparse());
    }
    for (size_t i = 0; i < sums.size(); ++i) {
      CAPTURE(i);
      CHECK(std::sqrt(squares[i] / kSketches) <= 1.5 * standard_error);
      CHECK(std::abs(sums[i] / kSketches) <= 0.6 * standard_error);  // no bias: 4 standard errors of the mean
    }
  }
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

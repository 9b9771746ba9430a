// The reference interpreter has to be right by itself: its arithmetic and its buckets, against values worked out by hand.
#include <doctest/doctest.h>

#include "base/random.h"
#include "base/timestamp.h"
#include "query/numeric.h"
#include "tests/support/query/exact_number.h"
#include "tests/support/query/reference_time.h"
#include "tests/support/seed.h"

namespace tally::reference {
namespace {

std::string show(const std::optional<Exact>& number) { return number ? to_text(*number) : "overflow"; }
Exact exact(std::string_view text) { return parse_exact(text).value(); }
TimeUs at(std::string_view text) { return parse_timestamp(text).value(); }

// Numbers of every size: a few digits, or as many as there is room for.
Numeric any_number(Random& random) {
  Uint128 value = (Uint128{random.next()} << 64 | random.next()) >> (1 + random.below(126));
  const auto number = static_cast<Int128>(value);
  return {random.below(2) == 0 ? number : -number, static_cast<uint8_t>(random.below(39))};
}

}  // namespace

TEST_CASE("reference: numbers") {
  CHECK(show(divide(exact("1"), exact("3"))) == "0.33333333333333333333");
  CHECK(show(divide(exact("100000"), exact("3"))) == "33333.333333333333");
  CHECK(show(multiply(exact("1.50"), exact("-2.5"))) == "-3.750");
  CHECK(show(round(exact("-2.5"), 0, Rounding::kHalfAway)) == "-3");
  CHECK(show(round(exact("1250"), -2, Rounding::kHalfAway)) == "1300");
  CHECK(show(round(exact("-2.1"), 0, Rounding::kDown)) == "-3");
  CHECK(show(add(exact("170141183460469231731687303715884105727"), exact("1"))) == "overflow");
  CHECK(value_key(exact("100.500")) == "100.5");
}

TEST_CASE("reference: query/numeric.h gives what integers of any size give") {
  const uint64_t seed = test_seed(11);
  Random random(seed);
  CAPTURE(seed);
  auto ours = [](const std::optional<Numeric>& number) { return number ? to_string(*number) : "overflow"; };
  for (int i = 0; i < 100'000; ++i) {
    const Numeric a = any_number(random), b = any_number(random);
    const Exact x = exact_of(a.value, a.scale), y = exact_of(b.value, b.scale);
    CAPTURE(to_string(a));
    CAPTURE(to_string(b));
    REQUIRE(ours(tally::add(a, b)) == show(add(x, y)));
    REQUIRE(ours(tally::subtract(a, b)) == show(subtract(x, y)));
    REQUIRE(ours(tally::multiply(a, b)) == show(multiply(x, y)));
    REQUIRE(tally::compare(a, b) == compare(x, y));
    if (b.value == 0) continue;
    REQUIRE(ours(tally::divide(a, b)) == show(divide(x, y)));
    REQUIRE(ours(tally::remainder(a, b)) == show(remainder(x, y)));
    const int digits = static_cast<int>(random.below(77)) - 38;
    REQUIRE(ours(round_to(a, digits)) == show(round(x, digits, Rounding::kHalfAway)));
    REQUIRE(ours(truncate_to(a, digits)) == show(round(x, digits, Rounding::kToZero)));
    REQUIRE(ours(floor_of(a)) == show(round(x, 0, Rounding::kDown)));
  }
}

TEST_CASE("reference: buckets of time") {
  const Interval hour{0, kMicrosPerHour}, day{0, kMicrosPerDay};
  CHECK(bucket_begin(day, "Europe/Berlin", at("2024-03-31T12:00:00Z")) == at("2024-03-30T23:00:00Z"));
  CHECK(next_bucket(day, "Europe/Berlin", at("2024-03-30T23:00:00Z")) == at("2024-03-31T22:00:00Z"));
  CHECK(bucket_begin(hour, "Asia/Kolkata", at("2024-03-31T12:45:00Z")) == at("2024-03-31T12:30:00Z"));
  CHECK(bucket_begin({1, 0}, "", at("1999-12-31T23:59:59Z")) == at("1999-12-01T00:00:00Z"));
}

}  // namespace tally::reference

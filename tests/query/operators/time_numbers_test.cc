// Numbers for buckets of time, against a map by their begin.
#include "query/operators/time_numbers.h"

#include <doctest/doctest.h>

#include <map>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

void compare(const Bucketer& bucketer, const std::vector<TimeUs>& times) {
  TimeNumbers numbers(bucketer);
  std::map<TimeUs, uint32_t> plain;
  for (const TimeUs time : times) {
    CAPTURE(time);
    const TimeUs begin = bucketer.begin(time);
    const uint32_t wanted = plain.try_emplace(begin, plain.size()).first->second;
    REQUIRE(numbers.find_or_add(time) == wanted);
    REQUIRE(numbers.begin(wanted) == begin);
  }
  CHECK(numbers.size() == plain.size());
}

// Near each other, far from each other, at the ends of time.
std::vector<TimeUs> random_times(Random& random) {
  std::vector<TimeUs> times(2'000);
  const int64_t around = static_cast<int64_t>(random.below(4'000'000'000'000'000)) - 2'000'000'000'000'000;
  const uint64_t spread = uint64_t{1} << random.below(62);
  for (TimeUs& time : times) {
    time = around + static_cast<int64_t>(random.below(spread)) / 2;
    if (random.chance(0.002)) time = INT64_MIN + static_cast<int64_t>(random.below(1'000'000));
    if (random.chance(0.002)) time = INT64_MAX - static_cast<int64_t>(random.below(1'000'000));
    if (random.chance(0.01)) time = -static_cast<int64_t>(random.below(uint64_t{1} << 55));
  }
  return times;
}

TEST_CASE("time numbers: buckets of any width, in UTC and in a zone, over times near and far") {
  const uint64_t seed = test_seed(81);
  CAPTURE(seed);
  Random random(seed);
  const auto berlin = *TimeZone::load("Europe/Berlin");
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    const int64_t width = static_cast<int64_t>(1 + random.below(uint64_t{1} << random.below(40)));
    const auto zone = random.chance(0.2) ? berlin : nullptr;
    const auto bucketer = random.chance(0.3) ? Bucketer::of_unit(random.chance(0.5) ? "month" : "day", zone)
                                             : Bucketer::of_width(Interval{.us = width}, zone);
    if (!bucketer) continue;  // a width that there is not in a zone
    compare(*bucketer, random_times(random));
  }
}

TEST_CASE("time numbers: an hour that comes first, later hours and earlier ones") {
  const Bucketer hours = *Bucketer::of_unit("hour", nullptr);
  TimeNumbers numbers(hours);
  CHECK(numbers.find_or_add(10 * kMicrosPerHour + 5) == 0);
  CHECK(numbers.find_or_add(12 * kMicrosPerHour) == 1);
  CHECK(numbers.find_or_add(-1) == 2);
  CHECK(numbers.find_or_add(11 * kMicrosPerHour - 1) == 0);
  CHECK(numbers.begin(2) == -kMicrosPerHour);
}

}  // namespace
}  // namespace tally

#include "base/interval.h"

#include <doctest/doctest.h>

#include <initializer_list>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

TEST_CASE("interval: the spellings of PostgreSQL") {
  for (auto [text, us] : std::initializer_list<std::pair<const char*, TimeUs>>{
           {"72 hours", 72 * kMicrosPerHour},
           {"7 days", 7 * kMicrosPerDay},
           {"1 DAY", kMicrosPerDay},
           {"5 minutes", 5 * kMicrosPerMinute},
           {"5m", 5 * kMicrosPerMinute},
           {"5 mins", 5 * kMicrosPerMinute},
           {"30 s", 30 * kMicrosPerSecond},
           {"30s", 30 * kMicrosPerSecond},
           {"1h30m", 90 * kMicrosPerMinute},
           {"1 day 12 hours", 36 * kMicrosPerHour},
           {"1 day 12:30:00.5", kMicrosPerDay + 12 * kMicrosPerHour + 30 * kMicrosPerMinute + 500'000},
           {"01:30", 90 * kMicrosPerMinute},
           {"1.5 hours", 90 * kMicrosPerMinute},
           {"2 weeks", 14 * kMicrosPerDay},
           {"2 hrs", 2 * kMicrosPerHour},
           {"2 secs", 2 * kMicrosPerSecond},
           {"250 ms", 250'000},
           {"10 us", 10},
           {"-1 week", -7 * kMicrosPerDay},
           {"1 day -1 hour", 23 * kMicrosPerHour},
           {"+3 h", 3 * kMicrosPerHour},
           {"  4\tdays ", 4 * kMicrosPerDay},
           {"0 days", 0},
       }) {
    CAPTURE(text);
    Result<TimeUs> duration = parse_duration(text);
    REQUIRE(duration);
    CHECK(*duration == us);
  }
}

TEST_CASE("interval: months stay apart, and have no fixed length") {
  CHECK(parse_interval("1 year 2 months 3 days").value() == Interval{14, 3 * kMicrosPerDay});
  CHECK(parse_interval("1 mon").value() == Interval{1, 0});
  CHECK(parse_duration("1 month").error().message == "'1 month' has no fixed length: say it in days, like '30 days'");
}

TEST_CASE("interval: what is wrong is said") {
  for (auto [text, why] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", "is empty"},
           {"   ", "is empty"},
           {"7", "without a unit"},
           {"days", "not an interval"},
           {"7 fortnights", "unknown unit 'fortnights'"},
           {"7 days ago", "not an interval"},
           {"7 dayss", "unknown unit 'dayss'"},
           {"1.5 months", "fraction of a month"},
           {"1.5 us", "finer than a microsecond"},
           {"1.1234567 s", "more than six digits"},
           {"1. s", "without digits"},
           {"12:61", "does not exist"},
           {"99999999999999999999 s", "out of range"},
           {"9999999999 weeks", "out of range"},
           {"- 1 day", "not an interval"},
       }) {
    CAPTURE(text);
    Result<Interval> interval = parse_interval(text);
    REQUIRE(!interval);
    CHECK(interval.error().message.find(why) != std::string::npos);
  }
}

TEST_CASE("interval: formatting") {
  CHECK(format_duration(72 * kMicrosPerHour) == "3 days");
  CHECK(format_duration(90 * kMicrosPerMinute) == "1 hour 30 minutes");
  CHECK(format_duration(kMicrosPerSecond) == "1 second");
  CHECK(format_duration(250'000) == "0.25 seconds");
  CHECK(format_duration(0) == "0 seconds");
  CHECK(format_duration(-90 * kMicrosPerMinute) == "-1 hour -30 minutes");
  CHECK(format_interval({14, kMicrosPerDay}) == "1 year 2 months 1 day");
}

TEST_CASE("interval: text and back") {
  uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  for (int i = 0; i < 3'000; ++i) {
    auto us = static_cast<TimeUs>(random.next() >> random.between(2, 60));
    if (random.chance(0.5)) us = -us;
    CHECK(parse_duration(format_duration(us)).value() == us);
  }
}

}  // namespace
}  // namespace tally

#include "base/timestamp.h"

#include <doctest/doctest.h>

#include <initializer_list>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

constexpr TimeUs kExample = 1'574'553'663'979'311;  // 2019-11-24T00:01:03.979311Z

struct TimeCase {
  const char* text;
  TimeUs time;
};

TEST_CASE("timestamp: the forms that are read") {
  for (const TimeCase& c : std::initializer_list<TimeCase>{
           {"2019-11-24T00:01:03.979311Z", kExample},
           {"2019-11-24t00:01:03.979311z", kExample},
           {"2019-11-24 00:01:03.979311", kExample},
           {"2019-11-24 00:01:03.979311+00:00", kExample},
           {"2019-11-24 00:01:03.979311 UTC", kExample},
           {"2019-11-24 00:01:03.979311 +00", kExample},
           {"2019-11-24 09:01:03.979311+09:00", kExample},
           {"2019-11-24T09:01:03.979311+0900", kExample},
           {"2019-11-23T19:31:03.979311-04:30", kExample},
           {"2019-11-24T00:01:03,979311Z", kExample},
           {"2019-11-24T00:01:03.9793110000Z", kExample},
           {"1574553663.979311", kExample},
           {"1574553663979.311", kExample},
           {"1574553663979311", kExample},
           {"2019-11-24T00:01:03.9Z", kExample - 79'311},
           {"2019-11-24T00:01:03Z", kExample - 979'311},
           {"2019-11-24T00:01", kExample - 3'979'311},
           {"2019-11-24", kExample - 63'979'311},
           {"1574553663", kExample - 979'311},
           {"1574553663979", kExample - 311},
           {"1970-01-01", 0},
           {"0", 0},
           {"-1.5", -1'500'000},
           {"-0.5", -500'000},
           {"1969-12-31T23:59:59.999999Z", -1},
           {"2016-12-31T23:59:60Z", 1'483'228'800'000'000},
           {"2000-02-29", 951'782'400'000'000},
           {"0001-01-01", -62'135'596'800'000'000},
           {"9999-12-31T23:59:59.999999Z", 253'402'300'799'999'999},
       }) {
    CAPTURE(c.text);
    Result<TimeUs> time = parse_timestamp(c.text);
    REQUIRE(time);
    CHECK(*time == c.time);
  }
}

TEST_CASE("timestamp: what is wrong is said") {
  for (auto [text, why] : std::initializer_list<std::pair<const char*, const char*>>{
           {"2019-11-24T00:01:03.9793111Z", "finer than a microsecond"},
           {"1574553663.9793111", "finer than a microsecond"},
           {"1574553663979311.5", "finer than a microsecond"},
           {"2019-02-29", "date that does not exist"},
           {"1900-02-29", "date that does not exist"},
           {"2019-13-01", "date that does not exist"},
           {"0000-01-01", "date that does not exist"},
           {"2019-11-24T24:00:00", "time of day that does not exist"},
           {"2019-11-24T23:60:00", "time of day that does not exist"},
           {"2019-11-24T00:00:00+19:00", "offset that does not exist"},
           {"1574553663979311000", "no epoch time"},
           {"99999999999999999999", "no epoch time"},
           {"", "not a timestamp"},
           {"yesterday", "not a timestamp"},
           {"24.11.2019", "not a timestamp"},
           {"2019-11-24T", "not a timestamp"},
           {"2019-11-24T00", "not a timestamp"},
           {"2019-11-24T00:01:", "not a timestamp"},
           {"2019-11-24T00:01:03.", "not a timestamp"},
           {"2019-11-24T00:01:03Zx", "not a timestamp"},
           {"2019-11-24T00:01:03+9", "not a timestamp"},
           {"2019-11-24 CET", "not a timestamp"},
           {"1574553663.", "not a timestamp"},
       }) {
    CAPTURE(text);
    Result<TimeUs> time = parse_timestamp(text);
    REQUIRE(!time);
    CHECK(time.error().code == Code::kInvalidArgument);
    CHECK(time.error().message.find(why) != std::string::npos);
  }
}

TEST_CASE("timestamp: epoch numbers go by magnitude, an ISO literal takes none") {
  CHECK(epoch_to_us(99'999'999'999).value() == 99'999'999'999'000'000);
  CHECK(epoch_to_us(100'000'000'000).value() == 100'000'000'000'000);
  CHECK(epoch_to_us(99'999'999'999'999).value() == 99'999'999'999'999'000);
  CHECK(epoch_to_us(100'000'000'000'000).value() == 100'000'000'000'000);
  CHECK(!epoch_to_us(INT64_MAX));
  CHECK(!epoch_to_us(INT64_MIN));
  CHECK(!parse_iso_timestamp("1574553663"));
}

TEST_CASE("timestamp: formatting, with and without a fraction, before 1970 too") {
  CHECK(format_timestamp(kExample) == "2019-11-24T00:01:03.979311Z");
  CHECK(format_timestamp(0) == "1970-01-01T00:00:00Z");
  CHECK(format_timestamp(-1) == "1969-12-31T23:59:59.999999Z");
  CHECK(format_timestamp(1) == "1970-01-01T00:00:00.000001Z");
  CHECK(!format_timestamp(INT64_MAX).empty());
  CHECK(!format_timestamp(INT64_MIN).empty());
}

TEST_CASE("timestamp: text and back, over all years that are read") {
  uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  constexpr TimeUs kFirst = -62'135'596'800'000'000;
  constexpr TimeUs kLast = 253'402'300'799'999'999;
  for (int i = 0; i < 5'000; ++i) {
    TimeUs time = kFirst + static_cast<TimeUs>(random.below(static_cast<uint64_t>(kLast - kFirst)));
    CHECK(parse_timestamp(format_timestamp(time)).value() == time);
  }
}

TEST_CASE("timestamp: the calendar counts every day once") {
  CivilDate date{1896, 2, 27};
  int64_t days = days_from_civil(date);
  for (int i = 0; i < 150'000; ++i, ++days) {
    REQUIRE(days_from_civil(date) == days);
    REQUIRE(civil_from_days(days) == date);
    if (++date.day > days_in_month(date.year, date.month)) {
      date.day = 1;
      if (++date.month > 12) date = {date.year + 1, 1, 1};
    }
  }
}

TEST_CASE("timestamp: floor_to rounds towards the past") {
  CHECK(floor_to(kExample, kMicrosPerHour) == 1'574'553'600'000'000);
  CHECK(floor_to(-1, kMicrosPerHour) == -kMicrosPerHour);
  CHECK(floor_to(-kMicrosPerHour, kMicrosPerHour) == -kMicrosPerHour);
}

}  // namespace
}  // namespace tally

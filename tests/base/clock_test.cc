#include "base/clock.h"

#include <doctest/doctest.h>

namespace tally {
namespace {

TEST_CASE("clock: the machine's clocks run and the boot has a name") {
  Clock& clock = system_clock();
  TimeUs boot = clock.boottime_us();
  CHECK(clock.wall_us() > 1'700'000'000 * kMicrosPerSecond);
  clock.sleep_us(2'000);
  CHECK(clock.boottime_us() - boot >= 2'000);
  CHECK(!clock.boot_id().empty());
  CHECK(clock.boot_id() == clock.boot_id());
  clock.sleep_us(-1);
}

TEST_CASE("clock: utc_day rounds down on both sides of 1970") {
  CHECK(utc_day(0) == 0);
  CHECK(utc_day(kMicrosPerDay - 1) == 0);
  CHECK(utc_day(kMicrosPerDay) == 1);
  CHECK(utc_day(-1) == -1);
  CHECK(utc_day(-kMicrosPerDay) == -1);
  CHECK(utc_day(-kMicrosPerDay - 1) == -2);
}

}  // namespace
}  // namespace tally

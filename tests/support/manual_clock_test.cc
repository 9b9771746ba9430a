#include "tests/support/manual_clock.h"

#include <doctest/doctest.h>

namespace tally {
namespace {

TEST_CASE("manual clock: stands still, sleeps at once, jumps, reboots") {
  ManualClock clock;
  TimeUs wall = clock.wall_us();
  TimeUs boot = clock.boottime_us();
  CHECK(clock.wall_us() == wall);
  clock.sleep_us(5);
  CHECK(clock.wall_us() == wall + 5);
  CHECK(clock.boottime_us() == boot + 5);
  clock.jump_wall(kMicrosPerDay);
  CHECK(clock.wall_us() == wall + 5 + kMicrosPerDay);
  CHECK(clock.boottime_us() == boot + 5);
  std::string boot_id = clock.boot_id();
  clock.reboot(kMicrosPerMinute);
  CHECK(clock.boottime_us() == 0);
  CHECK(clock.boot_id() != boot_id);
  CHECK(clock.boot_id().size() == 36);
  clock.set_wall(7);
  CHECK(clock.wall_us() == 7);
}

}  // namespace
}  // namespace tally

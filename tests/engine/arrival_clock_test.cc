#include "engine/arrival_clock.h"

#include <doctest/doctest.h>

#include "tests/support/manual_clock.h"

using namespace tally;

namespace {
constexpr TimeUs kStart = ManualClock::kStartWall;
}

TEST_CASE("arrival follows the clock and never goes back") {
  ManualClock clock;
  ArrivalClock arrival(clock, 0);
  CHECK(arrival.next() == kStart);
  clock.advance(5);
  CHECK(arrival.next() == kStart + 5);
  clock.jump_wall(-kMicrosPerDay);
  CHECK(arrival.next() == kStart + 5);
  CHECK_FALSE(arrival.suspended());
  clock.advance(kMicrosPerDay + 3);
  CHECK(arrival.next() == kStart + 8);
}

TEST_CASE("arrival starts no earlier than the last record of the log") {
  ManualClock clock;
  ArrivalClock arrival(clock, kStart + kMicrosPerHour);
  CHECK(arrival.next() == kStart + kMicrosPerHour);
  clock.advance(2 * kMicrosPerHour);
  CHECK(arrival.next() == kStart + 2 * kMicrosPerHour);
}

TEST_CASE("a jump of an hour is believed, a longer one only after confirm") {
  ManualClock clock;
  ArrivalClock arrival(clock, 0);
  clock.jump_wall(kClockJumpUs);
  CHECK(arrival.next() == kStart + kClockJumpUs);
  CHECK_FALSE(arrival.suspended());

  clock.jump_wall(1);  // an hour and 1 us since the anchor, in however many steps
  CHECK(arrival.suspended());
  CHECK(arrival.gained_us() == kClockJumpUs + 1);
  CHECK(arrival.next() == kStart + kClockJumpUs);  // held: boottime is an hour behind
  clock.advance(2 * kMicrosPerHour);
  CHECK(arrival.next() == kStart + 2 * kMicrosPerHour);  // at the pace of boottime

  arrival.confirm();
  CHECK_FALSE(arrival.suspended());
  CHECK(arrival.next() == kStart + 3 * kMicrosPerHour + 1);
}

TEST_CASE("a wrong clock that is put right again is believed without a word") {
  ManualClock clock;
  ArrivalClock arrival(clock, 0);
  clock.jump_wall(10 * kMicrosPerDay);
  CHECK(arrival.next() == kStart);
  clock.jump_wall(-10 * kMicrosPerDay);
  clock.advance(7);
  CHECK_FALSE(arrival.suspended());
  CHECK(arrival.next() == kStart + 7);
}

TEST_CASE("the anchor counts within one boot and not beyond it") {
  ManualClock clock;
  ClockAnchor anchor = ArrivalClock(clock, 0).anchor();
  clock.jump_wall(kMicrosPerDay);
  ArrivalClock restarted(clock, kStart, anchor);
  CHECK(restarted.suspended());
  CHECK(restarted.next() == kStart);

  clock.reboot();
  ArrivalClock rebooted(clock, kStart, anchor);
  CHECK_FALSE(rebooted.suspended());
  CHECK(rebooted.next() == kStart + kMicrosPerDay);
}

TEST_CASE("clock back takes arrival back to the wall clock") {
  ManualClock clock;
  ArrivalClock arrival(clock, kStart + kMicrosPerDay);
  CHECK(arrival.next() == kStart + kMicrosPerDay);
  arrival.go_back();
  CHECK(arrival.last() == kStart);
  clock.advance(1);
  CHECK(arrival.next() == kStart + 1);
}

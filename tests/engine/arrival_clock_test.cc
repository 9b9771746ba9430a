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
  CHECK(arrival.suspended());  // a day behind what has arrived
  clock.advance(kMicrosPerDay + 3);
  CHECK_FALSE(arrival.suspended());
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
  CHECK(arrival.judge(0).gained_us == kClockJumpUs + 1);
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

TEST_CASE("what the clock is called: believed, proving, ahead, behind") {
  struct Case {
    TimeUs jump_us;
    TimeUs passed_us;
    ClockState state;
  };
  const Case cases[] = {{0, 0, ClockState::kProving},
                        {0, kMicrosPerHour, ClockState::kBelieved},
                        {kClockJumpUs, kMicrosPerHour, ClockState::kBelieved},
                        {kClockJumpUs + 1, kMicrosPerHour, ClockState::kAhead},
                        {-kClockJumpUs, 0, ClockState::kProving},
                        {-kClockJumpUs - 1, 0, ClockState::kBehind},
                        {-kMicrosPerDay, kMicrosPerHour, ClockState::kBehind}};
  for (const Case& one : cases) {
    CAPTURE(one.jump_us);
    ManualClock clock(kStart, 0);
    ArrivalClock arrival(clock, 0);
    arrival.next();
    clock.jump_wall(one.jump_us);
    clock.advance(one.passed_us);
    CHECK(arrival.judge(kMicrosPerHour).state == one.state);
  }
}

TEST_CASE(
    "a machine that starts with a clock behind what is logged goes on from there, and a later leap needs a word") {
  ManualClock clock;
  ArrivalClock arrival(clock, kStart + 2 * kMicrosPerDay);
  CHECK(arrival.judge(0).state == ClockState::kBehind);
  CHECK(arrival.next() == kStart + 2 * kMicrosPerDay);
  clock.jump_wall(2 * kMicrosPerDay);  // set right: as late as what is logged
  CHECK(arrival.judge(0).believed());
  clock.jump_wall(5 * kMicrosPerDay);  // or it had been off for five days more
  CHECK(arrival.judge(0).state == ClockState::kAhead);
  CHECK(arrival.next() == kStart + 2 * kMicrosPerDay);
  arrival.confirm();
  CHECK(arrival.next() == kStart + 7 * kMicrosPerDay);
}

TEST_CASE("whoever confirms the clock need not wait for the machine to have run an hour") {
  ManualClock clock(kStart, 0);
  ArrivalClock arrival(clock, 0);
  CHECK(arrival.judge(kMicrosPerHour).state == ClockState::kProving);
  arrival.confirm();
  CHECK(arrival.judge(kMicrosPerHour).believed());
  ArrivalClock restarted(clock, kStart, arrival.anchor());
  CHECK(restarted.judge(kMicrosPerHour).believed());
  clock.reboot();
  ArrivalClock rebooted(clock, kStart, arrival.anchor());
  CHECK(rebooted.judge(kMicrosPerHour).state == ClockState::kProving);
}

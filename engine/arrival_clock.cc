#include "engine/arrival_clock.h"

#include <algorithm>

namespace tally {

ArrivalClock::ArrivalClock(const Clock& clock, TimeUs last_arrival_us, const std::optional<ClockAnchor>& anchor)
    : clock_(clock), anchor_(read_clock()), last_us_(last_arrival_us) {
  bool same_run = anchor && anchor->boot_id == anchor_.boot_id && anchor->boottime_us <= anchor_.boottime_us;
  if (same_run) anchor_ = *anchor;
}

ClockAnchor ArrivalClock::read_clock() const {
  return {.boot_id = clock_.boot_id(), .boottime_us = clock_.boottime_us(), .wall_us = clock_.wall_us()};
}

TimeUs ArrivalClock::gained_us() const {
  TimeUs expected_us = anchor_.wall_us + (clock_.boottime_us() - anchor_.boottime_us);
  return clock_.wall_us() - expected_us;
}

bool ArrivalClock::suspended() const { return gained_us() > kClockJumpUs; }

TimeUs ArrivalClock::next() {
  TimeUs wall_us = clock_.wall_us();
  TimeUs expected_us = anchor_.wall_us + (clock_.boottime_us() - anchor_.boottime_us);
  bool believed = wall_us - expected_us <= kClockJumpUs;
  last_us_ = std::max(last_us_, believed ? wall_us : expected_us);
  return last_us_;
}

void ArrivalClock::confirm() { anchor_ = read_clock(); }

void ArrivalClock::go_back() {
  anchor_ = read_clock();
  last_us_ = anchor_.wall_us;
}

}  // namespace tally

#include "engine/arrival_clock.h"

#include <algorithm>

namespace tally {
namespace {

ClockAnchor read_clock(const Clock& clock) {
  return {.boot_id = clock.boot_id(), .boottime_us = clock.boottime_us(), .wall_us = clock.wall_us()};
}

bool is_behind(TimeUs wall_us, TimeUs last_arrival_us) { return last_arrival_us - wall_us > kClockJumpUs; }

}  // namespace

std::string_view clock_state_name(ClockState state) {
  switch (state) {
    case ClockState::kBelieved: return "believed";
    case ClockState::kProving: return "proving";
    case ClockState::kAhead: return "ahead";
    case ClockState::kBehind: return "behind";
  }
  return "unknown";
}

ClockAnchor take_anchor(const Clock& clock, TimeUs last_arrival_us, const std::optional<ClockAnchor>& kept) {
  ClockAnchor now = read_clock(clock);
  if (kept && kept->boot_id == now.boot_id && kept->boottime_us <= now.boottime_us) return *kept;
  if (is_behind(now.wall_us, last_arrival_us)) now.wall_us = last_arrival_us;
  return now;
}

ClockStatus judge_clock(const Clock& clock, const ClockBelief& belief, TimeUs proving_us) {
  ClockStatus status;
  status.wall_us = clock.wall_us();
  status.boottime_us = clock.boottime_us();
  status.last_arrival_us = belief.last_arrival_us;
  const TimeUs expected_us = belief.anchor.wall_us + (status.boottime_us - belief.anchor.boottime_us);
  status.gained_us = status.wall_us - expected_us;
  if (status.gained_us > kClockJumpUs) {
    status.state = ClockState::kAhead;
  } else if (is_behind(status.wall_us, belief.last_arrival_us)) {
    status.state = ClockState::kBehind;
  } else if (status.boottime_us < proving_us && !belief.anchor.confirmed) {
    status.state = ClockState::kProving;
  }
  const TimeUs now_us = status.state == ClockState::kAhead ? expected_us : status.wall_us;
  status.arrival_us = std::max(belief.last_arrival_us, now_us);
  return status;
}

ArrivalClock::ArrivalClock(const Clock& clock, TimeUs last_arrival_us, const std::optional<ClockAnchor>& kept)
    : clock_(clock), belief_{take_anchor(clock, last_arrival_us, kept), last_arrival_us} {}

TimeUs ArrivalClock::next() {
  belief_.last_arrival_us = judge(0).arrival_us;
  return belief_.last_arrival_us;
}

void ArrivalClock::confirm() {
  belief_.anchor = read_clock(clock_);
  belief_.anchor.confirmed = true;
}

void ArrivalClock::go_back() {
  confirm();
  belief_.last_arrival_us = belief_.anchor.wall_us;
}

}  // namespace tally

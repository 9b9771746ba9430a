// Arrival times of records: max(last arrival logged, clock), never decreasing (reliability.md T1). The wall clock is judged
// by CLOCK_BOOTTIME, which nobody sets: an anchor holds one reading of both, and a wall clock that has gained more than an
// hour on boottime since the anchor is not believed until somebody says so with confirm(). One wrong jump would else be
// logged for ever, and turn good events into too late ones for days.
//
//   wall clock against the anchor             arrival
//   gained at most kClockJumpUs               max(last, wall)
//   gained more (suspended())                 max(last, anchor's wall + boottime passed): goes on at the pace of boottime
//   went back                                 max(last, wall): held until the clock has caught up
// A clock that comes back within the hour is believed again without a word. While suspended, forgetting and retention wait.
//
// The anchor is kept as long as the machine runs (its boot id stays the same), across restarts of the process: hand the one
// that the manifest keeps to the constructor. After a reboot the first reading is the anchor.
// Threads: one at a time. Pure but for the two readings that each call takes from the clock.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace tally {

inline constexpr TimeUs kClockJumpUs = kMicrosPerHour;

struct ClockAnchor {
  std::string boot_id;
  TimeUs boottime_us = 0;
  TimeUs wall_us = 0;
};

class ArrivalClock {
 public:
  // `last_arrival_us`: of the newest record in the log; 0 if there is none.
  ArrivalClock(const Clock& clock, TimeUs last_arrival_us, const std::optional<ClockAnchor>& anchor = std::nullopt);

  TimeUs next();  // the arrival time of the next record
  TimeUs last() const { return last_us_; }
  bool suspended() const;    // the wall clock is not believed at this moment
  TimeUs gained_us() const;  // wall clock minus what boottime makes of the anchor; below 0: it went back
  const ClockAnchor& anchor() const { return anchor_; }

  void confirm();  // `tally clock confirm`: the wall clock is right as it is
  void go_back();  // `tally clock back`: arrival starts again at the wall clock, even if that is lower

 private:
  ClockAnchor read_clock() const;

  const Clock& clock_;
  ClockAnchor anchor_;
  TimeUs last_us_;
};

}  // namespace tally

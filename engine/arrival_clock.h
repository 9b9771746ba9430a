// Arrival times of records: max(last arrival logged, clock), never decreasing (reliability.md T1), but for the one record that
// `tally clock back` writes. The wall clock is judged by CLOCK_BOOTTIME, which nobody sets, and by what is logged already: an
// anchor holds one reading of both clocks, and what the wall clock shows is believed as long as it agrees with them. One wrong
// jump would else be logged for ever, and turn good events into too late ones for days.
//
//   state      the wall clock                                          arrival
//   believed   agrees                                                  max(last, wall)
//   proving    agrees; the machine has started within the hour         max(last, wall)
//   ahead      gained more than kClockJumpUs on the anchor             max(last, anchor's wall + boottime passed)
//   behind     stands more than kClockJumpUs below the last arrival    max(last, wall): held until the clock has caught up
// But for `believed`, nothing is forgotten and nothing dropped by retention: whoever looks has time to. While the clock is ahead
// or behind, a batch with rows that arrival would refuse and the wall clock would admit is answered retry_later; the others go
// on. A clock that comes back within the hour is believed again without a word.
//
// The anchor is kept as long as the machine runs (its boot id stays the same), across restarts of the process: the manifest
// keeps it. After a reboot the first reading is the anchor; where it stands behind what is logged, the last arrival is.
// Threads: an ArrivalClock by one at a time; the rest are values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace tally {

inline constexpr TimeUs kClockJumpUs = kMicrosPerHour;

struct ClockAnchor {
  std::string boot_id;
  TimeUs boottime_us = 0;
  TimeUs wall_us = 0;
  bool confirmed = false;  // somebody has said so: nothing waits for the machine to have run an hour
  friend bool operator==(const ClockAnchor&, const ClockAnchor&) = default;
};

enum class ClockState : uint8_t { kBelieved, kProving, kAhead, kBehind };
std::string_view clock_state_name(ClockState state);

// What is believed of the time, and what it is judged by.
struct ClockBelief {
  ClockAnchor anchor;
  TimeUs last_arrival_us = 0;  // of the newest record in the log; 0 if there is none
};

struct ClockStatus {
  ClockState state = ClockState::kBelieved;
  TimeUs wall_us = 0;          // as it reads now
  TimeUs arrival_us = 0;       // what a record would get now
  TimeUs last_arrival_us = 0;  // what the newest one got
  TimeUs gained_us = 0;        // wall clock minus what boottime makes of the anchor; below 0: it went back
  TimeUs boottime_us = 0;
  bool believed() const { return state == ClockState::kBelieved; }
  bool suspended() const { return state == ClockState::kAhead || state == ClockState::kBehind; }
};

// The anchor that counts from here on: `kept` within its boot, else a first reading.
ClockAnchor take_anchor(const Clock& clock, TimeUs last_arrival_us, const std::optional<ClockAnchor>& kept);
// `proving_us`: how long a machine has run before its clock is proven.
ClockStatus judge_clock(const Clock& clock, const ClockBelief& belief, TimeUs proving_us);

class ArrivalClock {
 public:
  ArrivalClock(const Clock& clock, TimeUs last_arrival_us, const std::optional<ClockAnchor>& kept = std::nullopt);

  TimeUs next();  // the arrival time of the next record
  TimeUs last() const { return belief_.last_arrival_us; }
  ClockStatus judge(TimeUs proving_us) const { return judge_clock(clock_, belief_, proving_us); }
  bool suspended() const { return judge(0).suspended(); }
  const ClockBelief& belief() const { return belief_; }
  const ClockAnchor& anchor() const { return belief_.anchor; }

  void confirm();  // `tally clock confirm`: the wall clock is right as it is
  void go_back();  // `tally clock back`: arrival starts again at the wall clock, even if that is lower

 private:
  const Clock& clock_;
  ClockBelief belief_;
};

}  // namespace tally

#include "engine/table_condition.h"

#include "base/figures.h"
#include "base/interval.h"
#include "base/timestamp.h"

namespace tally {
namespace {

// To the second: nobody reads more of it.
std::string duration(TimeUs us) { return format_duration((us < 0 ? -us : us) / kMicrosPerSecond * kMicrosPerSecond); }

std::string at_hard(const SpaceStatus& space) {
  return human_bytes(space.free_bytes) + " are free, below " + human_bytes(space.hard_bytes) +
         " (storage.free_bytes_hard and " + human_bytes(space.unflushed_bytes) +
         " in memory): batches are answered no_space, queries and retention go on; make room, and it goes on by itself";
}

std::string at_soft(const SpaceStatus& space, const std::string& paused) {
  return human_bytes(space.free_bytes) + " are free, below " + human_bytes(space.soft_bytes) +
         " (storage.free_bytes_soft): joins, and folds that do not fit, wait" +
         (paused.empty() ? "" : ", now " + paused) + "; make room, and they go on by themselves";
}

}  // namespace

std::string describe_clock(const ClockStatus& clock, TimeUs proving_us) {
  const std::string reads = "the wall clock reads " + format_timestamp(clock.wall_us);
  const std::string waits =
      "; nothing is forgotten or dropped meanwhile, and batches with rows that only the wall clock would admit are "
      "answered retry_later; ";
  switch (clock.state) {
    case ClockState::kBelieved: return reads;
    case ClockState::kProving:
      return reads + ", and the machine has run for " + duration(clock.boottime_us) +
             ": nothing is forgotten or dropped before it has run for " + duration(proving_us) +
             ", or somebody types `tally clock confirm`";
    case ClockState::kAhead:
      return reads + ", " + duration(clock.gained_us) +
             " ahead of what CLOCK_BOOTTIME makes of it: records arrive at " + format_timestamp(clock.arrival_us) +
             waits + "if the clock is right, type `tally clock confirm`; if not, put it right";
    case ClockState::kBehind:
      return reads + ", and the newest record arrived at " + format_timestamp(clock.last_arrival_us) + ", " +
             duration(clock.last_arrival_us - clock.wall_us) +
             " later: arrival stands there until the clock has caught up" + waits +
             "if the clock is right, type `tally clock back`; if not, put it right";
  }
  return reads;
}

std::vector<ConditionLine> describe_condition(const TableCondition& condition) {
  std::vector<ConditionLine> lines;
  const BackgroundStats& background = condition.background;
  if (!condition.read_only.empty()) lines.push_back({"writes", "read_only", condition.read_only, true});
  if (condition.clock.suspended()) {
    lines.push_back({"clock", std::string(clock_state_name(condition.clock.state)),
                     describe_clock(condition.clock, condition.proving_us)});
  }
  if (condition.space.level == SpaceLevel::kHard) lines.push_back({"disk", "hard", at_hard(condition.space), true});
  if (condition.space.level == SpaceLevel::kSoft) {
    lines.push_back({"disk", "soft", at_soft(condition.space, background.paused)});
  }
  if (background.held_days > 0) {
    lines.push_back({"retention", "held",
                     "it would drop " + quantity(background.held_days, "day") + " with " +
                         quantity(background.held_events, "event") +
                         ", more than half of a history: if that is right, type `tally clock confirm`; if not, look at "
                         "the retention and at the clock"});
  }
  if (!background.stopped.empty()) lines.push_back({"background", "stopped", background.stopped});
  if (condition.orphans.beyond_limit()) {
    lines.push_back(
        {"orphans", "beyond_limit",
         "orphan/ holds " + quantity(condition.orphans.files, "file") + ", " + human_bytes(condition.orphans.bytes) +
             ", that no manifest names: run `tally check`, and remove them by hand when it finds no damage"});
  }
  return lines;
}

}  // namespace tally

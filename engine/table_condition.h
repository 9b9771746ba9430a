// What keeps a table from doing all of its work, or will: its clock, its disk, what waits in the background, files set aside.
// The same lines stand in system.health, in the server's log, behind its health and metrics, and in `tally clock show`. Values.
#pragma once

#include <string>
#include <vector>

#include "engine/arrival_clock.h"
#include "engine/background_policy.h"
#include "engine/orphans.h"
#include "engine/space_watch.h"

namespace tally {

struct TableCondition {
  std::string read_only;  // why there can be no write path until a restart; empty: there can be one
  ClockStatus clock;
  TimeUs proving_us = 0;  // how long a machine has run before its clock is proven
  SpaceStatus space;
  OrphanStatus orphans;
  BackgroundStats background;
};

struct ConditionLine {
  std::string part;    // "clock", "disk", "retention", "background", "orphans", "writes"
  std::string state;   // one word: "ahead", "hard", "held", ...
  std::string detail;  // what is seen, what follows, what to type
  bool takes_no_batches = false;
  friend bool operator==(const ConditionLine&, const ConditionLine&) = default;
};

std::string describe_clock(const ClockStatus& clock, TimeUs proving_us);  // in every state
// Only what is not as it should be; empty: all is well.
std::vector<ConditionLine> describe_condition(const TableCondition& condition);

}  // namespace tally

// What retention would drop at its next pass, day by day, if the schema were another one: for SET RETENTION ... DRY RUN. A pure
// function; nothing is dropped by it.
#pragma once

#include <vector>

#include "engine/fold_plan.h"

namespace tally {

struct RetentionLine {
  uint32_t rollup_id = 0;  // 0: raw
  Tier tier = Tier::kRaw;
  int32_t day = 0;
  uint64_t files = 0;  // that have rows of the day; they go when nothing else is left of them
  uint64_t rows = 0;
  uint64_t events = 0;
  uint64_t bytes = 0;  // of the files, by the day's share of their rows
  // It would not be dropped: with it more than half of the days of a last tier would go, which may be a clock that is wrong.
  bool held = false;
  friend bool operator==(const RetentionLine&, const RetentionLine&) = default;
};

// By rollup, tier and day; raw first.
std::vector<RetentionLine> preview_retention(const ManifestState& state, const Schema& next, TimeUs wall_us);

// What waits for `tally clock confirm`, because more than half of the days of a last tier would go.
struct HeldDrops {
  uint64_t days = 0;
  uint64_t events = 0;
};
HeldDrops held_drops(const ManifestState& state, TimeUs wall_us);

}  // namespace tally

#include "engine/fold_debt.h"

#include <algorithm>

#include "engine/fold_plan.h"
#include "engine/rollup_shape.h"

namespace tally {

uint64_t fold_debt_rows(const ManifestState& state) {
  uint64_t most = 0;
  for (const Rollup& rollup : state.schema()->rollups) {
    const std::vector<Tier> tiers = kept_tiers(rollup);
    if (tiers.empty()) continue;
    uint64_t rows = 0;
    for (const auto& [number, segment] : state.segments) {
      if (segment.tier != Tier::kRaw) continue;
      for (const SegmentDay& day : segment.days) {
        if (last_lsn_of(segment, day) > state.progress({rollup.id, tiers.front(), day.day}).folded_lsn)
          rows += day.rows;
      }
    }
    most = std::max(most, rows);
  }
  return most;
}

}  // namespace tally

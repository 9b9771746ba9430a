// GROUP BY ... FILL: adds a group for every bucket of time in which a series has none. A series is one combination of the
// other keys among the groups that appear; without other keys there is one series, also where nothing appears. Buckets run
// from the first to the last that WHERE lets through; where WHERE leaves an end open, to the first or last bucket of the
// answer. In an added group counts and sums are 0, everything else is NULL, and ratios of sums come out NULL.
#pragma once

#include "query/operators/aggregation.h"

namespace tally {

// Refused with a reason rather than added: a range of years by the second is a mistake in the query.
inline constexpr uint64_t kFilledGroupsMax = 1'000'000;

Sql<void> fill_gaps(const BoundSelect& select, Aggregation::Groups& groups);

}  // namespace tally

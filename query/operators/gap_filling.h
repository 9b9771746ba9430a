// GROUP BY ... FILL: adds a group for every bucket of time in which a series has none. A series is one combination of the
// other keys among the groups that appear; without other keys there is one series, also where nothing appears. Buckets run
// from the first to the last that WHERE lets through; where WHERE leaves an end open, to the first or last bucket of the
// answer. In an added group counts and sums are 0, everything else is NULL, and ratios of sums come out NULL.
#pragma once

#include "query/operators/aggregation.h"

namespace tally {

// Adds no more than `groups_max`, and no more than fit `memory_bytes_max`: more is refused by name.
Sql<void> fill_gaps(const BoundSelect& select, uint64_t groups_max, uint64_t memory_bytes_max,
                    Aggregation::Groups& groups);

}  // namespace tally

// Which blocks of a segment may hold rows that a scan wants, from what the footer and the block indexes say: time ranges
// first, then the sort order, zones, indexes, the cheapest first.
#pragma once

#include "engine/scan_filter.h"
#include "engine/segment_file.h"

namespace tally {

// Reads block indexes, through the cache, where blocks are left that they may spare.
Result<BlockPlan> plan_blocks(const SegmentFile& segment, const ScanFilter& filter);

// A predicate over more codes than this looks at zones alone: an index would have to be asked for each.
inline constexpr uint64_t kIndexCodesMax = 4096;

}  // namespace tally

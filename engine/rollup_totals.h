// Rows of rollup tiers as RollupRows takes them, and what their values add up to: what folding and check agree on.
#pragma once

#include <map>
#include <vector>

#include "engine/rollup_rows.h"
#include "engine/segment_reader.h"

namespace tally {

// By value of a shape; 0 of those that do not add up.
using RollupTotals = std::vector<__int128>;

// Every column of a tier.
ColumnSelection tier_selection(const RollupShape& shape);
// A block that was read by it. `input` views the block.
void show_tier_block(const RollupShape& shape, const BlockColumns& block, RollupRows::Input& input);
// Adds what `input` has in rows [first, first + count).
void add_totals(const RollupShape& shape, const RollupRows::Input& input, uint32_t first, uint32_t count,
                RollupTotals& totals);

using TotalsByDay = std::map<int32_t, RollupTotals>;
// Adds what a file of a tier has, read from the disk: columns of sums alone.
Status add_stored_totals(const RollupShape& shape, const SegmentReader& reader, TotalsByDay& totals);
// Whether sums that went in came out, day by day; else kCorruption with the first that did not.
Status check_conserved(const RollupShape& shape, const TotalsByDay& in, const TotalsByDay& out);

}  // namespace tally

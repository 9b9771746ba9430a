// The order of rows in a raw segment: UTC day, then the dimensions in the order of their declaration (by table code), then
// time, then the order in which the shard applied them.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/published_state.h"

namespace tally {

// A row of a chunk list: 65,536 chunks of 65,536 rows can be named.
struct RowRef {
  uint16_t chunk = 0;
  uint16_t row = 0;
};
static_assert(limits::kChunkRows <= 65'536);

struct DayRows {
  int32_t day = 0;
  std::vector<RowRef> rows;  // sorted
};

// Every row of `chunks` (which no longer grow, and share one schema), by day ascending, sorted within the day.
std::vector<DayRows> order_rows(const ChunkList& chunks);

}  // namespace tally

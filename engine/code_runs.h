// Codes of a dimension by runs of rows instead of row by row, views: codes[i] stands in the rows from ends[i - 1], or 0, up to
// ends[i]. Neighbours may be equal. The last end is the number of rows.
#pragma once

#include <cstdint>
#include <span>

namespace tally {

struct CodeRuns {
  std::span<const uint32_t> codes = {};
  std::span<const uint32_t> ends = {};
  bool empty() const { return codes.empty(); }
};

}  // namespace tally

// Which segments answer a query over a rollup: for each UTC day the coarsest tier that may be read and is complete, then what
// came after it from the next finer ones, then raw (architecture.md, Cover rule): every log record exactly once. A pure
// function of the manifest. Rows that are not flushed yet are not part of it: read the memtable beside it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/manifest.h"

namespace tally {

// Rows of one source with a time in [from, to): those sections that begin above the LSN, and of raw the rows above it.
struct CoverPart {
  uint32_t rollup_id = 0;  // 0: raw
  Tier tier = Tier::kRaw;
  TimeUs from = 0;
  TimeUs to = 0;
  Lsn above = 0;
  friend bool operator==(const CoverPart&, const CoverPart&) = default;
};

struct CoverRequest {
  uint32_t rollup_id = 0;      // 0: raw alone
  Tier coarsest = Tier::kDay;  // that answers exactly
  TimeUs from = INT64_MIN;
  TimeUs to = INT64_MAX;
};

struct Cover {
  std::vector<CoverPart> parts;  // ascending by time within a source; none is empty of segments
  uint64_t rows = 0;             // of the sections that they touch, by their share of the day: what reading it may cost
  // Days of which nothing complete is left, if any: the answer would have a hole there.
  std::optional<int32_t> first_missing_day, last_missing_day;
};

Cover make_cover(const ManifestState& state, const CoverRequest& request);

}  // namespace tally

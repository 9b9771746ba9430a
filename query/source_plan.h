// Where the rows of a query come from: raw and memtable, or a rollup whose dimensions and measures suffice, each UTC day from
// the coarsest tiers that answer exactly (engine/cover.h). The rollup is the one with the fewest rows to read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/cover.h"
#include "query/bound.h"
#include "query/pushdown.h"
#include "query/sql_error.h"

namespace tally {

// What an aggregate reads of a rollup tier: a column, less another where there are two.
struct StoredMeasure {
  uint32_t column_id = 0;
  uint32_t minus_column_id = 0;  // 0: none
};

struct SourcePart {
  ScanSource source;
  TimeUs from = INT64_MIN;
  TimeUs to = INT64_MAX;
};

struct SourcePlan {
  std::vector<SourcePart> parts;
  uint32_t rollup_id = 0;               // 0: raw
  std::vector<StoredMeasure> measures;  // by aggregate; of a rollup
  uint64_t rows = 0;                    // of the sections and segments that the parts touch
  std::optional<TimeUs> complete_from;  // what was asked for is not kept any more before it
};

// `select` has a snapshot. kInvalidArgument: the time asked for is not kept, or not kept so finely.
Sql<SourcePlan> plan_source(const BoundSelect& select, const PushedDown& pushed);

}  // namespace tally

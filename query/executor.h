// Runs a bound SELECT: source -> filter -> (aggregation -> HAVING) -> rows.
#pragma once

#include "base/limits.h"
#include "query/bound.h"
#include "query/query_control.h"
#include "query/sql_error.h"

namespace tally {

// What one query may take; past it, it fails by name. Whether it may go on is asked of `control`.
struct QueryLimits {
  uint64_t memory_bytes = limits::kQueryMemoryBytesMax;  // of its groups, and of its answer
  uint64_t filled_groups = 1'000'000;                    // added by FILL: years by the second are a mistake
  bool from_raw = false;                                 // rollups are left alone
  QueryControl control = {};
};

Sql<QueryResult> execute(const BoundSelect& select, const QueryLimits& query_limits = {});

}  // namespace tally

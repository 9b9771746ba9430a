// Runs a bound SELECT: source -> filter -> (aggregation -> HAVING) -> rows.
#pragma once

#include "base/limits.h"
#include "query/bound.h"
#include "query/memory_budget.h"
#include "query/query_control.h"
#include "query/query_pool.h"
#include "query/sql_error.h"

namespace tally {

// What one query may take, past which it fails by name; and what it runs on. Pointers must outlive it.
struct QueryLimits {
  uint64_t memory_bytes = limits::kQueryMemoryBytesMax;  // of its groups and its answer
  MemoryBudget* all_queries = nullptr;                   // what all queries together may take; nullptr: anything
  uint64_t filled_groups = 1'000'000;                    // added by FILL: years by the second are a mistake
  bool from_raw = false;                                 // rollups are left alone
  QueryPool* pool = nullptr;                             // nullptr: the calling thread alone
  uint64_t rows_a_thread = limits::kQueryRowsAThread;    // another thread helps for so many
  QueryControl control = {};
  RowSink* rows = nullptr;  // takes the rows of an answer that needs no order
};

Sql<QueryResult> execute(const BoundSelect& select, const QueryLimits& query_limits = {});

}  // namespace tally

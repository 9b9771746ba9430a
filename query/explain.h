// EXPLAIN: what a query would read and do. EXPLAIN ANALYZE runs it and says what it read.
#pragma once

#include "query/bound.h"
#include "query/catalog.h"
#include "query/executor.h"
#include "query/sql_error.h"

namespace tally {

Sql<QueryResult> explain(const BoundSelect& select);
// The catalog has the clock.
Sql<QueryResult> explain_analyze(const BoundSelect& select, const Catalog& catalog, const QueryLimits& query_limits);

}  // namespace tally

// Runs a bound SELECT: source -> filter -> (aggregation -> HAVING) -> rows.
#pragma once

#include "query/bound.h"
#include "query/sql_error.h"

namespace tally {

Sql<QueryResult> execute(const BoundSelect& select);

}  // namespace tally

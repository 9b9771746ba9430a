// Runs one statement against a catalog: the whole of QueryEngine but the database, so that tests can stand in for it.
#pragma once

#include <string_view>
#include <vector>

#include "query/catalog.h"
#include "query/executor.h"
#include "query/query.h"

namespace tally {

std::expected<QueryResult, QueryError> run_statement(std::string_view sql, const std::vector<Cell>& parameters,
                                                     Catalog& catalog, const QueryLimits& query_limits = {});

}  // namespace tally

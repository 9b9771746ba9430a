// Answers of statements about tables: DESCRIBE, SHOW TABLES, EXPLAIN.
#pragma once

#include "query/bound.h"
#include "query/catalog.h"
#include "query/sql_error.h"

namespace tally {

QueryResult describe_table(const Schema& schema);
QueryResult show_tables(const Catalog& catalog);
QueryResult explain(const BoundSelect& select);

}  // namespace tally

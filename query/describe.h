// Answers of statements about tables: DESCRIBE, SHOW TABLES.
#pragma once

#include "query/catalog.h"
#include "query/sql_error.h"

namespace tally {

QueryResult describe_table(const Schema& schema);
QueryResult show_tables(const Catalog& catalog);

}  // namespace tally

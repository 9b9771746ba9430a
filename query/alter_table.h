// ALTER TABLE and DROP TABLE: what is wrong with the statement itself (an unknown column, a name that exists, an interval that
// is none, a condition over nothing) is said with its position; then the engine's part is asked, by name where it is missing.
#pragma once

#include "query/ast.h"
#include "query/catalog.h"
#include "query/sql_error.h"

namespace tally {

Sql<QueryResult> alter_table(const AlterTableStatement& statement, Catalog& catalog);
Sql<QueryResult> drop_table(const DropTableStatement& statement, Catalog& catalog);

}  // namespace tally

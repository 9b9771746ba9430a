// CREATE TABLE to the engine's Schema: names become ids, intervals microseconds, conditions engine conditions. What needs
// the text is checked here, with positions; the rest of the rules are the engine's (validate_schema).
#pragma once

#include "engine/schema.h"
#include "query/ast.h"
#include "query/sql_error.h"

namespace tally {

Sql<Schema> build_schema(const CreateTableStatement& statement);

}  // namespace tally

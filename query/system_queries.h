// system.queries: the statements that run in this process, and those that ended last.
#pragma once

#include "query/system_tables.h"

namespace tally {

Sql<SystemRows> system_queries(Catalog& catalog);

}  // namespace tally

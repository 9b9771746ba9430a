// system.health: what keeps each table from doing all of its work, and what to type; no row: all is well.
#pragma once

#include "query/system_tables.h"

namespace tally {

Sql<SystemRows> system_health(Catalog& catalog);

}  // namespace tally

// system.rollups: how far each tier of each rollup has come, and what it holds. system.compactions: what the background of each
// table has done since it was opened for writing, does now, and why it stopped if it did.
#pragma once

#include "query/system_tables.h"

namespace tally {

Sql<SystemRows> system_rollups(Catalog& catalog);
Sql<SystemRows> system_compactions(Catalog& catalog);

}  // namespace tally

// system.retractions: a row for each id that a verdict took back or waits to, with who asked, when and why.
// system.adjustments: those of them with nothing to subtract from, for finance to settle by hand.
#pragma once

#include "query/system_tables.h"

namespace tally {

Sql<SystemRows> system_retractions(Catalog& catalog);
Sql<SystemRows> system_adjustments(Catalog& catalog);

}  // namespace tally

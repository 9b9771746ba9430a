// system.dead_letters: one row a dead letter, those not flushed yet included; by table and LSN. A letter's `raw` is the text as
// it came, of a row that the table refused one JSON object. `state`: open, replayed (`replayed_lsn` says where), or cut: longer
// than what is kept of it, so that it cannot be read again.
#pragma once

#include "query/system_tables.h"

namespace tally {

Sql<SystemRows> system_dead_letters(Catalog& catalog);

}  // namespace tally

// system.segments: one row a segment file; system.segment_columns: one row a column of a segment file. From the manifest
// and the footers: no block is read.
#pragma once

#include "query/system_tables.h"

namespace tally {

Sql<SystemRows> system_segments(Catalog& catalog);
Sql<SystemRows> system_segment_columns(Catalog& catalog);

}  // namespace tally

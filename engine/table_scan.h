// Scans of a table's published state: planned once, then read in steps by as many threads as like to.
#pragma once

#include <memory>

#include "engine/published_state.h"
#include "engine/snapshot.h"

namespace tally {

// Rows with a higher LSN than `cut` are not shown.
Result<std::shared_ptr<const ScanPlan>> plan_scan(std::shared_ptr<const PublishedState> state, Lsn cut, ScanSpec spec);

}  // namespace tally

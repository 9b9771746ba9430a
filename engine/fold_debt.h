// How far folding is behind ingest: what a server shows, and what a benchmark waits for. Threads: any.
#pragma once

#include <cstdint>

#include "engine/manifest.h"

namespace tally {

// Rows of raw segments that the rollup furthest behind has not folded into its finest tier yet.
uint64_t fold_debt_rows(const ManifestState& state);

}  // namespace tally

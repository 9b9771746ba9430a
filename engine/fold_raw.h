// Folds raw into the finest tiers of several rollups in one pass: each column of each block is read and decoded once, whatever
// asks for it, values are made once for all (raw_values.h), and each rollup groups the same gathered rows by its own key
// (raw_groups.h). What an output holds, and how it is checked, is as fold() says; sums that went in are added up once, as raw has
// them, and every output is compared with them by itself.
//
// A day is read at most kFoldRowsMax rows at a time; one with more of them makes several files of each rollup.
// Memory: RawRows of so many rows, and RawGroups for one rollup at a time. Threads: as fold().
#pragma once

#include <span>

#include "engine/fold.h"

namespace tally {

inline constexpr uint32_t kFoldRowsMax = 2 * 1024 * 1024;

// `tasks`: from raw, of different rollups, with the same inputs and days. One result a task, or none of them: then every file
// is removed.
Result<std::vector<Folded>> fold_raw(const FoldContext& context, std::span<const FoldTask> tasks);

}  // namespace tally

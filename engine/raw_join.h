// Makes one raw segment of several of the same schema version: the same rows, in the order of a segment, with their ids, LSNs,
// kinds and arrivals. Nothing is folded by it and no number of the manifest moves: whoever folds, or resolves verdicts, asks
// each row for its LSN. Before the result is given it has been read back: as many rows of each kind, and the same sum of a
// hash over LSN, times, kind and codes of each row (M6). A difference is kCorruption, and the file is removed.
//
// Rows are merged block by block: memory for a block an input and for the rows of one call to the writer.
// Threads: as fold().
#pragma once

#include "engine/fold.h"

namespace tally {

// `task.joins()`, of raw; its days are not asked.
Result<Folded> join_raw(const FoldContext& context, const FoldTask& task);

}  // namespace tally

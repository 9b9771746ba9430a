// What a flush does with dead letters: those of the records it covers go to one file, which takes small files before it along;
// files whose newest record is older than the retention go. All of it in the flush's own manifest edit.
//
// How many files there are: kLetterFanIn of each size (times 8) at most before they become one, within each stretch of
// 1 / kLetterSpanParts of the retention; so a letter is kept that much longer than the retention at most.
// A file that cannot be read is joined with nothing: a flush does not fail for it, and `tally check` names it.
#pragma once

#include "engine/flush.h"

namespace tally {

// Adds to `edit`. Errors are those of writing; what was written is listed in `edit` or removed.
Status write_letters(const FlushContext& context, const FlushJob& job, const ManifestState& state, ManifestEdit& edit);
// When the edit is durable; and when it never will be.
void letters_committed(const FlushContext& context, const ManifestEdit& edit);
void remove_written_letters(const FlushContext& context, const ManifestEdit& edit);

// The files, the last ones of `files`, that a new one should take along; in order.
std::vector<LetterFileInfo> letter_files_to_join(std::span<const LetterFileInfo> files, TimeUs newest_arrival_us,
                                                 TimeUs retention_us);

}  // namespace tally

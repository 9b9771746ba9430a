// The filter of a scan over rows that are in memory: a slice of a chunk. The same answers as segments give, row by row.
#pragma once

#include <span>
#include <vector>

#include "engine/scan_filter.h"
#include "engine/segment_reader.h"

namespace tally {

// `times` has `rows`, `columns` one entry a predicate of the filter; a column that the chunk does not have has no arrays.
// Replaces selection_words(rows) words.
void filter_slice(const ScanFilter& filter, uint32_t rows, const TimeUs* times,
                  std::span<const BlockColumns::Selected> columns, std::span<uint64_t> words);

}  // namespace tally

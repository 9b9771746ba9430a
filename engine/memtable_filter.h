// The filter of a scan over rows that are in memory: a slice of a chunk. The same answers as segments give, row by row.
#pragma once

#include <span>
#include <vector>

#include "engine/scan_filter.h"
#include "engine/segment_reader.h"

namespace tally {

struct MemtableSlice {
  uint32_t rows = 0;
  const TimeUs* times = nullptr;
  const IdSlot* ids = nullptr;
  const IdKind* id_kinds = nullptr;
  std::span<const BlockColumns::Selected>
      columns;  // one a predicate; a column that the chunk does not have has no arrays
};

// Replaces selection_words(slice.rows) words.
void filter_slice(const ScanFilter& filter, const MemtableSlice& slice, std::span<uint64_t> words);

}  // namespace tally

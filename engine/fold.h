// Writes segments of a rollup tier: from the next finer tier, or from segments of the tier itself, which are joined into one
// (architecture.md, Rollups, folding, retention); from raw: fold_raw.h. What an output holds is said by its task; which task is
// due is the planner's (fold_plan.h). Before a result is given it has been read back: `events` and every sum of it are those of
// what went in (M6). A difference is kCorruption, and the files are removed.
//
// Tiers are merged block by block: memory for a few blocks an input, whatever the size of the day. Inputs of before a DROP DIMENSION
// are not in the order of the output: of a day with such an input all rows are in memory at once, about 100 bytes each.
// Threads: fold() by any one; tasks beside each other where their outputs differ.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/published_state.h"
#include "engine/rollup_shape.h"

namespace tally {

struct FoldTask {
  uint32_t rollup_id = 0;
  Tier tier = Tier::kMinute;     // of the output
  Tier source = Tier::kRaw;      // of the inputs
  std::vector<uint64_t> inputs;  // segments, ascending
  struct Day {
    int32_t day = 0;
    Lsn above = 0;  // the output holds the records in (above, through]
    Lsn through = 0;
    friend bool operator==(const Day&, const Day&) = default;
  };
  // Ascending. A day that is there twice, as a join may have it, goes to two files: one of them lies beyond what a coarser
  // tier has folded.
  std::vector<Day> days;

  bool joins() const { return source == tier; }
  friend bool operator==(const FoldTask&, const FoldTask&) = default;
};

struct FoldContext {
  FileSystem* fs = nullptr;
  TablePaths paths{""};
  std::array<uint8_t, 16> table_uuid{};
  std::shared_ptr<const Schema> schema;
  std::map<uint32_t, const Dictionary*> dictionaries;  // by dimension id
  std::map<uint32_t, uint32_t> dictionary_sizes;       // likewise: no code of the inputs is at or above
  const SegmentList* segments = nullptr;               // the inputs are among them
  uint32_t block_rows = 0;                             // 0: the default
  std::function<uint64_t()> take_number;
  std::function<bool()> stopping;  // asked now and then: then fold() fails with kCancelled
};

struct Folded {
  std::vector<SegmentInfo> segments;  // none: there was nothing
  uint64_t rows_in = 0;
  uint64_t rows_out = 0;
};
// `task` is not from raw.
Result<Folded> fold(const FoldContext& context, const FoldTask& task);

}  // namespace tally

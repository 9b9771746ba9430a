// What folds have in common: their inputs, the files that they write, and the check of these. Threads: as fold().
#pragma once

#include "engine/fold.h"
#include "engine/rollup_totals.h"

namespace tally {

struct FoldInput {
  std::shared_ptr<const SegmentHandle> handle;
  std::shared_ptr<SegmentReader> reader;
};
// kInternal: one is not among the live segments.
Result<std::vector<FoldInput>> open_fold_inputs(const FoldContext& context, const FoldTask& task);

const SegmentReader::Section* section_of(const SegmentReader& reader, int32_t day);  // nullptr: nothing of that day
std::vector<uint32_t> code_bits_of(const FoldContext& context, const RollupShape& shape);
Status check_stopping(const FoldContext& context);  // kCancelled
uint32_t fold_block_rows(const FoldContext& context);

// The files of one task. What is not finished or not kept is removed.
class FoldFiles {
 public:
  FoldFiles(const FoldContext& context, const RollupShape& shape) : context_(context), shape_(shape) {}
  ~FoldFiles();

  // The n-th file of the task: a day of raw may need several.
  Result<SegmentWriter*> writer(size_t n);
  // Ends the files, reads them back, and compares what they add up to with `in`.
  Status finish(const TotalsByDay& in);
  // They are the caller's from now on.
  std::vector<SegmentInfo> keep();

 private:
  const FoldContext& context_;
  const RollupShape& shape_;
  std::vector<std::unique_ptr<SegmentWriter>> writers_;
  std::vector<SegmentInfo> segments_;
};

}  // namespace tally

// Compares the zones, block indexes and id filter of a segment with its rows: a part of verify_segment(). One thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/block_pairs.h"
#include "engine/segment_file.h"

namespace tally {

class SegmentIndexCheck {
 public:
  // Reads the index parts. `note` is told of one that cannot be used; what it returns ends the check.
  Status open(const SegmentFile& segment, const std::function<Status(Error)>& note);
  // Every dimension and then every field is selected. Blocks in order; what is wrong, a line each.
  std::vector<std::string> check_block(uint32_t block, const BlockColumns& columns);
  // A block could not be read: then the indexes are not compared as a whole.
  void skip_block() { complete_ = false; }
  std::vector<std::string> finish();

 private:
  struct OpenIndex {
    uint32_t column_id = 0;
    size_t dimension = 0;
    std::shared_ptr<const LoadedBlockIndex> loaded;
    BlockPairs pairs;  // of the rows
  };
  RawColumns whole_rows(const BlockColumns& columns) const;
  void check_filter(const RawColumns& rows, std::vector<std::string>& problems, const std::string& name) const;
  std::string compare(const OpenIndex& index) const;

  const segment_format::Footer* footer_ = nullptr;
  bool complete_ = true;
  std::vector<OpenIndex> indexes_;
  std::shared_ptr<const LoadedIdFilter> filter_;
};

}  // namespace tally

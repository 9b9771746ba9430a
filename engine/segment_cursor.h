// Decodes the selected columns of one block after another into arrays that it keeps. One thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/segment_file.h"

namespace tally {

class SegmentCursor final : public SegmentReader::Cursor {
 public:
  SegmentCursor(std::shared_ptr<const SegmentFile> segment, ColumnSelection selection);
  Result<const BlockColumns*> read(uint32_t block) override;

 private:
  // One column's arrays. Long strings point into bytes.
  struct Slot {
    size_t column = 0;  // in the footer
    segment_format::StoredColumn stored;
    ColumnBytes bytes;
    std::vector<uint8_t> small;
    std::vector<uint32_t> codes;
    std::vector<int64_t> ints;
    std::vector<uint8_t> nulls;
    std::vector<StringRef> strings;
    std::vector<IdSlot> ids;
    std::vector<IdKind> id_kinds;
    bool has_nulls = false;
    bool may_have_nulls = false;
  };
  // What a column that the segment does not have reads as.
  struct Missing {
    std::vector<uint32_t> codes;
    std::vector<int64_t> ints;
    std::vector<uint8_t> nulls;
    std::vector<StringRef> strings;
  };

  std::unique_ptr<Slot> slot(uint32_t column_id) const;  // nullptr: the segment has no such column
  Status decode(uint32_t block, Slot& slot);
  Status decode_values(uint32_t rows, Slot& slot);
  Status check_values(uint32_t rows, const Slot& slot) const;
  BlockColumns::Selected show(const Slot& slot) const;
  BlockColumns::Selected show_missing();

  const std::shared_ptr<const SegmentFile> segment_;
  const ColumnSelection selection_;
  std::unique_ptr<Slot> times_, ids_, kinds_, lsns_, arrivals_, digests_;
  std::vector<std::unique_ptr<Slot>> selected_;
  std::unique_ptr<Missing> missing_;
  BlockColumns columns_;
};

}  // namespace tally

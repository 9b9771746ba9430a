// Decodes the selected columns of one block after another into arrays that it keeps. Predicates are answered on the encoded
// bytes first; a block without a match is not decoded. One thread.
#pragma once

#include <memory>
#include <vector>

#include "engine/segment_file.h"

namespace tally {

struct CursorMemory::Arrays {
  ColumnBytes bytes;
  std::vector<uint8_t> small;
  std::vector<uint32_t> codes;
  std::vector<uint32_t> run_codes, run_ends;
  std::vector<int64_t> ints;
  std::vector<uint8_t> nulls;
  std::vector<StringRef> strings;
  std::vector<IdSlot> ids;
  std::vector<IdKind> id_kinds;
};

class SegmentCursor final : public SegmentReader::Cursor {
 public:
  SegmentCursor(std::shared_ptr<const SegmentFile> segment, ColumnSelection selection, ScanFilter filter,
                CursorMemory* memory = nullptr);
  ~SegmentCursor() override;
  Result<const BlockColumns*> read(uint32_t block) override;

 private:
  static constexpr uint32_t kNoBlock = UINT32_MAX;
  // One column's arrays. Long strings point into bytes.
  struct Slot : CursorMemory::Arrays {
    size_t column = 0;  // in the footer
    segment_format::StoredColumn stored;
    uint32_t fetched = kNoBlock;  // the block whose bytes these are
    uint32_t decoded = kNoBlock;  // the block whose rows these are
    uint32_t in_runs = kNoBlock;  // the block whose runs these are
    bool may_be_runs = false;
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

  Slot* slot_of(uint32_t column_id);  // made at its first use; nullptr: the segment has no such column
  uint32_t rows_of(uint32_t block) const { return segment_->footer().blocks[block].info.rows; }
  Result<bool> select(uint32_t block);  // false: no row matches
  bool matches_whole_zone(uint32_t block, size_t predicate) const;
  // Turns those words off in whose rows it does not hold.
  Status select_column(uint32_t block, const ScanPredicate& predicate, std::span<uint64_t> words);
  Status select_times(uint32_t block);
  Status select_encoded(uint32_t block, Slot& slot, const ScanPredicate& predicate, std::span<uint64_t> words);
  Status mark(uint32_t block);
  void keep_marked(uint32_t block);
  bool is_one_bucket(uint32_t block) const;
  Status fetch(uint32_t block, Slot& slot);
  Status decode(uint32_t block, Slot& slot);           // all rows
  Status decode_selected(uint32_t block, Slot& slot);  // at least those that the filter lets through
  Status decode_runs(uint32_t block, Slot& slot);      // or else decode_selected()
  Status decode_values(uint32_t block, Slot& slot);
  Result<std::span<const uint32_t>> parents_of(uint32_t block, const Slot& slot);
  Status add_record_times(uint32_t block, Slot& slot, bool of_selected);
  Status check_values(uint32_t rows, const Slot& slot) const;
  Status decode_rows(uint32_t rows, Slot& slot);
  Status check_selected(const Slot& slot) const;
  Status check_code(const Slot& slot, uint32_t largest) const;
  std::unexpected<Error> at(uint32_t block, const Slot& slot, Error error) const;
  void show(uint32_t block);
  BlockColumns::Selected show_column(const Slot& slot, uint32_t block) const;
  BlockColumns::Selected show_missing();

  const std::shared_ptr<const SegmentFile> segment_;
  const ColumnSelection selection_;
  const ScanFilter filter_;
  CursorMemory* const memory_;
  std::vector<std::unique_ptr<Slot>> slots_;
  Slot *times_ = nullptr, *ids_ = nullptr, *kinds_ = nullptr, *lsns_ = nullptr, *arrivals_ = nullptr;
  std::vector<Slot*> selected_;  // by selection_.column_ids
  std::shared_ptr<const RecordTimeTable> record_times_;
  std::unique_ptr<Missing> missing_;
  std::vector<const segment_format::ColumnZones*> zones_;  // by predicate
  std::vector<uint64_t> words_, more_words_;
  std::vector<std::vector<uint64_t>> mark_words_;  // by mark
  BlockColumns columns_;
};

}  // namespace tally

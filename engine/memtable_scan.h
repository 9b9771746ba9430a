// Slices of chunks, and rows picked from them, as blocks of a scan. One thread.
#pragma once

#include <memory>
#include <vector>

#include "engine/memtable_plan.h"
#include "engine/picked_rows.h"
#include "engine/snapshot.h"

namespace tally {

class MemtableScan {
 public:
  explicit MemtableScan(const ScanSpec& spec);  // which must outlive it
  // How many rows of the step the filter lets through; of none `block` stays as it is.
  uint32_t show(const MemtableStep& step, RowBlock& block);

 private:
  // Where a column stands in a chunk: the n-th dimension, the n-th field, or nowhere (dropped, or newer).
  struct Place {
    enum class Where : uint8_t { kDimension, kField, kMissing } where = Where::kMissing;
    size_t index = 0;
  };
  // What a column that the chunk does not have reads as: NULL in every form.
  struct Missing {
    std::vector<uint32_t> codes = std::vector<uint32_t>(kMemtableStepRows, kNullCode);
    std::vector<int64_t> ints = std::vector<int64_t>(kMemtableStepRows, 0);
    std::vector<uint8_t> nulls = std::vector<uint8_t>(kMemtableStepRows, 1);
    std::vector<StringRef> strings = std::vector<StringRef>(kMemtableStepRows, StringRef::null());
  };
  // A conjunction with where its columns stand.
  struct Asked {
    ScanFilter filter;
    std::vector<Place> places;
    std::vector<BlockColumns::Selected> columns;
    std::vector<uint64_t> words;
    bool of_times = false, of_ids = false;  // besides columns
  };
  static Asked asked_of(ScanFilter filter);
  static std::vector<Place> find_places(const Schema& schema, const std::vector<uint32_t>& column_ids);
  BlockColumns::Selected column(const MemtableStep& step, Place place);
  void ask(const MemtableStep& step, Asked& asked);
  void show_slice(const MemtableStep& step, RowBlock& block) const;
  void show_picked(RowBlock& block);
  void enter(const MemtableStep& step);
  BlockColumns::Selected missing_slice();

  const ScanSpec& spec_;
  const Chunk* chunk_ = nullptr;  // whose places these are
  std::vector<Place> places_;
  Asked filter_;
  std::vector<Asked> marks_;
  std::vector<std::span<const uint64_t>> mark_words_;
  std::unique_ptr<Missing> missing_;
  PickedRows picked_;
};

}  // namespace tally

// Some rows of a chunk as arrays without gaps, so that a scan goes on with them as with a slice. Each column is copied when it is
// first asked for. The arrays are reused from one set of rows to the next. One thread.
#pragma once

#include <span>
#include <vector>

#include "engine/chunk.h"
#include "engine/segment_reader.h"

namespace tally {

class PickedRows {
 public:
  // Both must stay as they are until the next call, as must all arrays that are handed out.
  void begin(const Chunk& chunk, std::span<const uint16_t> rows);

  const TimeUs* times() { return copy(times_, chunk_->times()); }
  const TimeUs* arrivals() { return copy(arrivals_, chunk_->arrivals()); }
  const Lsn* lsns() { return copy(lsns_, chunk_->lsns()); }
  const RowKind* kinds() { return copy(kinds_, chunk_->kinds()); }
  const IdSlot* ids() { return copy(ids_, chunk_->ids()); }
  const IdKind* id_kinds() { return copy(id_kinds_, chunk_->id_kinds()); }
  BlockColumns::Selected dimension(size_t dimension);
  BlockColumns::Selected field(size_t field);

 private:
  template <class T>
  struct Column {
    std::vector<T> cells;
    uint64_t turn = 0;  // of begin(): what cells are there of
  };
  struct Field {
    Column<int64_t> ints;
    Column<uint8_t> nulls;
    Column<StringRef> strings;
  };

  template <class T>
  const T* copy(Column<T>& column, const T* from) {
    if (column.turn == turn_) return column.cells.data();
    column.turn = turn_;
    if (column.cells.size() < rows_.size()) column.cells.resize(rows_.size());
    T* to = column.cells.data();
    for (size_t i = 0; i < rows_.size(); ++i) to[i] = from[rows_[i]];
    return to;
  }

  const Chunk* chunk_ = nullptr;
  std::span<const uint16_t> rows_;
  uint64_t turn_ = 0;
  Column<TimeUs> times_, arrivals_;
  Column<Lsn> lsns_;
  Column<RowKind> kinds_;
  Column<IdSlot> ids_;
  Column<IdKind> id_kinds_;
  std::vector<Column<uint32_t>> dimensions_;
  std::vector<Field> fields_;
};

}  // namespace tally

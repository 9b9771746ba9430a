#include "engine/table_snapshot.h"

#include <algorithm>

#include "base/limits.h"

namespace tally {
namespace {

// Slices of chunks are as long as blocks of segments, so that a query's scratch arrays stay in the cache.
constexpr uint32_t kSliceRows = limits::kSegmentBlockRows;

// Where a selected column stands in a chunk: the n-th dimension, the n-th field, or nowhere (dropped, or newer).
struct ColumnPlace {
  enum class Where : uint8_t { kDimension, kField, kMissing } where = Where::kMissing;
  size_t index = 0;
};

std::vector<ColumnPlace> find_places(const Schema& schema, const std::vector<uint32_t>& column_ids) {
  const std::vector<size_t> dimensions = schema.dimensions();
  const std::vector<size_t> fields = schema.fields();
  auto position = [&](const std::vector<size_t>& positions, uint32_t id) {
    auto found = std::find_if(positions.begin(), positions.end(), [&](size_t p) { return schema.columns[p].id == id; });
    return static_cast<size_t>(found - positions.begin());
  };
  std::vector<ColumnPlace> places;
  for (uint32_t id : column_ids) {
    if (size_t d = position(dimensions, id); d < dimensions.size()) {
      places.push_back({ColumnPlace::Where::kDimension, d});
    } else if (size_t f = position(fields, id); f < fields.size()) {
      places.push_back({ColumnPlace::Where::kField, f});
    } else {
      places.push_back({});
    }
  }
  return places;
}

class TableScan final : public RawScan {
 public:
  TableScan(std::shared_ptr<const PublishedState> state, Lsn cut, ScanSpec spec)
      : state_(std::move(state)), cut_(cut), spec_(std::move(spec)) {
    block_.columns.resize(spec_.columns.column_ids.size());
  }

  Result<const RowBlock*> next() override {
    while (segment_ < state_->segments->size()) {
      TALLY_ASSIGN_OR_RETURN(bool found, next_segment_block());
      if (found) return &block_;
    }
    return next_slice() ? &block_ : nullptr;
  }
  const ScanStats& stats() const override { return stats_; }

 private:
  bool overlaps(TimeUs min_time, TimeUs max_time) const { return min_time < spec_.to && max_time >= spec_.from; }

  Result<bool> next_segment_block() {
    const SegmentHandle& handle = *(*state_->segments)[segment_];
    const SegmentInfo& info = handle.info();
    if (info.tier != Tier::kRaw || !overlaps(info.min_time, info.max_time)) {
      leave_segment();
      return false;
    }
    if (!cursor_) {
      TALLY_ASSIGN_OR_RETURN(reader_, handle.reader());
      cursor_ = reader_->cursor(spec_.columns);
      ++stats_.segments;
    }
    for (const auto& blocks = reader_->blocks(); segment_block_ < blocks.size(); ++segment_block_) {
      if (!overlaps(blocks[segment_block_].min_time, blocks[segment_block_].max_time)) {
        ++stats_.blocks_skipped;
        continue;
      }
      TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor_->read(segment_block_++));
      show_block(*columns);
      return true;
    }
    leave_segment();
    return false;
  }

  void leave_segment() {
    ++segment_;
    segment_block_ = 0;
    cursor_.reset();
    reader_.reset();
  }

  void show_block(const BlockColumns& columns) {
    block_.rows = columns.rows.rows;
    block_.times = columns.rows.times;
    block_.kinds = columns.rows.kinds;
    block_.lsns = columns.rows.lsns;
    block_.arrivals = columns.rows.arrivals;
    block_.ids = columns.rows.ids;
    block_.id_kinds = columns.rows.id_kinds;
    block_.columns = columns.by_column;
    ++stats_.blocks_read;
    stats_.rows_read += block_.rows;
  }

  // The next rows of the memtable: false when there are none left.
  bool next_slice() {
    for (; shard_ < state_->chunks.size(); ++shard_, chunk_ = 0) {
      for (const ChunkList& chunks = *state_->chunks[shard_]; chunk_ < chunks.size(); ++chunk_, slice_start_ = 0) {
        const Chunk& chunk = *chunks[chunk_];
        if (slice_start_ == 0) {
          visible_rows_ = chunk.rows_at(cut_);
          places_ = find_places(chunk.schema(), spec_.columns.column_ids);
        }
        if (slice_start_ >= visible_rows_) continue;
        show_slice(chunk, slice_start_, std::min(kSliceRows, visible_rows_ - slice_start_));
        slice_start_ += kSliceRows;
        return true;
      }
    }
    return false;
  }

  void show_slice(const Chunk& chunk, uint32_t first, uint32_t rows) {
    block_.rows = rows;
    block_.times = chunk.times() + first;
    block_.kinds = chunk.kinds() + first;
    block_.lsns = chunk.lsns() + first;
    block_.arrivals = chunk.arrivals() + first;
    block_.ids = chunk.ids() + first;
    block_.id_kinds = chunk.id_kinds() + first;
    for (size_t i = 0; i < places_.size(); ++i) block_.columns[i] = column_slice(chunk, places_[i], first);
    ++stats_.blocks_read;
    stats_.rows_read += rows;
    stats_.memtable_rows += rows;
  }

  BlockColumns::Selected column_slice(const Chunk& chunk, ColumnPlace place, uint32_t first) const {
    BlockColumns::Selected selected;
    if (place.where == ColumnPlace::Where::kDimension) {
      selected.codes = chunk.codes(place.index) + first;
    } else if (place.where == ColumnPlace::Where::kField) {
      if (const StringRef* strings = chunk.strings(place.index)) selected.strings = strings + first;
      if (const int64_t* ints = chunk.ints(place.index)) selected.ints = ints + first;
      if (const uint8_t* nulls = chunk.nulls(place.index)) selected.nulls = nulls + first;
    }
    return selected;
  }

  const std::shared_ptr<const PublishedState> state_;
  const Lsn cut_;
  const ScanSpec spec_;
  RowBlock block_;
  ScanStats stats_;
  size_t segment_ = 0;
  uint32_t segment_block_ = 0;
  std::shared_ptr<SegmentReader> reader_;
  std::unique_ptr<SegmentReader::Cursor> cursor_;
  size_t shard_ = 0;
  size_t chunk_ = 0;
  uint32_t slice_start_ = 0;
  uint32_t visible_rows_ = 0;
  std::vector<ColumnPlace> places_;
};

}  // namespace

std::unique_ptr<RawScan> TableSnapshot::scan(ScanSpec spec) const {
  return std::make_unique<TableScan>(state, cut, std::move(spec));
}

}  // namespace tally

#include "engine/table_snapshot.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "engine/encoding/selection.h"
#include "engine/memtable_filter.h"
#include "engine/segment_format.h"

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
    for (const ScanPredicate& predicate : spec_.filter.predicates) asked_ids_.push_back(predicate.column_id);
    asked_.resize(asked_ids_.size());
    if (!spec_.source.segments) segment_ = state_->segments->size();
    if (!spec_.source.memtable) shard_ = state_->chunks.size();
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
  bool overlaps(const SegmentInfo& info) const {
    return info.min_time < spec_.filter.to && info.max_time >= spec_.filter.from;
  }

  Result<bool> next_segment_block() {
    if (!cursor_ && !blocks_planned_) TALLY_TRY(enter_segment());
    while (next_block_ < plan_.blocks.size()) {
      TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor_->read(plan_.blocks[next_block_++]));
      ++stats_.blocks.read;
      stats_.rows_read += columns->rows.rows;
      stats_.rows_selected += columns->matches;
      if (columns->matches == 0) continue;
      show_block(*columns);
      return true;
    }
    leave_segment();
    return false;
  }

  Status enter_segment() {
    blocks_planned_ = true;
    const SegmentHandle& handle = *(*state_->segments)[segment_];
    const SegmentInfo& info = handle.info();
    if (info.tier != spec_.source.tier || info.rollup_id != spec_.source.rollup_id) return {};
    const bool raw = info.rollup_id == 0;
    if (raw && info.max_lsn <= spec_.source.above) return {};
    ++stats_.segments;
    if (!overlaps(info)) {
      ++stats_.segments_by_time;
      return {};
    }
    ScanFilter filter = spec_.filter;
    if (raw && info.min_lsn <= spec_.source.above) filter.predicates.push_back(later_records());
    TALLY_ASSIGN_OR_RETURN(reader_, handle.reader());
    TALLY_ASSIGN_OR_RETURN(plan_, reader_->plan(filter));
    if (!raw) keep_sections(info);
    stats_.blocks += plan_.counts;
    if (plan_.blocks.empty()) return {};
    cursor_ = reader_->cursor(spec_.columns, std::move(filter));
    return {};
  }

  ScanPredicate later_records() const {
    return {.column_id = segment_format::kLsnColumn,
            .is_dimension = false,
            .matches = IntPredicate::range(static_cast<int64_t>(spec_.source.above) + 1, INT64_MAX)};
  }

  // Blocks of days that the tier has dropped, or that a coarser tier answers, are not looked at.
  void keep_sections(const SegmentInfo& info) {
    const std::vector<SegmentReader::Section>& sections = reader_->sections();
    size_t section = 0;
    std::erase_if(plan_.blocks, [&](uint32_t block) {
      while (block >= sections[section].first_block + sections[section].blocks) ++section;
      const SegmentDay& day = info.days[section];
      const Lsn dropped = state_->manifest->progress({info.rollup_id, info.tier, day.day}).dropped_lsn;
      return day.above_lsn < spec_.source.above || day.through_lsn <= dropped;
    });
  }

  void leave_segment() {
    ++segment_;
    plan_ = {};
    next_block_ = 0;
    blocks_planned_ = false;
    cursor_.reset();
    reader_.reset();
  }

  void show_block(const BlockColumns& columns) {
    block_.rows = columns.rows.rows;
    block_.schema = &reader_->schema();
    block_.times = columns.rows.times;
    block_.kinds = columns.rows.kinds;
    block_.lsns = columns.rows.lsns;
    block_.arrivals = columns.rows.arrivals;
    block_.ids = columns.rows.ids;
    block_.id_kinds = columns.rows.id_kinds;
    block_.columns = columns.by_column;
    block_.selected = columns.selected;
  }

  // The next rows of the memtable: false when there are none left.
  bool next_slice() {
    for (; shard_ < state_->chunks.size(); ++shard_, chunk_ = 0) {
      for (const ChunkList& chunks = *state_->chunks[shard_]; chunk_ < chunks.size(); ++chunk_, slice_start_ = 0) {
        const Chunk& chunk = *chunks[chunk_];
        if (slice_start_ == 0) {
          visible_rows_ = chunk.rows_at(cut_);
          places_ = find_places(chunk.schema(), spec_.columns.column_ids);
          asked_places_ = find_places(chunk.schema(), asked_ids_);
        }
        while (slice_start_ < visible_rows_) {
          const uint32_t first = std::exchange(slice_start_, slice_start_ + kSliceRows);
          if (show_slice(chunk, first, std::min(kSliceRows, visible_rows_ - first))) return true;
        }
      }
    }
    return false;
  }

  // False: no row of it is let through.
  bool show_slice(const Chunk& chunk, uint32_t first, uint32_t rows) {
    stats_.rows_read += rows;
    stats_.memtable_rows += rows;
    const uint32_t selected = select_slice(chunk, first, rows);
    stats_.rows_selected += selected;
    if (selected == 0) return false;
    block_.selected = selected < rows ? std::span<const uint64_t>(words_) : std::span<const uint64_t>();
    block_.rows = rows;
    block_.schema = &chunk.schema();
    block_.times = chunk.times() + first;
    block_.kinds = chunk.kinds() + first;
    block_.lsns = chunk.lsns() + first;
    block_.arrivals = chunk.arrivals() + first;
    block_.ids = chunk.ids() + first;
    block_.id_kinds = chunk.id_kinds() + first;
    for (size_t i = 0; i < places_.size(); ++i) {
      const bool missing = places_[i].where == ColumnPlace::Where::kMissing;
      block_.columns[i] = missing ? missing_slice() : column_slice(chunk, places_[i], first);
    }
    return true;
  }

  uint32_t select_slice(const Chunk& chunk, uint32_t first, uint32_t rows) {
    for (size_t i = 0; i < asked_.size(); ++i) asked_[i] = column_slice(chunk, asked_places_[i], first);
    words_.resize(selection_words(rows));
    const MemtableSlice slice{.rows = rows,
                              .times = chunk.times() + first,
                              .ids = chunk.ids() + first,
                              .id_kinds = chunk.id_kinds() + first,
                              .columns = asked_};
    filter_slice(spec_.filter, slice, words_);
    return static_cast<uint32_t>(count_selected(words_));
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

  // What a column that the chunk does not have reads as: NULL in every form.
  struct Missing {
    std::vector<uint32_t> codes = std::vector<uint32_t>(kSliceRows, kNullCode);
    std::vector<int64_t> ints = std::vector<int64_t>(kSliceRows, 0);
    std::vector<uint8_t> nulls = std::vector<uint8_t>(kSliceRows, 1);
    std::vector<StringRef> strings = std::vector<StringRef>(kSliceRows, StringRef::null());
  };

  BlockColumns::Selected missing_slice() {
    if (!missing_) missing_ = std::make_unique<Missing>();
    return {missing_->codes.data(), missing_->ints.data(), missing_->nulls.data(), missing_->strings.data()};
  }

  const std::shared_ptr<const PublishedState> state_;
  const Lsn cut_;
  const ScanSpec spec_;
  RowBlock block_;
  ScanStats stats_;
  std::vector<uint32_t> asked_ids_;  // by predicate
  std::vector<ColumnPlace> asked_places_;
  std::vector<BlockColumns::Selected> asked_;
  std::vector<uint64_t> words_;  // of a slice
  size_t segment_ = 0;
  bool blocks_planned_ = false;  // of the segment
  BlockPlan plan_;
  size_t next_block_ = 0;  // in the plan
  std::shared_ptr<SegmentReader> reader_;
  std::unique_ptr<SegmentReader::Cursor> cursor_;
  size_t shard_ = 0;
  size_t chunk_ = 0;
  uint32_t slice_start_ = 0;
  uint32_t visible_rows_ = 0;
  std::vector<ColumnPlace> places_;
  std::unique_ptr<Missing> missing_;
};

}  // namespace

std::unique_ptr<RawScan> TableSnapshot::scan(ScanSpec spec) const {
  return std::make_unique<TableScan>(state, cut, std::move(spec));
}

Result<std::vector<Retraction>> TableSnapshot::retractions() const {
  TALLY_ASSIGN_OR_RETURN(std::vector<Retraction> all, read_retractions(state->retraction_files));
  const size_t flushed = all.size();
  for (const auto& logs : state->retractions) {
    for (const auto& log : logs) {
      std::vector<Retraction> more = log->read(cut);
      all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
  }
  return all.size() > flushed ? newest_by_key(std::move(all)) : all;
}

Result<std::vector<SegmentView>> TableSnapshot::segments() const {
  std::vector<SegmentView> views;
  for (const auto& handle : *state->segments) {
    TALLY_ASSIGN_OR_RETURN(std::shared_ptr<SegmentReader> reader, handle->reader());
    views.push_back({handle->info(), std::move(reader)});
  }
  return views;
}

const Dictionary* Snapshot::find_dictionary(uint32_t dimension_id) const {
  const std::vector<size_t> dimensions = schema().dimensions();
  for (size_t d = 0; d < dimensions.size(); ++d) {
    if (schema().columns[dimensions[d]].id == dimension_id) return &dictionary(d);
  }
  return nullptr;
}

Result<std::unique_ptr<LetterView>> Snapshot::dead_letters() const {
  return fail(Code::kUnsupported, "this snapshot has no dead letters");
}

Result<std::unique_ptr<LetterView>> TableSnapshot::dead_letters() const {
  const ManifestState& manifest = *state->manifest;
  DeadLetters::Held held = letters->held(manifest.log.flushed_lsn, cut);
  const bool flushed_since = held.released_through > manifest.log.flushed_lsn;
  Result<std::unique_ptr<LetterView>> view = flushed_since ? fail(Code::kNotFound, "letters went to files")
                                                           : LetterView::open(*fs, paths, manifest, std::move(held));
  if (view || view.error().code != Code::kNotFound) return view;
  return fail(Code::kRetryLater, "a flush has moved dead letters since this snapshot was taken");
}

}  // namespace tally

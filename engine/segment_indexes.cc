#include "engine/segment_indexes.h"

#include <algorithm>
#include <bit>

#include "base/checksum.h"

namespace tally {

using namespace segment_format;  // NOLINT: this file writes a part of the format

namespace {

constexpr uint32_t kIndexBlocksMin = 4;  // of fewer blocks there is little to skip
constexpr uint32_t kTrialBlocks = 16;    // after which a dimension may be given up

void add_zone(ColumnZones& zones, int64_t min, int64_t max, uint32_t nulls) {
  zones.min.push_back(min);
  zones.max.push_back(max);
  zones.nulls.push_back(nulls);
}

template <class T>
void add_zone_of(ColumnZones& zones, std::span<const T> values) {
  T min = values[0], max = values[0];
  for (T value : values) {
    min = std::min(min, value);
    max = std::max(max, value);
  }
  add_zone(zones, static_cast<int64_t>(min), static_cast<int64_t>(max), 0);
}

void add_zone_of(ColumnZones& zones, std::span<const int64_t> values, const uint8_t* nulls) {
  if (nulls == nullptr) return add_zone_of(zones, values);
  int64_t min = INT64_MAX, max = INT64_MIN;
  uint32_t null_rows = 0;
  for (size_t row = 0; row < values.size(); ++row) {
    null_rows += nulls[row];
    if (nulls[row] != 0) continue;
    min = std::min(min, values[row]);
    max = std::max(max, values[row]);
  }
  add_zone(zones, min, max, null_rows);
}

}  // namespace

Hash128 filter_hash(IdKind kind, const IdSlot& id) {
  ByteSpan bytes(id.raw, sizeof id.raw);
  if (kind == IdKind::kText) bytes = as_bytes(id.text.view());
  return {.lo = xxh3(bytes, static_cast<uint64_t>(kind)), .hi = 0};
}

ZoneBuilder::ZoneBuilder(const Schema& schema, uint32_t rollup_id) : raw_(rollup_id == 0) {
  for (const StoredColumn& column : zone_columns(schema, rollup_id)) zones_.emplace_back().column_id = column.id;
}

void ZoneBuilder::add_block(const RawColumns& rows, uint32_t first, uint32_t count) {
  // As zone_columns() has them: dimensions, integer fields, LSNs.
  size_t zone = 0;
  for (const uint32_t* codes : rows.codes) add_zone_of(zones_[zone++], std::span(codes + first, count));
  if (raw_) {
    for (const RawColumns::Field& field : rows.fields) {
      if (field.strings != nullptr) continue;
      const uint8_t* nulls = field.nulls == nullptr ? nullptr : field.nulls + first;
      add_zone_of(zones_[zone++], std::span(field.ints + first, count), nulls);
    }
    add_zone_of(zones_[zone++], std::span(rows.lsns + first, count));
  }
  TALLY_CHECK(zone == zones_.size());
}

SegmentIndexBuilder::SegmentIndexBuilder(const Schema& schema, uint32_t rollup_id, uint64_t rows_max)
    : id_column_(schema.columns[schema.id_column()].id), zones_(schema, rollup_id) {
  for (uint32_t id : stored_dimensions(schema, rollup_id)) {
    DimensionIndex& index = dimensions_.emplace_back();
    index.column_id = id;
    index.wanted = dimensions_.size() > 1;
  }
  if (rows_max > 0) filter_.emplace(rows_max);
}

void SegmentIndexBuilder::add_block(const RawColumns& rows, uint32_t first, uint32_t count) {
  zones_.add_block(rows, first, count);
  for (size_t d = 0; d < rows.codes.size(); ++d) {
    if (!dimensions_[d].wanted) continue;
    dimensions_[d].pairs.add(blocks_, {rows.codes[d] + first, count});
    bound_memory();
  }
  if (filter_) {
    hashes_.resize(count);
    for (uint32_t row = 0; row < count; ++row) {
      hashes_[row] = filter_hash(rows.id_kinds[first + row], rows.ids[first + row]);
    }
    filter_->add(hashes_);
  }
  rows_ += count;
  ++blocks_;
  drop_useless();
}

// Whether blocks would be skipped by an index: codes stand in less than half of them on average.
static bool skips_blocks(const BlockPairs& pairs, uint32_t blocks) {
  return pairs.size() * 2 < uint64_t{pairs.codes()} * blocks;
}

uint64_t SegmentIndexBuilder::index_bytes() const {
  uint64_t bytes = 0;
  for (const DimensionIndex& index : dimensions_) bytes += index.pairs.memory_bytes();
  return bytes;
}

void SegmentIndexBuilder::bound_memory() {
  while (index_bytes() > kIndexBuildBytesMax) {
    auto memory = [](const DimensionIndex& index) { return index.pairs.memory_bytes(); };
    DimensionIndex& largest = *std::ranges::max_element(dimensions_, {}, memory);
    largest.wanted = false;
    largest.pairs.clear();
  }
}

// A dimension whose codes stand in nearly every block so far is not worth counting on.
void SegmentIndexBuilder::drop_useless() {
  if (blocks_ < kTrialBlocks || !std::has_single_bit(blocks_)) return;
  for (DimensionIndex& index : dimensions_) {
    if (index.pairs.size() * 10 < uint64_t{index.pairs.codes()} * blocks_ * 9) continue;
    index.wanted = false;
    index.pairs.clear();
  }
}

bool SegmentIndexBuilder::next_part(IndexPart& part, Bytes& raw) {
  raw.clear();
  if (next_block_index(part, raw)) return true;
  if (!filter_) return false;
  part = {.kind = Encoding::kIdFilter, .column_id = id_column_, .values = rows_};
  filter_->finish(raw);
  filter_.reset();
  return true;
}

bool SegmentIndexBuilder::next_block_index(IndexPart& part, Bytes& raw) {
  while (next_ < dimensions_.size()) {
    DimensionIndex& index = dimensions_[next_++];
    if (!index.wanted || blocks_ < kIndexBlocksMin || !skips_blocks(index.pairs, blocks_)) continue;
    part = {.kind = Encoding::kBlockIndex, .column_id = index.column_id, .values = index.pairs.codes()};
    BlockIndexBuilder builder;
    for (const BlockPairs::Pair& pair : index.pairs.sorted()) builder.add(pair.code, pair.block);
    builder.finish(blocks_, raw);
    index.pairs.clear();
    return true;
  }
  return false;
}

}  // namespace tally

// What a segment writer gathers while rows go by, for everything in a segment that is not rows: the zones of each block, the
// block indexes of dimensions, the id filter. docs/formats/segment.md, Zones and Index parts.
//
// Which dimensions have a block index: not the first, which the order clusters (its zones ascend within a day); and not
// those whose codes stand in half of all blocks or more on average, since nothing would be skipped. Above
// kIndexBuildBytesMax of memory a dimension does without: the one that takes most.
// Memory: while rows go by, kIndexBuildBytesMax and what one dimension adds in a block, and the filter, about 10 bits a row; while
// parts are made, for one dimension at a time two copies of its pairs as well. One thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/block_index.h"
#include "engine/block_pairs.h"
#include "engine/id_filter.h"
#include "engine/segment_format.h"

namespace tally {

inline constexpr uint64_t kIndexBuildBytesMax = 256 * limits::kMiB;  // of all dimensions together

// The hash under which segments' id filters know an id: XXH3-64 of its canonical bytes, seeded by its kind. Not keyed, so
// that a file can be verified alone; crafted ids could make a filter say maybe, never no.
Hash128 filter_hash(IdKind kind, const IdSlot& id);

// The zones of zone_columns(), block by block.
class ZoneBuilder {
 public:
  ZoneBuilder(const Schema& schema, uint32_t rollup_id);
  // Rows [first, first + count) of `rows`.
  void add_block(const RawColumns& rows, uint32_t first, uint32_t count);
  std::vector<segment_format::ColumnZones> take() { return std::move(zones_); }

 private:
  const bool raw_;
  std::vector<segment_format::ColumnZones> zones_;
};

class SegmentIndexBuilder {
 public:
  // `rollup_id`: 0 for raw. `rows_max`: that many rows come at most; 0: no id filter.
  SegmentIndexBuilder(const Schema& schema, uint32_t rollup_id, uint64_t rows_max);
  // Blocks in order, counted from 0: rows [first, first + count) of `rows`.
  void add_block(const RawColumns& rows, uint32_t first, uint32_t count);

  std::vector<segment_format::ColumnZones> take_zones() { return zones_.take(); }
  uint64_t index_bytes() const;  // the memory of all dimensions, at most kIndexBuildBytesMax between two calls

  // The content of the next part, in `raw`; false when there is none left.
  bool next_part(segment_format::IndexPart& part, Bytes& raw);

 private:
  struct DimensionIndex {
    uint32_t column_id = 0;
    bool wanted = false;
    BlockPairs pairs;
  };

  void drop_useless();
  void bound_memory();
  bool next_block_index(segment_format::IndexPart& part, Bytes& raw);

  const uint32_t id_column_;
  ZoneBuilder zones_;
  std::vector<DimensionIndex> dimensions_;
  std::optional<IdFilterBuilder> filter_;
  std::vector<Hash128> hashes_;
  uint32_t blocks_ = 0;
  uint32_t rows_ = 0;
  size_t next_ = 0;
};

}  // namespace tally

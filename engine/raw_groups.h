// One rollup's part of a pass over raw (fold_raw.h): its rows of a day, grouped by the rollup's key and written to a segment.
// Neighbours with the same key are one run, which is all there is to sort where raw stands in the order of the rollup's
// dimensions; runs are sorted by radix, and the groups added up in that order, each row read once for all its values.
//
// Sums are 64 bits wide in a segment. A group whose sum is wider is written as several rows of the same key: whoever reads
// them adds them up again, in 128 bits.
// Memory: 8 bytes a word of the key and row, up to 32 a run, and what goes to the writer at once. One thread.
#pragma once

#include <span>
#include <vector>

#include "engine/raw_rows.h"
#include "engine/rollup_keys.h"

namespace tally {

class RawGroups {
 public:
  struct Target {
    SegmentWriter* writer = nullptr;
    int32_t day = 0;
    Lsn above = 0;
    Lsn through = 0;
    uint32_t block_rows = 0;
  };
  // Dimensions and values of `shape` are among those of `all`, which `rows` was made with. `code_bits`: by dimension of `shape`.
  RawGroups(const RollupShape& shape, std::vector<uint32_t> code_bits, const RollupShape& all, const RawRows& rows);

  // All rows of `rows`, as one group after the other.
  Status write(const Target& target);

 private:
  template <size_t kWords>
  struct Run;  // of neighbours: its key, its first row, how many
  struct Sum {
    size_t value = 0;  // of the shape
    uint32_t word = 0;
    __int128 sum = 0;
  };
  struct Extreme {
    size_t value = 0;
    uint32_t word = 0, present = 0;
    bool min = false, found = false;
    int64_t best = 0;
  };
  struct Count {
    size_t value = 0;
    uint32_t lane = 0;
  };
  struct Sketch {
    size_t value = 0;
    uint32_t word = 0, shift = 0;
    SketchBuilder builder;
  };
  struct Column {  // of rows that wait for the writer
    std::vector<int64_t> ints;
    std::vector<uint8_t> nulls;  // of extremes
    std::vector<uint32_t> ends;  // of sketches, in `bytes`
    Bytes bytes;
    std::vector<StringRef> strings;
  };

  void pack_keys(const RollupKeys& keys);
  template <size_t kWords>
  Status write_by(const RollupKeys& keys, const Target& target);
  Status write_wide(const RollupKeys& keys, const Target& target);
  template <size_t kWords>
  bool find_runs(std::vector<Run<kWords>>& runs) const;

  void add_rows(uint32_t first, uint32_t count);
  void add_extreme(Extreme& extreme, const uint64_t* row) const;
  void spread_lanes();
  Status end_group(const RollupKeys& keys, const uint64_t* key, const Target& target);
  bool end_row();
  Status put_row(const RollupKeys& keys, const uint64_t* key, const Target& target);
  Status flush(const Target& target);

  const RollupShape& shape_;
  const std::vector<uint32_t> code_bits_;
  const RawRows& rows_;
  std::vector<size_t> dimensions_;  // of `all`, by dimension
  std::vector<uint64_t> words_;     // keys, one after the other
  std::vector<uint32_t> buckets_;

  // Of the group that is being added up.
  std::vector<uint64_t> lanes_;  // words of counts, of lane_rows_ rows
  std::vector<int64_t> counts_;  // by lane
  uint32_t lane_rows_ = 0;
  std::vector<Count> of_counts_;
  std::vector<Sum> sums_;
  std::vector<Extreme> extremes_;
  std::vector<Sketch> sketches_;

  std::vector<TimeUs> times_;
  std::vector<std::vector<uint32_t>> codes_;
  std::vector<Column> columns_;  // by value
};

}  // namespace tally

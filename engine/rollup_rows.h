// Makes rows of a rollup tier of rows of a finer one or of the same: those with the same codes and bucket become one. Keys
// (rollup_keys.h) are sorted by radix; nothing is hashed, so that the result is in the order of a segment at once. Rows of raw
// have a way of their own (raw_groups.h).
//
//   RollupRows rows(shape, code_bits, day);
//   rows.add(input) ...; rows.combine();           // what was added becomes sorted rows, waiting to be written
//   rows.write(writer, above, through, true);
//
// Sums are 64 bits wide in a segment. A group whose sum is wider is written as several rows of the same key: whoever reads
// them adds them up again, in 128 bits.
// Memory: the rows between two combine()s, and what waits to be written. One thread.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/string_ref.h"
#include "engine/rollup_keys.h"
#include "engine/rollup_shape.h"
#include "engine/segment_writer.h"
#include "engine/sketch_builder.h"

namespace tally {

class RollupRows {
 public:
  // `code_bits`, by dimension: no code is wider. `day`: every row lies in it.
  RollupRows(const RollupShape& shape, std::vector<uint32_t> code_bits, int32_t day);

  // Of each value one form. What raw brings may be any of them (raw_values.h), what a tier holds is ints or sketches.
  struct Value {
    const int8_t* counts = nullptr;       // of kSum
    const int64_t* ints = nullptr;        // of kSum, kMin, kMax
    const uint8_t* nulls = nullptr;       // 1: the row brings nothing; nullptr: every row does
    const uint64_t* hashes = nullptr;     // of kSketch: of one value a row (unique_hash)
    const StringRef* sketches = nullptr;  // of kSketch: stored ones; NULL brings nothing
  };
  struct Input {
    uint32_t rows = 0;
    const TimeUs* times = nullptr;
    std::vector<const uint32_t*> codes;  // by dimension; nullptr: NULL in every row
    std::vector<Value> values;           // by value; of none of the forms: no row brings anything
    // Rows whose value of kSum is one more than `ints` says: the one number that has no negative.
    struct Carry {
      uint32_t row = 0;
      size_t value = 0;
    };
    std::vector<Carry> carries;
  };
  // Rows [first, first + count) of `input`, a block of a tier.
  void add(const Input& input, uint32_t first, uint32_t count);
  // kCorruption: a sketch that is none.
  Status combine();

  // Whole blocks of what waits, or all of it.
  Status write(SegmentWriter& writer, Lsn above, Lsn through, uint32_t block_rows, bool all);
  uint64_t waiting() const { return out_times_.size(); }

  // A key as this class orders them: `words` is as long as word_count().
  size_t word_count() const { return keys_of_.words(); }
  void pack_key(const Input& input, uint32_t row, std::span<uint64_t> words) const;

 private:
  // What was added of one value, by row.
  struct Added {
    std::vector<int64_t> ints;  // of kSketch: offset << 20 | length into `bytes`
    std::vector<uint8_t> nulls;
    Bytes bytes;
    bool any = false;  // a row that brings something
  };
  struct Waiting {
    std::vector<int64_t> ints;  // of kSketch: offset into `bytes`
    std::vector<uint32_t> lengths;
    std::vector<uint8_t> nulls;
    Bytes bytes;
  };
  // The part of a sum that did not fit.
  struct Rest {
    uint32_t group = 0;
    size_t value = 0;
    __int128 left = 0;
  };

  void add_value(const RollupShape::Value& shape, const Value& value, uint32_t first, uint32_t count, Added& added);
  void sort();
  template <size_t kWords>
  void sort_by_radix();
  void sort_wide();
  void find_groups();
  void combine_keys();
  void combine_sums(size_t value);
  void combine_extremes(size_t value, bool min);
  Status combine_sketches(size_t value);
  Status merge_sketches(std::span<const ByteSpan> sketches, size_t value, Bytes& out);
  struct PartOfRest {
    uint32_t group = 0;
    size_t value = 0;
    int64_t part = 0;
  };
  void append_rests();
  void spread_value(size_t value, std::span<const uint32_t> copies, std::span<const PartOfRest> parts);
  static void drop_bytes(Waiting& out);
  void clear_added();

  const RollupShape& shape_;
  const int32_t day_;
  const RollupKeys keys_of_;

  uint32_t rows_ = 0;
  std::vector<uint64_t> keys_;  // word_count() a row
  std::vector<Added> added_;    // by value
  std::vector<uint32_t> order_;
  std::vector<uint32_t> groups_;  // where in order_ each begins, and the end
  std::vector<Rest> rests_;
  std::vector<std::unique_ptr<SketchBuilder>> builders_;  // by value
  std::vector<ByteSpan> sketches_;

  std::vector<TimeUs> out_times_;
  std::vector<std::vector<uint32_t>> out_codes_;
  std::vector<Waiting> out_;  // by value
  uint32_t first_out_ = 0;    // of the groups of this combine()
};

}  // namespace tally

// Makes rows of a rollup tier of rows that are finer or of the same tier: those with the same codes and bucket become one.
// Keys are packed into words in the order of the rollup's dimensions, then time, and sorted by radix; nothing is hashed, so
// that the result is in the order of a segment at once.
//
//   RollupRows rows(shape, code_bits, day);
//   rows.add(input) ...; rows.combine();           // what was added becomes sorted rows, waiting to be written
//   rows.write(writer, above, through, true);
//
// Sums are 64 bits wide in a segment. A group whose sum is wider is written as several rows of the same key: whoever reads
// them adds them up again, in 128 bits.
// Memory: about 40 bytes a row of raw between two combine()s, and what waits to be written. One thread.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/string_ref.h"
#include "engine/hyperloglog.h"
#include "engine/rollup_shape.h"
#include "engine/segment_writer.h"

namespace tally {

class RollupRows {
 public:
  // `code_bits`, by dimension: no code is wider. `day`: every row lies in it.
  RollupRows(const RollupShape& shape, std::vector<uint32_t> code_bits, int32_t day);

  // Of each value one form.
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
  // Rows [first, first + count) of `input`.
  void add(const Input& input, uint32_t first, uint32_t count);
  uint32_t added() const { return rows_; }
  // kCorruption: a sketch that is none.
  Status combine();

  // Whole blocks of what waits, or all of it.
  Status write(SegmentWriter& writer, Lsn above, Lsn through, uint32_t block_rows, bool all);
  uint64_t waiting() const { return out_times_.size(); }

  // A key as this class orders them: `words` is as long as word_count().
  size_t word_count() const { return words_per_key_; }
  void pack_key(const Input& input, uint32_t row, std::span<uint64_t> words) const;

 private:
  struct Place {  // of a dimension, or the bucket, within a key
    uint32_t word = 0;
    uint32_t shift = 0;
  };
  // What was added of one value, by row.
  struct Added {
    std::vector<int8_t> counts;
    std::vector<int64_t> ints;  // of kSketch: hashes, or offset << 32 | length into `bytes`
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
  void add_carry(const Input& input, const Input::Carry& carry);
  void sort();
  template <size_t kWords>
  void sort_by_radix();
  void sort_wide();
  void find_groups();
  void combine_keys();
  void combine_sums(size_t value);
  void combine_extremes(size_t value, bool min);
  Status combine_sketches(size_t value);
  Status merge_group(const Added& added, std::span<const uint32_t> rows, uint8_t precision, Bytes& out);
  void append_rests();
  static void drop_bytes(Waiting& out);
  void clear_added();

  const RollupShape& shape_;
  const int32_t day_;
  const TimeUs bucket_us_;
  std::vector<Place> places_;  // by dimension, then of the bucket
  std::vector<uint64_t> masks_;
  std::vector<uint32_t> word_bits_;  // used, by word
  size_t words_per_key_ = 1;

  uint32_t rows_ = 0;
  std::vector<uint64_t> keys_;  // words_per_key_ a row
  std::vector<Added> added_;    // by value
  std::vector<uint32_t> order_;
  std::vector<uint32_t> groups_;  // where in order_ each begins, and the end
  std::vector<Rest> rests_;
  HyperLogLog sketch_{14};

  std::vector<TimeUs> out_times_;
  std::vector<std::vector<uint32_t>> out_codes_;
  std::vector<Waiting> out_;  // by value
  uint32_t first_out_ = 0;    // of the groups of this combine()
};

}  // namespace tally

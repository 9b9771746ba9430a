// How many distinct values there were, from 2^precision registers: HyperLogLog (Flajolet et al. 2007) with the improved
// raw estimator of O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), which needs neither
// bias tables nor a switch between ranges. Relative standard error about 1.04 / sqrt(2^precision).
//
// The estimate is a function of the registers alone, and merging takes the larger of each, so the answer does not depend
// on order, on how rows were split, or on whether a sketch is still sparse.
// Threads: one at a time; const members from several.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace tally {

inline constexpr uint8_t kHyperLogLogPrecisionMin = 10;
inline constexpr uint8_t kHyperLogLogPrecisionMax = 16;

// The hash of a value, for ever the same: XXH3-64 with a fixed seed of the bytes of a string, or of 8 bytes
// little-endian of an integer (a DECIMAL: scaled).
uint64_t unique_hash(ByteSpan value);
uint64_t unique_hash(int64_t value);

class HyperLogLog {
 public:
  explicit HyperLogLog(uint8_t precision);  // within the two limits above (checked)

  void add(uint64_t hash);
  void merge(const HyperLogLog& other);  // of the same precision (checked)
  uint64_t estimate() const;             // rounded to the nearest whole number

  uint8_t precision() const { return precision_; }
  uint8_t register_at(uint32_t index) const;
  bool is_sparse() const { return dense_.empty(); }
  uint64_t memory_bytes() const { return sizeof *this + sparse_.capacity() * sizeof(uint32_t) + dense_.capacity(); }

 private:
  void set(uint32_t index, uint8_t rank);
  void compact() const;  // sorts the sparse entries, keeping the largest rank of each register
  void become_dense();

  // Sparse: entries of index << 8 | rank; the first `sorted_` are sorted and unique, those behind were just added.
  uint8_t precision_;
  mutable uint32_t sorted_ = 0;
  mutable std::vector<uint32_t> sparse_;
  std::vector<uint8_t> dense_;
};

}  // namespace tally

// How many distinct values there were, from 2^precision registers: HyperLogLog (Flajolet et al. 2007) with the improved
// raw estimator of O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), which needs neither
// bias tables nor a switch between ranges. Relative standard error about 1.04 / sqrt(2^precision).
//
// The estimate is a function of the registers alone, and merging takes the larger of each, so the answer does not depend
// on order, on how rows were split, or on whether a sketch is still sparse. Stored form: sketch_format.h.
// Threads: one at a time, const members included (they put what was added in order).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace tally {

inline constexpr uint8_t kHyperLogLogPrecisionMin = 10;
inline constexpr uint8_t kHyperLogLogPrecisionMax = 16;
// Registers hold 0 (nothing was seen) to this.
constexpr uint8_t hyperloglog_rank_max(uint8_t precision) { return static_cast<uint8_t>(64 - precision + 1); }

// The hash of a value, for ever the same: XXH3-64 with a fixed seed of the bytes of a string, or of 8 bytes
// little-endian of an integer (a DECIMAL: scaled).
uint64_t unique_hash(ByteSpan value);
uint64_t unique_hash(int64_t value);

class HyperLogLog {
 public:
  explicit HyperLogLog(uint8_t precision);  // within the two limits above (checked)

  void add(uint64_t hash);
  void clear(uint8_t precision);         // nothing was seen; the memory stays
  void merge(const HyperLogLog& other);  // of the same precision (checked)
  uint64_t estimate() const;             // rounded to the nearest whole number
  // Makes a register at least `rank`, as merge() does; both within their limits (the caller's word).
  void raise(uint32_t index, uint8_t rank) { set(index, rank); }
  // The same of all of them at once: 2^precision ranks of 6 bits each, packed as bit_pack.h does.
  void raise_all(std::span<const uint8_t> packed);
  void make_dense();  // the same registers; worth it before many merges

  uint8_t precision() const { return precision_; }
  uint8_t register_at(uint32_t index) const;
  bool is_sparse() const { return dense_.empty(); }
  // visit(index, rank) of every register above 0, by ascending index.
  template <class Visit>
  void for_each_register(Visit visit) const {
    for (uint32_t i = 0; i < dense_.size(); ++i) {
      if (dense_[i] != 0) visit(i, dense_[i]);
    }
    if (!dense_.empty()) return;
    compact();
    for (uint32_t entry : sparse_) visit(entry >> 8, static_cast<uint8_t>(entry));
  }
  std::span<const uint8_t> dense_registers() const { return dense_; }  // empty while sparse
  uint64_t memory_bytes() const { return sizeof *this + sparse_.capacity() * sizeof(uint32_t) + dense_.capacity(); }

 private:
  void set(uint32_t index, uint8_t rank);
  void compact() const;  // sorts the sparse entries, keeping the largest rank of each register

  // Sparse: entries of index << 8 | rank; the first `sorted_` are sorted and unique, those behind were just added.
  uint8_t precision_;
  mutable uint32_t sorted_ = 0;
  mutable std::vector<uint32_t> sparse_;
  std::vector<uint8_t> dense_;
};

}  // namespace tally

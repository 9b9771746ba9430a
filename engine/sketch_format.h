// The stored form of a HyperLogLog: sparse (the registers above 0) or dense (all of them), whichever is smaller, sparse when
// they are equal. The bytes are a function of the registers alone, however the sketch was built and whatever it looks like in
// memory; and every set of registers has exactly one form, which is the only one that is read.
//
//   OFFSET SIZE TYPE FIELD
//   0      1    u8   version 1 in the upper four bits; form in the lower: 1 sparse, 2 dense
//   1      1    u8   precision p, 10 to 16: there are m = 2^p registers
// dense
//   2      6m/8      rank of each register, 0 to 64 - p + 1, 6 bits each, lowest bit of a byte first (bit_pack.h)
// sparse
//   2      4    u32  n, the registers above 0
//   6      1    u8   width g of a gap: as wide as the widest needs
//   7      1    u8   width r of a rank: likewise
//   8      gn/8      gaps: index of each register minus the one before minus 1, ascending; the first: its index
//   ...    rn/8      rank of each minus 1
// Once every register is above 0, gaps take no bits and a sparse form of 4 bits a rank is the smaller one again.
// Both lists are rounded up to whole bytes, unused bits are zero. There is no sum: whoever stores a sketch has one.
//
// Example: p = 10, register 3 is 2 and register 1000 is 1: 11 0a 02000000 0a 01, gaps 3 and 996: 03 90 0f, ranks 1 and 0: 01.
//
// Errors: kCorruption with the reason. Threads: any; a StoredSketch is a view of bytes that it must not outlive.
#pragma once

#include <algorithm>
#include <array>

#include "engine/encoding/bit_pack.h"
#include "engine/hyperloglog.h"

namespace tally {

inline constexpr uint8_t kSketchVersion = 1;
inline constexpr uint64_t kSketchBytesMax = 2 + (uint64_t{6} << kHyperLogLogPrecisionMax) / 8;

// Appends.
void encode_sketch(const HyperLogLog& sketch, Bytes& out);
// The same of registers above 0, ascending: gaps as above, and each rank minus 1.
void encode_sketch(uint8_t precision, std::span<const uint32_t> gaps, std::span<const uint8_t> ranks_less_one,
                   Bytes& out);

class StoredSketch {
 public:
  // `bytes` is the sketch and nothing else. Checks all of it.
  static Result<StoredSketch> open(ByteSpan bytes);

  uint8_t precision() const { return precision_; }
  bool is_sparse() const { return dense_.empty(); }
  // Into a sketch of the same precision (checked). Allocates nothing but what `into` grows by.
  void merge_into(HyperLogLog& into) const;
  // visit(index, rank) of every register above 0, by ascending index.
  template <class Visit>
  void for_each_register(Visit visit) const;
  // kCorruption: it is of another precision.
  Status check_precision(uint8_t precision) const;

 private:
  static constexpr size_t kChunk = 256;  // entries unpacked at a time
  static constexpr size_t kFew = 8;      // are taken one by one

  // Gap by gap, rank by rank, through small arrays: visit(gap, rank).
  template <class Visit>
  void for_each_entry(Visit visit) const;
  Status open_sparse(ByteSpan rest);
  Status open_dense(ByteSpan rest);

  uint8_t precision_ = 0;
  ByteSpan dense_;
  PackedBits gaps_;
  PackedBits ranks_;
};

template <class Visit>
void StoredSketch::for_each_entry(Visit visit) const {
  if (gaps_.count() <= kFew) {
    for (size_t i = 0; i < gaps_.count(); ++i) {
      visit(static_cast<uint32_t>(gaps_.at(i)), static_cast<uint32_t>(ranks_.at(i)) + 1);
    }
    return;
  }
  std::array<uint32_t, kChunk> some_gaps, some_ranks;
  for (size_t first = 0; first < gaps_.count(); first += kChunk) {
    const size_t count = std::min(kChunk, gaps_.count() - first);
    gaps_.part(first, count).unpack(0, std::span(some_gaps).first(count));
    ranks_.part(first, count).unpack(1, std::span(some_ranks).first(count));
    for (size_t i = 0; i < count; ++i) visit(some_gaps[i], some_ranks[i]);
  }
}

template <class Visit>
void StoredSketch::for_each_register(Visit visit) const {
  uint32_t next = 0;
  for_each_entry([&](uint32_t gap, uint32_t rank) {
    visit(next + gap, static_cast<uint8_t>(rank));
    next += gap + 1;
  });
  for (size_t at = 0; at < dense_.size(); at += 3) {  // four of 6 bits
    const uint32_t word = dense_[at] | uint32_t{dense_[at + 1]} << 8 | uint32_t{dense_[at + 2]} << 16;
    for (unsigned part = 0; part < 4; ++part) {
      const uint32_t rank = word >> part * 6 & 0x3F;
      if (rank != 0) visit(static_cast<uint32_t>(at / 3 * 4 + part), static_cast<uint8_t>(rank));
    }
  }
}

// open() and merge_into(); kCorruption also for another precision.
Status merge_stored_sketch(ByteSpan bytes, HyperLogLog& into);

}  // namespace tally

// Puts sketches together, one after the other, and gives each in its stored form (sketch_format.h): the bytes that
// encode_sketch() gives for a HyperLogLog which has seen the same, without a sort. Registers above 0 are kept in a bitmap of two
// levels, so that a sketch of one value costs as little as one register, and a full one no more than its registers.
//
//   SketchBuilder sketch(14);
//   sketch.raise(SketchBuilder::entry_of(hash, 14)); ...; sketch.finish(bytes);   // appends, and begins anew
//
// Memory: 2^precision bytes and an eighth of that. One thread.
#pragma once

#include <vector>

#include "engine/sketch_format.h"

namespace tally {

class SketchBuilder {
 public:
  explicit SketchBuilder(uint8_t precision);

  // Index of the register << 8 | rank of a hash; never 0.
  static uint32_t entry_of(uint64_t hash, uint8_t precision) {
    const uint64_t rest = hash << precision;
    const int zeros = rest == 0 ? 64 - precision : std::countl_zero(rest);
    return static_cast<uint32_t>(hash >> (64 - precision)) << 8 | static_cast<uint32_t>(zeros + 1);
  }
  void raise(uint32_t entry) { raise(entry >> 8, static_cast<uint8_t>(entry)); }
  // `index` and `rank` within their limits (the caller's word).
  void raise(uint32_t index, uint8_t rank) {
    words_[index / 64] |= uint64_t{1} << index % 64;
    groups_[index / 4096] |= uint64_t{1} << index / 64 % 64;
    ranks_[index] = ranks_[index] < rank ? rank : ranks_[index];
  }
  // kCorruption: no sketch, or one of another precision.
  Status merge(ByteSpan stored);
  bool empty() const;
  // Appends what was seen, and forgets it.
  void finish(Bytes& out);

 private:
  void take(uint32_t index, uint32_t& next);

  const uint8_t precision_;
  std::vector<uint8_t> ranks_;
  std::vector<uint64_t> words_;   // registers above 0
  std::vector<uint64_t> groups_;  // words that are not 0
  std::vector<uint32_t> gaps_;    // as the stored form has them
  std::vector<uint8_t> ranks_less_one_;
};

}  // namespace tally

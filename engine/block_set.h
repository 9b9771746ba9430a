// A set of block numbers of one segment: a Roaring bitmap (CRoaring; Lemire, Ssi-Yan-Kai, Kaser: Consistently faster and
// smaller compressed bitmaps with Roaring, 2016). Bytes are in Roaring's portable format, run-optimized, and are validated
// (roaring_validator.h) before CRoaring sees them. A value type; one thread at a time.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"

struct roaring_bitmap_s;

namespace tally {

class BlockSet {
 public:
  BlockSet();
  explicit BlockSet(std::span<const uint32_t> blocks);  // in any order
  // [first, last)
  static BlockSet range(uint32_t first, uint32_t last);
  // Exactly the bytes of one set whose blocks are below `blocks_end`, or kCorruption.
  static Result<BlockSet> decode(ByteSpan bytes, uint64_t blocks_end);
  ~BlockSet();
  BlockSet(const BlockSet& other);
  BlockSet(BlockSet&& other) noexcept;
  BlockSet& operator=(BlockSet other) noexcept;

  size_t encoded_bytes();   // run-optimizes
  void encode(Bytes& out);  // run-optimizes, appends

  bool empty() const;
  uint64_t count() const;
  bool contains(uint32_t block) const;
  std::vector<uint32_t> blocks() const;  // ascending
  // Turns on bit b % 64 of words[b / 64] for every block b; all of them are below 64 * words.size().
  void select(std::span<uint64_t> words) const;

  void add(std::span<const uint32_t> blocks);
  BlockSet& operator&=(const BlockSet& other);
  BlockSet& operator|=(const BlockSet& other);
  BlockSet& operator-=(const BlockSet& other);
  friend bool operator==(const BlockSet& a, const BlockSet& b) { return a.same(b); }

 private:
  bool same(const BlockSet& other) const;

  roaring_bitmap_s* bitmap_;  // never nullptr, but after a move
};

}  // namespace tally

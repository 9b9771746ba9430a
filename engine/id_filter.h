// Says of an id that it is certainly not among those of a segment, or that it may be: about 10 bits an id, one cache line a
// probe, 1 to 1.5 % of the strangers wrongly let through. A split block Bloom filter as Parquet defines it (Putze, Sanders,
// Singler: Cache-, hash- and space-efficient Bloom filters, 2007; Impala): the upper half of a 64-bit hash picks a block of
// 256 bits, the lower half one bit in each of its eight words.
//
// The 64 bits are the low word of the id's hash (event_id.h). Not the high one: it drives the shard, and the ids of one
// shard's segment would crowd into a part of the blocks.
//
//   OFFSET SIZE TYPE FIELD
//   0      4    u32  blocks b, 1 and more
//   4      4         zero
//   8      8    u64  ids that were added
//   16     32*b      the blocks: eight u32 each
//   ...    8    u64  XXH3 of all before
//
// Example: one id whose hash has the low word 0 sets the lowest bit of every word of the only block: the block is
// 01000000 eight times.
#pragma once

#include <span>

#include "base/bytes.h"
#include "engine/event_id.h"

namespace tally {

inline constexpr unsigned kIdFilterBitsPerId = 10;

// One thread.
class IdFilterBuilder {
 public:
  // For up to `ids_max` ids; with more of them the filter lets more strangers through, and is wrong about none.
  explicit IdFilterBuilder(uint64_t ids_max);
  void add(std::span<const Hash128> hashes);
  uint64_t memory_bytes() const { return bits_.capacity(); }
  void finish(Bytes& out);  // appends; the builder is empty then

 private:
  Bytes bits_;
  uint64_t ids_ = 0;
};

// A view of a filter's bytes, which it must not outlive. Constant once open: any thread.
class IdFilter {
 public:
  // Checks the sum and everything else; kCorruption with the reason.
  static Result<IdFilter> open(ByteSpan bytes);

  uint64_t ids() const { return ids_; }
  bool may_contain(const Hash128& hash) const;
  // For many ids: memory is asked for ahead. Bit i % 64 of words[i / 64] is the answer for id i; replaces
  // selection_words(hashes.size()) words.
  void may_contain(std::span<const Hash128> hashes, std::span<uint64_t> words) const;

 private:
  ByteSpan bits_;
  uint64_t ids_ = 0;
};

}  // namespace tally

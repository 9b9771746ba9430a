// In which blocks of a segment each code of a dimension occurs: for dimensions that the sort order does not cluster. The
// bytes stand in a segment under a sum of their own, but are trusted no more for that: whatever is read is checked.
//
//   OFFSET SIZE TYPE FIELD
//   0      4    u32  codes in all, 0 and more
//   4      4    u32  blocks n: every block number is below
//   8      8*g       of each group of 128 codes (the last may have fewer): u32 its first code, u32 where it ends, counted
//                    from the end of this table; both ascending
//   ...              the groups, one behind the other
//
// Group: c codes, c known from the number of codes in all
//   0      1    u8   width of a gap, 0 to 32
//   1                gap of each code but the first: code - code before - 1 (bit_pack.h)
//   ...              form of each code at 4 bits: 1 to 14 that many blocks in the list; 15 a long list; 0 Roaring
//   ...    2    u16  of each long list: its blocks
//   ...              the lists one behind the other: block numbers, ascending in a list, at the width of n - 1
//   ...    4    u32  of each Roaring bitmap: its length
//   ...              the Roaring bitmaps (roaring_validator.h)
// Whichever of list and bitmap is smaller is written: a code in one block of 8,192 costs about 2.5 bytes.
//
// Example: code 5 in block 2, code 7 in blocks 0 and 3, of 4 blocks is
//   02000000 04000000 05000000 04000000 01 01 21 32.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "engine/block_set.h"

namespace tally {

// Collects pairs, in any order, repeated or not; cheapest when a block's codes come once each, block by block. Memory: at
// most twice 8 bytes for each distinct pair. One thread.
class BlockIndexBuilder {
 public:
  void add(uint32_t code, uint32_t block);
  size_t memory_bytes() const { return pairs_.capacity() * sizeof(uint64_t); }
  // Appends the index and starts anew. Every block added is below `blocks`.
  void finish(uint32_t blocks, Bytes& out);

 private:
  void compact();

  std::vector<uint64_t> pairs_;  // code << 32 | block
  size_t compact_at_ = 4096;
};

// A view of an index's bytes, which it must not outlive. Constant once open: any thread.
class BlockIndex {
 public:
  // Checks the table; groups are checked when they are read. kCorruption with the reason, also where the index is not
  // of `blocks` blocks.
  static Result<BlockIndex> open(ByteSpan bytes, uint32_t blocks);

  uint32_t codes() const { return codes_; }
  uint32_t blocks() const { return blocks_; }

  // Turns on the bits of the blocks that hold a code of the list (bit b % 64 of words[b / 64]); those on stay on. Codes in
  // any order; one that is nowhere has no blocks. `words` has (blocks() + 63) / 64.
  Status select_any(std::span<const uint32_t> codes, std::span<uint64_t> words) const;
  Result<BlockSet> find(uint32_t code) const;
  Result<BlockSet> find_any(std::span<const uint32_t> codes) const;

  // Every code ascending with its blocks ascending, until `visit` fails.
  using Visit = std::function<Status(uint32_t code, std::span<const uint32_t> blocks)>;
  Status visit_all(const Visit& visit) const;

  struct Statistics {
    uint64_t pairs = 0;  // of code and block
    uint32_t lists = 0;
    uint32_t bitmaps = 0;
    size_t bytes = 0;
  };
  Result<Statistics> statistics() const;

 private:
  struct Group;
  size_t groups() const;
  uint32_t first_code(size_t group) const;
  size_t group_of(uint32_t code) const;
  Status open_group(size_t number, Group& group) const;
  template <class Take>
  Status take_blocks(const Group& group, size_t at, Take take) const;

  ByteSpan table_;
  ByteSpan bodies_;
  uint32_t codes_ = 0;
  uint32_t blocks_ = 0;
};

}  // namespace tally

// Codes of one column block by the codes of another column, the parent, in the same rows: for dimensions of which one follows
// from the other or nearly, as a region from its country, an operating system from its device. Each parent that occurs has a
// list of the codes that occur with it; each row stores the place of its code in the list of its parent.
//
//   OFFSET SIZE TYPE FIELD
//   0      4    u32  id of the parent column: what must be decoded first
//   4      4    u32  distinct parents p, 1 to rows
//   8                the parents, strictly ascending, as packed.h has codes
//   ...    1    u8   width of a length, 0 to 32
//   ...              length - 1 of each parent's list, at that width (bit_pack.h); together at most as many as rows
//   ...              the lists, one behind the other, each strictly ascending, as packed.h has codes
//   ...              the place of each row's code in its list, at the width of the longest list: no bits if all have one code
//
// A row whose parent is not there, or whose place is beyond its list, is corruption.
//
// Example: 7, 9, 8, 7 by 1, 1, 2, 1 of column 5 is 05000000 02000000 0100000000000000 01 02 01 01 0700000000000000 02 18 02.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "engine/encoding/int_predicate.h"

namespace tally {

// Numbers keys in order of appearance. Memory is kept: clear() and fill again.
class KeyNumbers {
 public:
  void clear();
  size_t size() const { return keys_.size(); }
  uint64_t key(size_t number) const { return keys_[number]; }
  uint32_t number_of(uint64_t key);  // a new one if it is new

 private:
  void grow();

  std::vector<uint64_t> keys_;
  std::vector<uint32_t> slots_;  // hash table: number + 1, 0 = free
  unsigned slots_shift_ = 64;
};

// Finds the lists of a block. Memory is kept from block to block: keep the object.
class ByParentBuilder {
 public:
  // The bytes that encode() would append, or UINT64_MAX as soon as they are known to be `give_up` or more: a few rows from
  // all over the block are looked at first, so that columns that do not belong together cost little. Spans of one length,
  // at least one row.
  uint64_t measure(std::span<const uint32_t> parents, std::span<const uint32_t> values, uint64_t give_up);
  // Of the values that the last measure() did not give up on.
  void encode(uint32_t parent_column, Bytes& out) const;

 private:
  void start(size_t rows);
  uint32_t add(uint32_t parent, uint32_t value);
  uint64_t bytes_so_far() const;

  KeyNumbers parents_;
  KeyNumbers pairs_;                // parent << 32 | value
  std::vector<uint32_t> lengths_;   // of each parent's list
  std::vector<uint32_t> row_pair_;  // the pair of each row
  uint32_t longest_ = 0;
  uint32_t min_parent_ = 0, max_parent_ = 0;
  uint32_t min_value_ = 0, max_value_ = 0;
};

Result<uint32_t> by_parent_column(ByteSpan raw);
// `raw` must be used up exactly. `parents`: the parent's code in each row, as long as `out`.
Status decode_by_parent(ByteSpan raw, std::span<const uint32_t> parents, std::span<uint32_t> out);
// Looks at each code of the lists once, then at places. Replaces selection_words(parents.size()) words.
Status select_by_parent(ByteSpan raw, std::span<const uint32_t> parents, const IntPredicate& predicate,
                        std::span<uint64_t> words);

}  // namespace tally

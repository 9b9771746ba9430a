// Integers of one column block as few distinct values, ascending, and a packed place among them for each row: for wide
// integers that repeat, as prices and the LSNs of one flush. A range of values is a range of places, so that predicates are
// answered on the places. T: see int_stats.h.
//
//   OFFSET SIZE TYPE FIELD
//   0      4    u32  distinct values d, 1 to rows
//   4                the values, strictly ascending, as packed.h has integers
//   ...              the place of each row's value, at the width of d - 1 (bit_pack.h)
//
// Example: 9, 1, 9, 9 is 02000000 0100000000000000 04 80 0d.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "engine/encoding/int_predicate.h"
#include "engine/encoding/int_stats.h"

namespace tally {

// Finds the distinct values of a block. Memory is kept from block to block: keep the object.
class IntDictionaryBuilder {
 public:
  // The bytes that encode() would append, or UINT64_MAX as soon as they are known to be `give_up` or more. With a give_up
  // below UINT64_MAX also when nearly all of the first 1,024 rows are distinct: that is not worth looking further.
  template <class T>
  uint64_t measure(std::span<const T> values, const IntStats& stats, uint64_t give_up);
  // Of the values that the last measure() did not give up on; T as there.
  template <class T>
  void encode(Bytes& out);

 private:
  uint64_t bytes_for(size_t distinct, const IntStats& stats) const;
  uint32_t place_of(int64_t value);
  void start(size_t rows);
  void grow();

  std::vector<int64_t> distinct_;  // in order of appearance
  std::vector<uint32_t> places_;   // of each row, in distinct_
  std::vector<uint32_t> slots_;    // hash table: place + 1, 0 = free
  unsigned slots_shift_ = 0;
};

// `bytes` must be used up exactly.
template <class T>
Status decode_int_dictionary(ByteSpan bytes, std::span<T> out);
// Replaces selection_words(rows) words.
template <class T>
Status select_int_dictionary(ByteSpan bytes, size_t rows, const IntPredicate& predicate, std::span<uint64_t> words);

}  // namespace tally

// Strings of one column block as few distinct values, ascending by their bytes, and a packed place among them for each row:
// for fields such as an event type. Predicates look at each distinct value once, then at the places.
//
//   OFFSET SIZE TYPE FIELD
//   0      4    u32  distinct values d, 1 to rows
//   4      1    u8   width w of a length, 0 to 16
//   5                the length of each distinct value at w bits (bit_pack.h)
//   ...              the place of each row's value, at the width of d - 1; of NULL any
//   ...              the distinct values, strictly ascending, one behind the other
//
// Example: "b", "ab", "b", "b" is 02000000 02 06 0d 61 62 62.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/string_ref.h"
#include "engine/encoding/string_predicate.h"

namespace tally {

// Finds the distinct strings of a block. Memory is kept from block to block: keep the object.
class StringDictionaryBuilder {
 public:
  // The bytes that encode() would append, or UINT64_MAX as soon as they are known to be `give_up` or more, or if every
  // value is NULL. With a give_up below UINT64_MAX also when nearly all of the first 1,024 rows are distinct, as of user
  // ids: that is not worth looking further. The strings must stay until encode().
  uint64_t measure(std::span<const StringRef> values, uint64_t give_up);
  // Of the values that the last measure() did not give up on.
  void encode(Bytes& out);

 private:
  uint64_t bytes_so_far() const;
  uint32_t place_of(const StringRef& value);
  size_t free_slot_from(size_t slot) const;
  void start(size_t rows);
  void grow();

  std::vector<StringRef> distinct_;  // in order of appearance
  std::vector<uint64_t> hashes_;     // of the distinct ones
  std::vector<uint32_t> places_;     // of each row, in distinct_
  std::vector<uint32_t> slots_;      // hash table: place + 1, 0 = free
  unsigned slots_shift_ = 0;
  uint64_t text_bytes_ = 0;
  uint32_t longest_ = 0;
};

// `bytes` must be used up exactly. Long strings point into `bytes`. The caller puts the NULLs in.
Status decode_string_dictionary(ByteSpan bytes, std::span<StringRef> out);
// Replaces selection_words(rows) words. The caller takes the NULLs out.
Status select_string_dictionary(ByteSpan bytes, size_t rows, const StringPredicate& predicate,
                                std::span<uint64_t> words);

}  // namespace tally

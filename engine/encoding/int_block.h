// Integers of one column block in whichever encoding is the smallest for them. T: see int_stats.h.
#pragma once

#include <optional>
#include <span>

#include "base/bytes.h"
#include "engine/encoding/encoding.h"
#include "engine/encoding/int_dictionary.h"
#include "engine/encoding/int_predicate.h"
#include "engine/encoding/patched.h"

namespace tally {

// Memory is kept from block to block: keep the object.
class IntBlockEncoder {
 public:
  // Appends the smallest by measured size, the quicker one to decode of equals, and says which it was. At least one value.
  template <class T>
  Encoding encode(std::span<const T> values, Bytes& out);
  // The same, but nothing is appended if the smallest has `limit` bytes or more, or seems to by a sample.
  template <class T>
  std::optional<Encoding> encode_below(std::span<const T> values, uint64_t limit, Bytes& out);

 private:
  PatchedIntsBuilder patched_;
  IntDictionaryBuilder dictionary_;
};

// `bytes` must be used up exactly. An encoding for something else is corruption.
template <class T>
Status decode_int_block(Encoding encoding, ByteSpan bytes, std::span<T> out);
// The same for the rows of `selected` alone, few of many; what stands in other rows means nothing.
template <class T>
Status decode_int_block_rows(Encoding encoding, ByteSpan bytes, std::span<const uint64_t> selected, std::span<T> out);
// Replaces selection_words(rows) words by the rows that match.
template <class T>
Status select_int_block(Encoding encoding, ByteSpan bytes, size_t rows, const IntPredicate& predicate,
                        std::span<uint64_t> words);

}  // namespace tally

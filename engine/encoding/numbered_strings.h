// Strings of one column block that are one prefix and a decimal number each, as user ids often are ("u1234567"): the numbers
// are stored as integers. No string is longer than 12 bytes, so that all of a StringRef (base/string_ref.h) is made from the
// number and nothing points anywhere; a number has no leading zeros, so that each has one spelling.
//
//   OFFSET SIZE TYPE FIELD
//   0      1    u8   length p of the prefix, 0 to 11
//   1      p         the prefix
//   ...              the number of each row, as packed.h has integers: 0 to 10^(12 - p) - 1; of NULL any
//
// Example: "u7", "u10", "u9" is 01 75 0700000000000000 02 2c.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/string_ref.h"
#include "engine/encoding/string_predicate.h"

namespace tally {

// Memory is kept from block to block: keep the object.
class NumberedStringsBuilder {
 public:
  // The bytes that encode() would append, or UINT64_MAX if these strings are not of this kind: told by the first that is
  // not. The strings must stay until encode().
  uint64_t measure(std::span<const StringRef> values);
  // Of the values of the last measure(), which were of this kind.
  void encode(Bytes& out) const;

 private:
  bool read_numbers(std::span<const StringRef> values);

  std::vector<int64_t> numbers_;
  StringRef prefix_;
  int64_t min_ = 0;
  int64_t max_ = 0;
};

// `bytes` must be used up exactly. The caller puts the NULLs in.
Status decode_numbered_strings(ByteSpan bytes, std::span<StringRef> out);
// Compares numbers, makes no string. Replaces selection_words(rows) words. The caller takes the NULLs out.
Status select_numbered_strings(ByteSpan bytes, size_t rows, const StringPredicate& predicate,
                               std::span<uint64_t> words);

}  // namespace tally

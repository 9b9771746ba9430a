// Codes of a dimension and the strings that they stand for, as the appendix of a segment has them: codes ascend, so their
// steps are small; strings of one dimension are alike. Both parts take whichever encoding of a column block is the smallest.
// Values of 8 bytes each, as those of an INT64 dimension, may also stand as integers.
//
//   OFFSET SIZE TYPE FIELD
//   0      1    u8   encoding of the codes (encoding.h), one for codes
//   1      1    u8   encoding of the strings: one for strings, or for integers: the 8 bytes of each as an i64
//   2      4    u32  bytes of the codes c
//   6      c         the codes
//   6+c              the strings
//
// Example: 2 "k7", 3 "k10", 4 "k9" is 08 03 0a000000 0200000000000000 02 24 01 020302 6b37 6b3130 6b39: packed and strings.
#pragma once

#include <span>

#include "base/bytes.h"
#include "base/string_ref.h"
#include "engine/encoding/column_block.h"

namespace tally {

// Replaces `raw`. At least one; codes strictly ascending; no NULL, strings of at most limits::kStringBytesMax bytes.
void encode_value_list(std::span<const uint32_t> codes, std::span<const StringRef> values, ColumnEncoder& encoder,
                       Bytes& raw);
// `raw` must be used up exactly, for `values` of them (what is reasonable the caller knows: few bytes can stand for many),
// and the codes ascend strictly; otherwise kCorruption. Long strings point into `raw`. Spans as long as `values`.
Status decode_value_list(ByteSpan raw, size_t values, std::span<uint32_t> codes, std::span<StringRef> strings);

}  // namespace tally

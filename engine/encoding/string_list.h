// Strings of one column block, as strings or one_string. NULL is told by the null bitmap; its length here is 0.
//
// strings                                      one_string
//   OFFSET SIZE TYPE FIELD                       OFFSET SIZE TYPE FIELD
//   0      1    u8   width w of a length: 1, 2   0      n         the value
//   1      w*n  u    length of each row
//   ...              the bytes, row after row
//
// Example: "ab", "", "c" is 01 02 00 01 61 62 63.
#pragma once

#include <span>

#include "base/bytes.h"
#include "base/string_ref.h"
#include "engine/encoding/encoding.h"

namespace tally {

// Strings of at most limits::kStringBytesMax bytes; NULLs count as empty. At least one.
Encoding encode_strings(std::span<const StringRef> values, Bytes& out);
// Long strings point into `bytes`.
Status decode_strings(ByteSpan bytes, std::span<StringRef> out);
// The same of chosen rows alone (selection.h); cells of others stay as they are. What the lengths say is checked for all.
Status decode_strings_rows(ByteSpan bytes, std::span<const uint64_t> selected, std::span<StringRef> out);
Status decode_one_string(ByteSpan bytes, std::span<StringRef> out);

}  // namespace tally

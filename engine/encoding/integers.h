// Integers of one column block, as constant or narrow. T is uint8_t, uint32_t or int64_t.
//
// constant                        narrow
//   OFFSET SIZE TYPE FIELD          OFFSET SIZE TYPE FIELD
//   0      8    i64  the value      0      8    i64  base: the smallest value
//                                   8      1    u8   width w: 1, 2, 4 or 8
//                                   9      w*n  u    value - base of each row
//
// Example: 1000, 1003, 1001 as int64_t is narrow e803000000000000 01 00 03 01.
#pragma once

#include <span>

#include "base/bytes.h"
#include "engine/encoding/encoding.h"

namespace tally {

// Appends the shorter of the two and says which it was. At least one value.
template <class T>
Encoding encode_integers(std::span<const T> values, Bytes& out);
// `bytes` must be used up exactly.
template <class T>
Status decode_constant(ByteSpan bytes, std::span<T> out);
template <class T>
Status decode_narrow(ByteSpan bytes, std::span<T> out);

}  // namespace tally

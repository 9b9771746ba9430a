// Which rows of a column block are NULL: one bit a row, the lowest bit of a byte first, unused bits zero. Stored only where
// a block has a NULL. In memory one byte a row, 1 = NULL.
//
// Example: NULL in rows 0 and 9 of 10 is 01 02.
#pragma once

#include <span>

#include "base/bytes.h"

namespace tally {

bool any_null(std::span<const uint8_t> nulls);
inline size_t null_bitmap_bytes(size_t rows) { return (rows + 7) / 8; }
void encode_null_bitmap(std::span<const uint8_t> nulls, Bytes& out);
Status decode_null_bitmap(ByteSpan bitmap, std::span<uint8_t> nulls);

}  // namespace tally

// The bytes of one column of a batch, from and to arrays. Pure: spans in, arrays out; no schema, no batch.
// [nulls] is a bitmap of ceil(rows / 8) bytes, bit i % 8 of byte i / 8 set = row i is NULL, unused bits zero; it stands
// there when the directory says so.
//
//   kInts              [nulls] u8 width (0, 1, 2, 4, 8); i64 base; rows x unsigned offset of that width: value = base + offset
//                      (modulo 2^64); a NULL's offset is 0
//   kUuids             rows x 16 bytes
//   kIds               u32 heap bytes; rows x u16 length, 0 = a UUID of 16 bytes; the heap
//   kStrings           [nulls] u8 width of lengths (1, 2); u32 heap bytes; rows x length; the heap; a NULL's length is 0
//   kStringDictionary  u32 values; u8 width of codes (1, 2, 4); u32 heap bytes; values x u16 length; the heap;
//                      rows x code, 0 = NULL, i = value i - 1
//   kIntDictionary     u32 values; u8 width of codes (1, 2, 4); values x i64; rows x code
//
// Decoders check everything before they write: exact size, widths, codes, lengths, unused bits; at most `rows` dictionary
// values. Errors are kInvalidArgument, name the row where one is to blame, and leave the column's name to the caller.
// Views point into the bytes given.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "base/string_ref.h"
#include "engine/event_id.h"

namespace tally {

struct DecodedInts {
  std::vector<int64_t> values;  // of NULL: 0
  std::vector<uint8_t> nulls;   // empty: none
};
Status decode_ints(ByteSpan bytes, uint32_t rows, bool has_nulls, DecodedInts& out);

Status decode_uuids(ByteSpan bytes, uint32_t rows, std::vector<IdSlot>& ids, std::vector<IdKind>& kinds);
// A text that spells a UUID becomes that UUID, so that no spelling makes two ids of one.
Status decode_ids(ByteSpan bytes, uint32_t rows, std::vector<IdSlot>& ids, std::vector<IdKind>& kinds);

Status decode_strings(ByteSpan bytes, uint32_t rows, bool has_nulls, std::vector<StringRef>& out);

struct DecodedDictionary {
  std::vector<std::string_view> values;  // of kIntDictionary: 8 bytes little-endian
  std::vector<uint32_t> codes;           // per row
};
Status decode_string_dictionary(ByteSpan bytes, uint32_t rows, DecodedDictionary& out);
Status decode_int_dictionary(ByteSpan bytes, uint32_t rows, DecodedDictionary& out);

// Encoders. `nulls` has one byte a row, or is empty: no bitmap is written then.
void encode_ints(std::span<const int64_t> values, std::span<const uint8_t> nulls, ByteWriter& out);
void encode_ids(std::span<const uint16_t> lengths, ByteSpan heap, ByteWriter& out);
void encode_strings(std::span<const uint16_t> lengths, std::span<const uint8_t> nulls, ByteSpan heap, ByteWriter& out);
void encode_string_dictionary(std::span<const uint16_t> lengths, ByteSpan heap, std::span<const uint32_t> codes,
                              ByteWriter& out);
// `heap`: 8 bytes a value.
void encode_int_dictionary(ByteSpan heap, std::span<const uint32_t> codes, ByteWriter& out);

// Bytes that encode_strings() and encode_string_dictionary() would take, for choosing the smaller.
size_t strings_bytes(uint32_t rows, bool has_nulls, uint32_t length_max, size_t heap_bytes);
size_t string_dictionary_bytes(uint32_t rows, size_t values, size_t heap_bytes);

}  // namespace tally

#include <algorithm>
#include <cstring>

#include "engine/batch_columns.h"

namespace tally {
namespace {

void put_nulls(std::span<const uint8_t> nulls, ByteWriter& out) {
  for (size_t i = 0; i < nulls.size(); i += 8) {
    unsigned bits = 0;
    for (size_t j = 0; j < std::min<size_t>(8, nulls.size() - i); ++j) {
      bits |= static_cast<unsigned>(nulls[i + j] != 0) << j;
    }
    out.u8(static_cast<uint8_t>(bits));
  }
}

template <class T, class In>
void put_narrow(std::span<const In> values, ByteWriter& out) {
  Bytes cells(values.size() * sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    store_le(cells.data() + i * sizeof(T), static_cast<T>(values[i]));
  }
  out.bytes(cells);
}

template <class In>
void put_by_width(unsigned width, std::span<const In> values, ByteWriter& out) {
  switch (width) {
    case 0: return;
    case 1: return put_narrow<uint8_t>(values, out);
    case 2: return put_narrow<uint16_t>(values, out);
    case 4: return put_narrow<uint32_t>(values, out);
    default: return put_narrow<uint64_t>(values, out);
  }
}

unsigned offset_width(uint64_t highest) {
  if (highest == 0) return 0;
  if (highest <= UINT8_MAX) return 1;
  if (highest <= UINT16_MAX) return 2;
  return highest <= UINT32_MAX ? 4 : 8;
}

unsigned code_width(size_t values) { return std::max(1u, offset_width(values)); }

unsigned length_width(uint32_t length_max) { return length_max <= UINT8_MAX ? 1 : 2; }

// Everything but the cells: what a column costs with no row in it.
constexpr size_t kStringsHead = 1 + 4;
constexpr size_t kStringDictionaryHead = 4 + 1 + 4;

}  // namespace

void encode_ints(std::span<const int64_t> values, std::span<const uint8_t> nulls, ByteWriter& out) {
  put_nulls(nulls, out);
  int64_t lowest = INT64_MAX;
  int64_t highest = INT64_MIN;
  for (size_t i = 0; i < values.size(); ++i) {
    bool null = !nulls.empty() && nulls[i] != 0;
    lowest = null ? lowest : std::min(lowest, values[i]);
    highest = null ? highest : std::max(highest, values[i]);
  }
  if (lowest > highest) lowest = highest = 0;  // nothing but NULL
  uint64_t base = static_cast<uint64_t>(lowest);
  std::vector<uint64_t> offsets(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    bool null = !nulls.empty() && nulls[i] != 0;
    offsets[i] = null ? 0 : static_cast<uint64_t>(values[i]) - base;
  }
  unsigned width = offset_width(static_cast<uint64_t>(highest) - base);
  out.u8(static_cast<uint8_t>(width));
  out.i64(lowest);
  put_by_width(width, std::span<const uint64_t>(offsets), out);
}

void encode_ids(std::span<const uint16_t> lengths, ByteSpan heap, ByteWriter& out) {
  out.u32(static_cast<uint32_t>(heap.size()));
  put_narrow<uint16_t>(lengths, out);
  out.bytes(heap);
}

void encode_strings(std::span<const uint16_t> lengths, std::span<const uint8_t> nulls, ByteSpan heap, ByteWriter& out) {
  put_nulls(nulls, out);
  uint16_t length_max = lengths.empty() ? uint16_t{0} : std::ranges::max(lengths);
  unsigned width = length_width(length_max);
  out.u8(static_cast<uint8_t>(width));
  out.u32(static_cast<uint32_t>(heap.size()));
  put_by_width(width, lengths, out);
  out.bytes(heap);
}

void encode_string_dictionary(std::span<const uint16_t> lengths, ByteSpan heap, std::span<const uint32_t> codes,
                              ByteWriter& out) {
  unsigned width = code_width(lengths.size());
  out.u32(static_cast<uint32_t>(lengths.size()));
  out.u8(static_cast<uint8_t>(width));
  out.u32(static_cast<uint32_t>(heap.size()));
  put_narrow<uint16_t>(lengths, out);
  out.bytes(heap);
  put_by_width(width, codes, out);
}

void encode_int_dictionary(ByteSpan heap, std::span<const uint32_t> codes, ByteWriter& out) {
  size_t values = heap.size() / 8;
  unsigned width = code_width(values);
  out.u32(static_cast<uint32_t>(values));
  out.u8(static_cast<uint8_t>(width));
  out.bytes(heap);
  put_by_width(width, codes, out);
}

size_t strings_bytes(uint32_t rows, bool has_nulls, uint32_t length_max, size_t heap_bytes) {
  size_t bitmap = has_nulls ? (rows + 7) / 8 : 0;
  return bitmap + kStringsHead + size_t{rows} * length_width(length_max) + heap_bytes;
}

size_t string_dictionary_bytes(uint32_t rows, size_t values, size_t heap_bytes) {
  return kStringDictionaryHead + values * 2 + heap_bytes + size_t{rows} * code_width(values);
}

}  // namespace tally

#include "engine/encoding/string_list.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/limits.h"

namespace tally {

namespace {

template <class Length>
void put_strings(std::span<const StringRef> values, uint8_t* to) {
  uint8_t* text = to + values.size() * sizeof(Length);
  for (size_t row = 0; row < values.size(); ++row) {
    uint32_t size = values[row].size();
    store_le(to + row * sizeof(Length), static_cast<Length>(size));
    std::memcpy(text, values[row].data(), size);
    text += size;
  }
}

// As StringRef(text) has it, put together in registers: bytes written one after the other and read at once would be waited for.
// kInlineMax bytes can be read at `text`.
StringRef make_ref(const char* text, uint32_t size) {
  uint64_t head;
  uint32_t rest;
  std::memcpy(&head, text, sizeof head);
  std::memcpy(&rest, text + sizeof head, sizeof rest);
  uint64_t words[2] = {size | head << 32, reinterpret_cast<uintptr_t>(text)};
  if (size <= StringRef::kInlineMax) {
    using Text = unsigned __int128;  // the first byte is the lowest
    const Text whole = (Text{rest} << 64 | head) & ~(~Text{0} << size * 8);
    words[0] = size | static_cast<uint64_t>(whole << 32);
    words[1] = static_cast<uint64_t>(whole >> 32);
  }
  StringRef made;
  std::memcpy(static_cast<void*>(&made), words, sizeof made);
  return made;
}
static_assert(StringRef::kInlineMax == 12 && sizeof(void*) == 8 && std::endian::native == std::endian::little);

template <class Length>
Status take_strings(ByteSpan bytes, std::span<StringRef> out) {
  size_t lengths_bytes = out.size() * sizeof(Length);
  if (bytes.size() < lengths_bytes) return fail(Code::kCorruption, "strings: their lengths are cut off");
  const uint8_t* lengths = bytes.data();
  uint64_t total = 0;
  for (size_t row = 0; row < out.size(); ++row) total += load_le<Length>(lengths + row * sizeof(Length));
  if (total != bytes.size() - lengths_bytes) {
    return fail(Code::kCorruption, "strings: lengths of " + std::to_string(total) + " bytes in all, " +
                                       std::to_string(bytes.size() - lengths_bytes) + " are there");
  }
  const char* text = reinterpret_cast<const char*>(lengths + lengths_bytes);
  const char* const end = text + total;
  for (size_t row = 0; row < out.size(); ++row) {
    const Length size = load_le<Length>(lengths + row * sizeof(Length));
    out[row] =
        end - text >= ptrdiff_t{StringRef::kInlineMax} ? make_ref(text, size) : StringRef(std::string_view(text, size));
    text += size;
  }
  return {};
}

template <class Length>
uint64_t sum_lengths(const uint8_t* lengths, size_t first, size_t last) {
  uint64_t sum = 0;
  for (size_t row = first; row < last; ++row) sum += load_le<Length>(lengths + row * sizeof(Length));
  return sum;
}

// Of 64 rows without a chosen one the lengths are added up, and their texts not touched.
template <class Length>
Status take_chosen_strings(ByteSpan bytes, std::span<const uint64_t> selected, std::span<StringRef> out) {
  const size_t lengths_bytes = out.size() * sizeof(Length);
  if (bytes.size() < lengths_bytes) return fail(Code::kCorruption, "strings: their lengths are cut off");
  const uint8_t* lengths = bytes.data();
  const char* text = reinterpret_cast<const char*>(lengths + lengths_bytes);
  const uint64_t there = bytes.size() - lengths_bytes;
  uint64_t at = 0;
  for (size_t first = 0; first < out.size(); first += 64) {
    const size_t last = std::min(first + 64, out.size());
    const uint64_t chosen = selected[first / 64];
    if (chosen == 0) {
      at += sum_lengths<Length>(lengths, first, last);
      continue;
    }
    for (size_t row = first; row < last; ++row) {
      const auto size = load_le<Length>(lengths + row * sizeof(Length));
      if ((chosen >> row % 64 & 1) != 0 && at + size <= there) out[row] = StringRef(std::string_view(text + at, size));
      at += size;
    }
  }
  if (at == there) return {};
  return fail(Code::kCorruption,
              "strings: lengths of " + std::to_string(at) + " bytes in all, " + std::to_string(there) + " are there");
}

}  // namespace

static_assert(limits::kStringBytesMax <= UINT16_MAX, "a length fits 2 bytes");

Encoding encode_strings(std::span<const StringRef> values, Bytes& out) {
  TALLY_CHECK(!values.empty());
  uint64_t total = 0;
  uint32_t longest = 0;
  bool all_same = true;
  for (const StringRef& value : values) {
    total += value.size();
    longest = std::max(longest, value.size());
    all_same = all_same && value == values[0];
  }
  TALLY_CHECK(longest <= limits::kStringBytesMax);
  if (all_same) {
    ByteWriter(out).bytes(as_bytes(values[0].view()));
    return Encoding::kOneString;
  }
  uint8_t width = longest <= UINT8_MAX ? 1 : 2;
  size_t at = out.size();
  out.resize(at + 1 + values.size() * width + total);
  out[at] = width;
  if (width == 1) put_strings<uint8_t>(values, out.data() + at + 1);
  if (width == 2) put_strings<uint16_t>(values, out.data() + at + 1);
  return Encoding::kStrings;
}

Status decode_strings(ByteSpan bytes, std::span<StringRef> out) {
  if (bytes.empty()) return fail(Code::kCorruption, "strings without the width of their lengths");
  if (bytes[0] == 1) return take_strings<uint8_t>(bytes.subspan(1), out);
  if (bytes[0] == 2) return take_strings<uint16_t>(bytes.subspan(1), out);
  return fail(Code::kCorruption, "strings: lengths of " + std::to_string(bytes[0]) + " bytes");
}

Status decode_strings_rows(ByteSpan bytes, std::span<const uint64_t> selected, std::span<StringRef> out) {
  if (bytes.empty()) return fail(Code::kCorruption, "strings without the width of their lengths");
  if (bytes[0] == 1) return take_chosen_strings<uint8_t>(bytes.subspan(1), selected, out);
  if (bytes[0] == 2) return take_chosen_strings<uint16_t>(bytes.subspan(1), selected, out);
  return fail(Code::kCorruption, "strings: lengths of " + std::to_string(bytes[0]) + " bytes");
}

Status decode_one_string(ByteSpan bytes, std::span<StringRef> out) {
  if (bytes.size() > limits::kStringBytesMax) {
    return fail(Code::kCorruption, "a string of " + std::to_string(bytes.size()) + " bytes");
  }
  std::fill(out.begin(), out.end(), StringRef(as_text(bytes)));
  return {};
}

}  // namespace tally

#include "engine/encoding/value_list.h"

#include <algorithm>

namespace tally {

namespace {

constexpr size_t kHeaderBytes = 6;
constexpr size_t kIntegerBytes = 8;

bool is_for_strings(Encoding encoding) {
  switch (encoding) {
    case Encoding::kStrings:
    case Encoding::kOneString:
    case Encoding::kStringDictionary:
    case Encoding::kNumberedStrings: return true;
    default: return false;
  }
}

// As integers, if all have 8 bytes and it is shorter than `part`, which is then replaced.
bool shorter_as_integers(std::span<const StringRef> values, ColumnEncoder& encoder, Bytes& part, Encoding& encoding) {
  auto eight = [](const StringRef& value) { return value.size() == kIntegerBytes; };
  if (!std::all_of(values.begin(), values.end(), eight)) return false;
  std::vector<int64_t> integers(values.size());
  for (size_t i = 0; i < values.size(); ++i) std::memcpy(&integers[i], values[i].data(), kIntegerBytes);
  Bytes other;
  BlockForm form = encoder.ints(integers, {}, other);
  if (other.size() >= part.size()) return false;
  part.swap(other);
  encoding = form.encoding;
  return true;
}

Status decode_integers_as_strings(Encoding encoding, ByteSpan bytes, std::span<StringRef> strings) {
  std::vector<int64_t> integers(strings.size());
  TALLY_TRY(decode_int_block(encoding, bytes, std::span(integers)));
  for (size_t i = 0; i < strings.size(); ++i) {
    strings[i] = StringRef(std::string_view(reinterpret_cast<const char*>(&integers[i]), kIntegerBytes));
  }
  return {};
}

}  // namespace

void encode_value_list(std::span<const uint32_t> codes, std::span<const StringRef> values, ColumnEncoder& encoder,
                       Bytes& raw) {
  TALLY_CHECK(!codes.empty() && codes.size() == values.size());
  Bytes part;
  BlockForm codes_form = encoder.codes(codes, part);
  raw.clear();
  ByteWriter out(raw);
  out.u8(static_cast<uint8_t>(codes_form.encoding));
  out.u8(0);
  out.u32(static_cast<uint32_t>(part.size()));
  out.bytes(part);
  BlockForm form = encoder.strings(values, part);
  TALLY_CHECK(form.flags == 0);  // no NULL
  shorter_as_integers(values, encoder, part, form.encoding);
  raw[1] = static_cast<uint8_t>(form.encoding);
  out.bytes(part);
}

Status decode_value_list(ByteSpan raw, size_t values, std::span<uint32_t> codes, std::span<StringRef> strings) {
  TALLY_CHECK(codes.size() == values && strings.size() == values);
  ByteReader in(raw);
  TALLY_ASSIGN_OR_RETURN(uint8_t codes_encoding, in.u8("the encoding of codes"));
  TALLY_ASSIGN_OR_RETURN(uint8_t strings_encoding, in.u8("the encoding of their strings"));
  TALLY_ASSIGN_OR_RETURN(uint32_t codes_bytes, in.u32("the bytes of codes"));
  TALLY_ASSIGN_OR_RETURN(ByteSpan codes_part, in.bytes(codes_bytes, "codes"));
  if (values == 0) return fail(Code::kCorruption, "a list of no values");
  TALLY_TRY(decode_codes_block({static_cast<Encoding>(codes_encoding), 0}, codes_part, codes));
  auto not_above = [](uint32_t code, uint32_t next) { return next <= code; };
  if (std::adjacent_find(codes.begin(), codes.end(), not_above) != codes.end()) {
    return fail(Code::kCorruption, "the codes of a list of values do not ascend");
  }
  ByteSpan strings_part = raw.subspan(kHeaderBytes + codes_bytes);
  auto encoding = static_cast<Encoding>(strings_encoding);
  if (!is_for_strings(encoding)) return decode_integers_as_strings(encoding, strings_part, strings);
  return decode_strings_block({encoding, 0}, strings_part, strings, {});
}

}  // namespace tally

#include "engine/dictionary_format.h"

#include <algorithm>

#include "base/checksum.h"

namespace tally::dictionary_format {

namespace {

std::unexpected<Error> corrupt(size_t offset, std::string what) {
  return fail(Code::kCorruption, "offset " + std::to_string(offset) + ": " + std::move(what));
}

void encode_part(const DictionaryRange& range, Bytes& out) {
  TALLY_CHECK(range.first_code >= kFirstValueCode && range.first_code <= range.end_code);
  ByteWriter writer(out);
  size_t start = out.size();
  writer.u32(range.dimension_id);
  writer.u32(range.first_code);
  writer.u32(range.end_code - range.first_code);
  writer.u32(0);
  writer.u64(0);
  writer.u64(0);
  for (uint32_t code = range.first_code; code < range.end_code; ++code) {
    size_t size = range.dictionary->value(code).size();
    TALLY_CHECK(size <= limits::kStringBytesMax);
    writer.u16(static_cast<uint16_t>(size));
  }
  for (uint32_t code = range.first_code; code < range.end_code; ++code) {
    writer.bytes(as_bytes(range.dictionary->value(code)));
  }
  size_t body = start + kPartHeaderBytes;
  writer.patch<uint64_t>(start + 16, out.size() - body);
  uint64_t seed = xxh3({out.data() + start, 24});
  writer.patch<uint64_t>(start + 24, xxh3({out.data() + body, out.size() - body}, seed));
}

struct Header {
  Contents contents;
  uint32_t parts = 0;
};

Result<Header> decode_header(ByteSpan bytes) {
  if (bytes.size() < kHeaderBytes) return corrupt(0, "the header is cut off");
  const uint8_t* at = bytes.data();
  if (as_text(bytes.first(kMagic.size())) != kMagic) return corrupt(0, "this is no dictionary file (no magic)");
  if (load_le<uint64_t>(at + 56) != xxh3(bytes.first(56))) return corrupt(0, "the sum of the header does not match");
  if (load_le<uint16_t>(at + 10) > kReaderVersion) {
    return fail(Code::kUnsupported, "it was written by a newer Tally (format version " +
                                        std::to_string(load_le<uint16_t>(at + 8)) + ", readable from version " +
                                        std::to_string(load_le<uint16_t>(at + 10)) + " on); this one knows version " +
                                        std::to_string(kReaderVersion));
  }
  if (load_le<uint16_t>(at + 8) < 1 || load_le<uint16_t>(at + 10) < 1 || load_le<uint64_t>(at + 48) != 0) {
    return corrupt(8, "a version of 0 or a reserved byte that is set");
  }
  if (load_le<uint64_t>(at + 40) != bytes.size()) {
    return corrupt(40, "the file has " + std::to_string(bytes.size()) + " bytes and was written with " +
                           std::to_string(load_le<uint64_t>(at + 40)));
  }
  Header header;
  header.parts = load_le<uint32_t>(at + 12);
  std::copy_n(at + 16, 16, header.contents.uuid.begin());
  header.contents.number = load_le<uint64_t>(at + 32);
  return header;
}

Status take_values(ByteSpan body, size_t offset, uint32_t values, Part& part) {
  uint64_t lengths_bytes = uint64_t{values} * sizeof(uint16_t);
  if (lengths_bytes > body.size()) return corrupt(offset, "the lengths of a part are cut off");
  uint64_t total = 0;
  for (uint32_t i = 0; i < values; ++i) total += load_le<uint16_t>(body.data() + i * sizeof(uint16_t));
  if (total != body.size() - lengths_bytes) return corrupt(offset, "the lengths of a part do not add up");
  part.values.reserve(values);
  const uint8_t* text = body.data() + lengths_bytes;
  for (uint32_t i = 0; i < values; ++i) {
    uint16_t size = load_le<uint16_t>(body.data() + i * sizeof(uint16_t));
    part.values.emplace_back(as_text({text, size}));
    text += size;
  }
  return {};
}

Result<Part> decode_part(ByteReader& in, ByteSpan bytes) {
  size_t start = in.offset();
  TALLY_ASSIGN_OR_RETURN(ByteSpan header, in.bytes(kPartHeaderBytes, "the header of a part"));
  Part part;
  part.dimension_id = load_le<uint32_t>(header.data());
  part.first_code = load_le<uint32_t>(header.data() + 4);
  uint32_t values = load_le<uint32_t>(header.data() + 8);
  uint64_t length = load_le<uint64_t>(header.data() + 16);
  if (length > bytes.size()) return corrupt(start, "a part is longer than the file");
  TALLY_ASSIGN_OR_RETURN(ByteSpan body, in.bytes(length, "a part"));
  if (load_le<uint64_t>(header.data() + 24) != xxh3(body, xxh3(header.first(24)))) {
    return corrupt(start, "the sum of a part does not match");
  }
  bool in_range = part.first_code >= kFirstValueCode && values <= limits::kDimensionValuesMax &&
                  part.first_code <= limits::kDimensionValuesMax + kFirstValueCode;
  if (load_le<uint32_t>(header.data() + 12) != 0 || !in_range)
    return corrupt(start, "the codes of a part are out of range");
  TALLY_TRY(take_values(body, start, values, part));
  return part;
}

}  // namespace

Bytes encode(const FileUuid& uuid, uint64_t number, std::span<const DictionaryRange> ranges) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.bytes(as_bytes(kMagic));
  out.u16(kFormatVersion);
  out.u16(kReaderVersion);
  out.u32(static_cast<uint32_t>(ranges.size()));
  out.bytes(uuid);
  out.u64(number);
  out.u64(0);
  out.u64(0);
  out.u64(0);
  for (const DictionaryRange& range : ranges) encode_part(range, bytes);
  out.patch<uint64_t>(40, bytes.size());
  out.patch<uint64_t>(56, xxh3({bytes.data(), 56}));
  return bytes;
}

Result<Contents> decode(ByteSpan bytes) {
  TALLY_ASSIGN_OR_RETURN(Header header, decode_header(bytes));
  ByteReader in(bytes);
  (void)in.bytes(kHeaderBytes, "the header");
  for (uint32_t i = 0; i < header.parts; ++i) {
    TALLY_ASSIGN_OR_RETURN(Part part, decode_part(in, bytes));
    header.contents.parts.push_back(std::move(part));
  }
  TALLY_TRY(in.expect_end("the file"));
  return std::move(header.contents);
}

}  // namespace tally::dictionary_format

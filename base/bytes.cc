#include "base/bytes.h"

namespace tally {

std::unexpected<Error> ByteReader::short_read(std::string_view what, size_t wanted) const {
  return fail(Code::kCorruption, std::string(what) + " at offset " + std::to_string(offset_) + " needs " +
                                     std::to_string(wanted) + " bytes, " + std::to_string(remaining()) + " are left");
}

Result<uint64_t> ByteReader::varint(std::string_view what) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_end()) return short_read(what, 1);
    uint8_t byte = bytes_[offset_++];
    if (shift == 63 && byte > 1) break;
    value |= uint64_t{byte & 0x7Fu} << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return fail(Code::kCorruption,
              std::string(what) + " at offset " + std::to_string(offset_) + " is a varint above 64 bits");
}

Result<ByteSpan> ByteReader::bytes(size_t count, std::string_view what) {
  if (remaining() < count) return short_read(what, count);
  ByteSpan view = bytes_.subspan(offset_, count);
  offset_ += count;
  return view;
}

Result<std::string_view> ByteReader::string(size_t max, std::string_view what) {
  TALLY_ASSIGN_OR_RETURN(uint32_t length, u32(what));
  if (length > max) {
    return fail(Code::kCorruption, std::string(what) + " at offset " + std::to_string(offset_) + " has length " +
                                       std::to_string(length) + ", above the limit of " + std::to_string(max));
  }
  TALLY_ASSIGN_OR_RETURN(ByteSpan view, bytes(length, what));
  return as_text(view);
}

Status ByteReader::expect_end(std::string_view what) const {
  if (at_end()) return {};
  return fail(Code::kCorruption, std::string(what) + " has " + std::to_string(remaining()) +
                                     " bytes too many after offset " + std::to_string(offset_));
}

Status ByteReader::expect_zero(size_t count, std::string_view what) {
  TALLY_ASSIGN_OR_RETURN(ByteSpan view, bytes(count, what));
  for (size_t i = 0; i < count; ++i) {
    if (view[i] != 0) {
      return fail(Code::kCorruption,
                  std::string(what) + " at offset " + std::to_string(offset_ - count + i) + " is not zero");
    }
  }
  return {};
}

void ByteWriter::varint(uint64_t value) {
  while (value >= 0x80) {
    u8(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  u8(static_cast<uint8_t>(value));
}

void ByteWriter::string(std::string_view value) {
  TALLY_CHECK(value.size() <= UINT32_MAX);
  u32(static_cast<uint32_t>(value.size()));
  bytes(as_bytes(value));
}

std::string hex(ByteSpan bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

}  // namespace tally

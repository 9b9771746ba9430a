#include "server/frame.h"

#include <zlib.h>

#include "base/checksum.h"
#include "server/limits.h"

namespace tally {
namespace {

constexpr std::string_view kMagic = "TLYF";
constexpr size_t kHeadSumAt = 32;

const char* const kTypeNames[] = {"HELLO", "WELCOME", "BATCH", "RESULT", "QUERY", "COLUMNS", "ROWS",
                                  "END",   "CANCEL",  "ERROR", "PING",   "PONG",  "GOODBYE", "PROGRESS"};

bool known_type(uint8_t type) { return type >= 1 && type <= std::size(kTypeNames); }

uint64_t crc(uint64_t before, ByteSpan bytes) {
  return ::crc32_z(static_cast<uLong>(before), bytes.data(), bytes.size());
}

// Of the header up to its own sum, and the fields.
uint64_t head_sum(WireChecksum kind, ByteSpan header, ByteSpan fields) {
  header = header.first(kHeadSumAt);
  if (kind == WireChecksum::kCrc32) return fields.empty() ? crc(0, header) : crc(crc(0, header), fields);
  Xxh3Stream stream;
  stream.update(header);
  stream.update(fields);
  return stream.digest();
}

std::string too_long(FrameType type, const char* part, uint64_t bytes, uint64_t max) {
  return "a " + std::string(frame_type_name(type)) + " frame with " + std::to_string(bytes) + " bytes of " + part +
         ": it may have " + std::to_string(max);
}

}  // namespace

std::string_view frame_type_name(FrameType type) {
  const auto number = static_cast<uint8_t>(type);
  return known_type(number) ? kTypeNames[number - 1] : "unknown";
}

uint64_t wire_checksum(WireChecksum kind, ByteSpan bytes) {
  if (bytes.empty()) return kind == WireChecksum::kCrc32 ? 0 : xxh3(bytes);
  return kind == WireChecksum::kCrc32 ? crc(0, bytes) : xxh3(bytes);
}

FrameSizes frame_sizes(FrameType type) {
  switch (type) {
    case FrameType::kHello: return {limits::kHelloFieldsMax, 0};
    case FrameType::kBatch: return {limits::kBatchFieldsMax, limits::kBatchDataMax};
    case FrameType::kResult: return {limits::kResultFieldsMax, 0};
    case FrameType::kQuery: return {limits::kQueryFieldsMax, 0};
    case FrameType::kColumns: return {limits::kColumnsFieldsMax, 0};
    case FrameType::kRows: return {limits::kPlainFieldsMax, limits::kRowsDataMax};
    case FrameType::kCancel:
    case FrameType::kPing:
    case FrameType::kPong: return {0, 0};
    case FrameType::kWelcome:
    case FrameType::kEnd:
    case FrameType::kError:
    case FrameType::kGoodbye:
    case FrameType::kProgress: break;
  }
  return {2 * limits::kPlainFieldsMax, 0};
}

Wire<FrameHeader> decode_frame_header(ByteSpan bytes) {
  TALLY_CHECK(bytes.size() == kFrameHeaderBytes);
  if (as_text(bytes.first(4)) != kMagic) return wire_fail(WireStatus::kBadFrame, "these bytes are no frame: no TLYF");
  if (bytes[4] != kProtocolVersion) {
    return wire_fail(WireStatus::kBadFrame, "a frame of protocol version " + std::to_string(bytes[4]) + ": this is 1");
  }
  if (!known_type(bytes[5])) {
    return wire_fail(WireStatus::kBadFrame, "there is no frame type " + std::to_string(bytes[5]));
  }
  if ((bytes[6] != 1 && bytes[6] != 2) || bytes[7] != 0) {
    return wire_fail(WireStatus::kBadFrame, "a frame whose checksum is neither CRC-32 nor XXH3-64");
  }
  FrameHeader header{.type = static_cast<FrameType>(bytes[5]),
                     .checksum = static_cast<WireChecksum>(bytes[6]),
                     .fields_bytes = load_le<uint32_t>(bytes.data() + 8),
                     .data_bytes = load_le<uint32_t>(bytes.data() + 12),
                     .sequence = load_le<uint64_t>(bytes.data() + 16),
                     .data_sum = load_le<uint64_t>(bytes.data() + 24),
                     .head_sum = load_le<uint64_t>(bytes.data() + kHeadSumAt)};
  const FrameSizes sizes = frame_sizes(header.type);
  if (header.fields_bytes > sizes.fields_max) {
    return wire_fail(WireStatus::kBadFrame, too_long(header.type, "fields", header.fields_bytes, sizes.fields_max));
  }
  if (header.data_bytes > sizes.data_max) {
    return wire_fail(WireStatus::kBadFrame, too_long(header.type, "data", header.data_bytes, sizes.data_max));
  }
  if (header.data_bytes == 0 && header.data_sum != 0) {
    return wire_fail(WireStatus::kBadFrame, "a frame without data, but with a checksum of it");
  }
  return header;
}

Wire<void> check_head(ByteSpan header_bytes, ByteSpan fields) {
  const auto kind = static_cast<WireChecksum>(header_bytes[6]);
  if (head_sum(kind, header_bytes, fields) == load_le<uint64_t>(header_bytes.data() + kHeadSumAt)) return {};
  return wire_fail(WireStatus::kBadChecksum, "the checksum of a frame's header and fields does not match");
}

Wire<void> check_data(const FrameHeader& header, ByteSpan data) {
  if (data.empty() || wire_checksum(header.checksum, data) == header.data_sum) return {};
  return wire_fail(WireStatus::kDamaged, "the checksum of a frame's data does not match: send it again");
}

Bytes encode_frame_head(FrameType type, uint64_t sequence, WireChecksum checksum, ByteSpan fields, uint32_t data_bytes,
                        uint64_t data_sum) {
  Bytes out;
  out.reserve(kFrameHeaderBytes + fields.size() + data_bytes);
  ByteWriter writer(out);
  writer.bytes(as_bytes(kMagic));
  writer.u8(kProtocolVersion);
  writer.u8(static_cast<uint8_t>(type));
  writer.u8(static_cast<uint8_t>(checksum));
  writer.u8(0);
  writer.u32(static_cast<uint32_t>(fields.size()));
  writer.u32(data_bytes);
  writer.u64(sequence);
  writer.u64(data_bytes == 0 ? 0 : data_sum);
  writer.u64(head_sum(checksum, out, fields));
  writer.bytes(fields);
  return out;
}

Bytes encode_frame(FrameType type, uint64_t sequence, WireChecksum checksum, ByteSpan fields, ByteSpan data) {
  Bytes out = encode_frame_head(type, sequence, checksum, fields, static_cast<uint32_t>(data.size()),
                                data.empty() ? 0 : wire_checksum(checksum, data));
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

Wire<std::optional<FrameView>> next_frame(ByteSpan bytes) {
  if (bytes.size() < kFrameHeaderBytes) return std::nullopt;
  const ByteSpan header_bytes = bytes.first(kFrameHeaderBytes);
  Wire<FrameHeader> header = decode_frame_header(header_bytes);
  if (!header) return std::unexpected(header.error());
  const size_t whole = kFrameHeaderBytes + size_t{header->fields_bytes} + header->data_bytes;
  if (bytes.size() < whole) return std::nullopt;
  FrameView frame{.header = *header,
                  .fields = bytes.subspan(kFrameHeaderBytes, header->fields_bytes),
                  .data = bytes.subspan(kFrameHeaderBytes + header->fields_bytes, header->data_bytes)};
  if (auto good = check_head(header_bytes, frame.fields); !good) return std::unexpected(good.error());
  if (auto good = check_data(*header, frame.data); !good) return std::unexpected(good.error());
  return frame;
}

}  // namespace tally

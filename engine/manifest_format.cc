#include "engine/manifest_format.h"

#include "base/checksum.h"
#include "base/file_names.h"
#include "base/limits.h"

namespace tally::manifest_format {

namespace {

constexpr std::string_view kEpochWord = " epoch ";
constexpr std::string_view kSumWord = " sum ";

std::string current_body(const Current& current) {
  return manifest_name(current.number).append(kEpochWord).append(hex(current.epoch));
}

std::string current_text(const Current& current) {
  std::string body = current_body(current);
  uint64_t sum = xxh3(as_bytes(body));
  uint8_t sum_bytes[8];
  for (int i = 0; i < 8; ++i) sum_bytes[i] = static_cast<uint8_t>(sum >> (56 - 8 * i));
  return body.append(kSumWord).append(hex(sum_bytes)).append("\n");
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::unexpected<Error> corrupt(std::string message) { return fail(Code::kCorruption, std::move(message)); }

}  // namespace

std::string encode_current(const Current& current) { return current_text(current); }

Result<Current> decode_current(std::string_view text) {
  size_t space = text.find(' ');
  std::string_view name = text.substr(0, space);
  ParsedName parsed = parse_file_name(name);
  if (space == std::string_view::npos || parsed.kind != FileKind::kManifest || parsed.temporary) {
    return corrupt("it names no manifest");
  }
  Current current;
  current.number = parsed.number;
  size_t at = space + kEpochWord.size();
  for (size_t i = 0; i < current.epoch.size() && at + 2 * i + 1 < text.size(); ++i) {
    int high = hex_digit(text[at + 2 * i]);
    int low = hex_digit(text[at + 2 * i + 1]);
    if (high < 0 || low < 0) return corrupt("its epoch is no hexadecimal number");
    current.epoch[i] = static_cast<uint8_t>(high << 4 | low);
  }
  // Comparing with what would have been written checks every byte, the sum included.
  if (current_text(current) != text) return corrupt("its sum does not match its text");
  return current;
}

void encode_file_header(const FileHeader& header, ByteWriter& out) {
  size_t start = out.size();
  Bytes bytes;
  ByteWriter fields(bytes);
  fields.bytes(as_bytes(kMagic));
  fields.u16(kFormatVersion);
  fields.u16(header.min_reader_version);
  fields.u32(0);
  fields.bytes(header.epoch);
  fields.bytes(header.table_uuid);
  fields.u64(header.number);
  fields.u64(xxh3(bytes));
  out.bytes(bytes);
  TALLY_CHECK(out.size() - start == kFileHeaderBytes);
}

Result<FileHeader> decode_file_header(ByteSpan bytes) {
  if (bytes.size() < kFileHeaderBytes) {
    return corrupt("the file has " + std::to_string(bytes.size()) + " bytes, its header needs 64");
  }
  const uint8_t* at = bytes.data();
  if (as_text(bytes.first(kMagic.size())) != kMagic) {
    return corrupt("offset 0: this is no manifest (no magic)");
  }
  uint16_t min_reader = load_le<uint16_t>(at + 10);
  if (load_le<uint64_t>(at + 56) != xxh3(bytes.first(56))) {
    return corrupt("offset 0: the sum of the file header does not match");
  }
  if (min_reader > kReaderVersion) {
    return fail(Code::kUnsupported, "it was written by a newer Tally (format version " +
                                        std::to_string(load_le<uint16_t>(at + 8)) + ", readable from version " +
                                        std::to_string(min_reader) + " on); this one knows version " +
                                        std::to_string(kReaderVersion));
  }
  if (load_le<uint16_t>(at + 8) < 1 || min_reader < 1 || load_le<uint32_t>(at + 12) != 0) {
    return corrupt("offset 8: a version of 0 or a reserved byte that is set");
  }
  FileHeader header;
  header.min_reader_version = min_reader;
  std::copy_n(at + 16, 16, header.epoch.begin());
  std::copy_n(at + 32, 16, header.table_uuid.begin());
  header.number = load_le<uint64_t>(at + 48);
  return header;
}

uint64_t align_frame(uint64_t bytes) { return (bytes + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment; }

uint64_t epoch_root(const Epoch& epoch) { return load_le<uint64_t>(epoch.data()); }

void encode_frame(const Epoch& epoch, Frame& frame, ByteWriter& out) {
  frame.link = xxh3(frame.payload, frame.previous_link ^ frame.edit_number);
  Bytes bytes;
  ByteWriter header(bytes);
  header.u32(kFrameMagic);
  header.u8(static_cast<uint8_t>(frame.kind));
  header.u8(frame.copy);
  header.u16(0);
  header.u64(frame.edit_number);
  header.u64(frame.payload.size());
  header.u64(frame.file_bytes);
  header.u64(frame.previous_link);
  header.u64(frame.link);
  header.u64(xxh3(epoch));
  header.u64(xxh3(bytes));
  TALLY_CHECK(bytes.size() == kFrameHeaderBytes);
  out.bytes(bytes);
  out.bytes(frame.payload);
  frame.end = align_frame(out.size());
  out.zeros(frame.end - out.size());
}

Result<Frame> decode_frame(const Epoch& epoch, ByteSpan file, uint64_t offset) {
  if (offset > file.size() || file.size() - offset < kFrameHeaderBytes) return corrupt("the frame is cut off");
  const uint8_t* at = file.data() + offset;
  if (load_le<uint32_t>(at) != kFrameMagic) return corrupt("no frame begins here");
  if (load_le<uint64_t>(at + 56) != xxh3({at, 56})) return corrupt("the sum of the frame header does not match");
  if (load_le<uint64_t>(at + 48) != xxh3(epoch)) return corrupt("the frame belongs to another file");
  uint8_t kind = at[4];
  if ((kind != 1 && kind != 2) || at[5] > 1 || load_le<uint16_t>(at + 6) != 0) {
    return corrupt("the frame is of an unknown kind");
  }
  Frame frame;
  frame.kind = static_cast<FrameKind>(kind);
  frame.copy = at[5];
  frame.edit_number = load_le<uint64_t>(at + 8);
  frame.file_bytes = load_le<uint64_t>(at + 24);
  frame.previous_link = load_le<uint64_t>(at + 32);
  frame.link = load_le<uint64_t>(at + 40);
  uint64_t length = load_le<uint64_t>(at + 16);
  uint64_t payload_at = offset + kFrameHeaderBytes;
  if (length > file.size() - payload_at) return corrupt("the frame's payload is cut off");
  frame.payload = file.subspan(payload_at, length);
  if (frame.link != xxh3(frame.payload, frame.previous_link ^ frame.edit_number)) {
    return corrupt("the sum of the frame's payload does not match");
  }
  frame.end = align_frame(payload_at + length);
  if (frame.end > file.size()) return corrupt("the frame's padding is cut off");
  for (uint64_t i = payload_at + length; i < frame.end; ++i) {
    if (file[i] != 0) return corrupt("the frame's padding is not zero");
  }
  return frame;
}

}  // namespace tally::manifest_format

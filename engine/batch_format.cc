#include "engine/batch_format.h"

#include <lz4.h>

#include <algorithm>
#include <cstring>

#include "base/limits.h"

namespace tally {
namespace {

std::unexpected<Error> invalid(std::string message) {
  return fail(Code::kInvalidArgument, "batch: " + std::move(message));
}

// No LZ4 block inflates by more: a claim above it is false, and is refused before memory is taken for it.
constexpr uint64_t kLz4RatioMax = 255;

Status check_header(const BatchHeader& header, uint16_t columns, size_t remaining) {
  if ((header.flags & ~kBatchFlagLz4) != 0) return invalid("unknown flags");
  if (header.rows > limits::kBatchRowsMax) {
    return invalid(std::to_string(header.rows) + " rows, at most " + std::to_string(limits::kBatchRowsMax) +
                   " are possible");
  }
  if (columns > limits::kColumnsMax) return invalid(std::to_string(columns) + " columns");
  if (header.body_bytes > limits::kBatchBytesMax) {
    return invalid("a body of " + std::to_string(header.body_bytes) + " bytes, at most " +
                   std::to_string(limits::kBatchBytesMax) + " are possible");
  }
  uint64_t behind_header = columns * kBatchEntryBytes + uint64_t{header.stored_bytes};
  if (behind_header != remaining) {
    return invalid("directory and body have " + std::to_string(behind_header) + " bytes, " + std::to_string(remaining) +
                   " are there");
  }
  bool compressed = (header.flags & kBatchFlagLz4) != 0;
  if (!compressed && header.stored_bytes != header.body_bytes) {
    return invalid("an uncompressed body whose two sizes differ");
  }
  if (compressed && header.body_bytes > header.stored_bytes * kLz4RatioMax) {
    return invalid("a body that cannot inflate to " + std::to_string(header.body_bytes) + " bytes");
  }
  return {};
}

Result<BatchEntry> decode_entry(ByteReader& in) {
  BatchEntry entry;
  TALLY_ASSIGN_OR_RETURN(entry.column_id, in.u32("column id"));
  TALLY_ASSIGN_OR_RETURN(uint8_t encoding, in.u8("column encoding"));
  TALLY_ASSIGN_OR_RETURN(uint8_t flags, in.u8("column flags"));
  TALLY_TRY(in.expect_zero(2, "reserved bytes of the directory"));
  TALLY_ASSIGN_OR_RETURN(entry.bytes, in.u32("column bytes"));
  entry.encoding = static_cast<ColumnEncoding>(encoding);
  entry.has_nulls = (flags & kColumnFlagNulls) != 0;
  std::string where = "column id " + std::to_string(entry.column_id) + ": ";
  if (encoding < static_cast<uint8_t>(ColumnEncoding::kInts) ||
      encoding > static_cast<uint8_t>(ColumnEncoding::kIntDictionary)) {
    return invalid(where + "unknown encoding " + std::to_string(encoding));
  }
  bool nullable = entry.encoding == ColumnEncoding::kInts || entry.encoding == ColumnEncoding::kStrings;
  if (flags > kColumnFlagNulls || (entry.has_nulls && !nullable)) {
    return invalid(where + "unknown flags");
  }
  return entry;
}

Status check_directory(const BatchHeader& header) {
  uint64_t bytes = 0;
  std::vector<uint32_t> ids;
  for (const BatchEntry& entry : header.columns) {
    bytes += entry.bytes;
    ids.push_back(entry.column_id);
  }
  if (bytes != header.body_bytes) {
    return invalid("columns of " + std::to_string(bytes) + " bytes in a body of " + std::to_string(header.body_bytes));
  }
  std::ranges::sort(ids);
  if (auto twice = std::ranges::adjacent_find(ids); twice != ids.end()) {
    return invalid("column id " + std::to_string(*twice) + " comes twice");
  }
  return {};
}

}  // namespace

void encode_batch_header(const BatchHeader& header, ByteWriter& out) {
  out.bytes(kBatchMagic);
  out.u16(kBatchFormatVersion);
  out.u16(header.flags);
  out.u32(header.schema_version);
  out.u32(header.rows);
  out.u16(static_cast<uint16_t>(header.columns.size()));
  out.zeros(2);
  out.u32(header.body_bytes);
  out.u32(header.stored_bytes);
  out.zeros(4);
  for (const BatchEntry& entry : header.columns) {
    out.u32(entry.column_id);
    out.u8(static_cast<uint8_t>(entry.encoding));
    out.u8(entry.has_nulls ? kColumnFlagNulls : 0);
    out.zeros(2);
    out.u32(entry.bytes);
  }
}

Result<BatchHeader> decode_batch_header(ByteReader& in) {
  if (in.remaining() < kBatchHeaderBytes) return invalid("shorter than its header");
  TALLY_ASSIGN_OR_RETURN(ByteSpan magic, in.bytes(sizeof kBatchMagic, "magic"));
  if (std::memcmp(magic.data(), kBatchMagic, sizeof kBatchMagic) != 0) {
    return invalid("does not begin with TBAT");
  }
  TALLY_ASSIGN_OR_RETURN(uint16_t version, in.u16("format version"));
  if (version != kBatchFormatVersion) {
    return fail(Code::kUnsupported, "batch: format version " + std::to_string(version) + " is not known to this build");
  }
  BatchHeader header;
  TALLY_ASSIGN_OR_RETURN(header.flags, in.u16("flags"));
  TALLY_ASSIGN_OR_RETURN(header.schema_version, in.u32("schema version"));
  TALLY_ASSIGN_OR_RETURN(header.rows, in.u32("rows"));
  TALLY_ASSIGN_OR_RETURN(uint16_t columns, in.u16("columns"));
  TALLY_TRY(in.expect_zero(2, "reserved bytes of the header"));
  TALLY_ASSIGN_OR_RETURN(header.body_bytes, in.u32("body bytes"));
  TALLY_ASSIGN_OR_RETURN(header.stored_bytes, in.u32("stored bytes"));
  TALLY_TRY(in.expect_zero(4, "reserved bytes of the header"));
  TALLY_TRY(check_header(header, columns, in.remaining()));
  header.columns.reserve(columns);
  for (uint16_t i = 0; i < columns; ++i) {
    TALLY_ASSIGN_OR_RETURN(BatchEntry entry, decode_entry(in));
    header.columns.push_back(entry);
  }
  TALLY_TRY(check_directory(header));
  return header;
}

Bytes deflate_body(ByteSpan body) {
  if (body.empty()) return {};
  int size = static_cast<int>(body.size());
  Bytes out(static_cast<size_t>(LZ4_compressBound(size)));
  int packed = LZ4_compress_default(reinterpret_cast<const char*>(body.data()), reinterpret_cast<char*>(out.data()),
                                    size, static_cast<int>(out.size()));
  if (packed <= 0 || packed >= size) return {};
  out.resize(static_cast<size_t>(packed));
  return out;
}

Result<Bytes> inflate_body(ByteSpan stored, uint32_t body_bytes) {
  // LZ4 makes at most 255 bytes of one: what claims more is not worth the memory.
  constexpr uint64_t kGrowthMax = 255;
  if (body_bytes > kGrowthMax * stored.size()) return invalid("its LZ4 body is too short for what it claims to hold");
  Bytes out(body_bytes);
  int inflated = LZ4_decompress_safe(reinterpret_cast<const char*>(stored.data()), reinterpret_cast<char*>(out.data()),
                                     static_cast<int>(stored.size()), static_cast<int>(body_bytes));
  if (inflated < 0 || static_cast<uint32_t>(inflated) != body_bytes) {
    return invalid("its LZ4 body does not inflate to " + std::to_string(body_bytes) + " bytes");
  }
  return out;
}

}  // namespace tally

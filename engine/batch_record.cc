#include "engine/batch_record.h"

#include "base/limits.h"

namespace tally {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kReplayFlag = 1;
constexpr uint32_t kRejectedTextMax = 64 * 1024;

Result<DictionaryAddition> decode_addition(ByteReader& in) {
  DictionaryAddition addition;
  TALLY_ASSIGN_OR_RETURN(addition.dimension_id, in.u32("dimension id"));
  TALLY_ASSIGN_OR_RETURN(addition.first_code, in.u32("first code"));
  TALLY_ASSIGN_OR_RETURN(uint32_t count, in.u32("number of values"));
  if (count > in.remaining() / 4) return fail(Code::kCorruption, "number of dictionary values is above the bytes left");
  addition.values.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    TALLY_ASSIGN_OR_RETURN(std::string_view value, in.string(limits::kStringBytesMax, "dictionary value"));
    addition.values.push_back(value);
  }
  return addition;
}

Result<RejectedRow> decode_rejected_row(ByteReader& in) {
  RejectedRow row;
  TALLY_ASSIGN_OR_RETURN(row.source_row, in.u64("source row"));
  TALLY_ASSIGN_OR_RETURN(std::string_view code, in.string(kRejectedTextMax, "reject code"));
  TALLY_ASSIGN_OR_RETURN(std::string_view message, in.string(kRejectedTextMax, "reject message"));
  TALLY_ASSIGN_OR_RETURN(std::string_view raw, in.string(kRejectedTextMax, "rejected row"));
  row.code = code;
  row.message = message;
  row.raw = raw;
  return row;
}

}  // namespace

Bytes encode_rejected_rows(std::span<const RejectedRow> rows) {
  Bytes bytes;
  ByteWriter out(bytes);
  for (const RejectedRow& row : rows) {
    out.u64(row.source_row);
    out.string(std::string_view(row.code).substr(0, kRejectedTextMax));
    out.string(std::string_view(row.message).substr(0, kRejectedTextMax));
    out.string(std::string_view(row.raw).substr(0, limits::kRejectedRawBytesMax));
  }
  return bytes;
}

void encode_batch_meta(const BatchMeta& meta, ByteSpan encoded_rejected_rows, Bytes& bytes) {
  ByteWriter out(bytes);
  out.u8(kVersion);
  out.u8(meta.replay ? kReplayFlag : 0);
  out.u16(0);
  out.u32(meta.schema_version);
  out.u32(static_cast<uint32_t>(meta.additions.size()));
  for (const DictionaryAddition& addition : meta.additions) {
    out.u32(addition.dimension_id);
    out.u32(addition.first_code);
    out.u32(static_cast<uint32_t>(addition.values.size()));
    for (std::string_view value : addition.values) out.string(value);
  }
  out.u32(meta.rejected_count);
  out.bytes(encoded_rejected_rows);
}

Result<DecodedBatchMeta> decode_batch_meta(ByteSpan bytes) {
  ByteReader in(bytes);
  DecodedBatchMeta decoded;
  TALLY_ASSIGN_OR_RETURN(uint8_t version, in.u8("batch meta version"));
  if (version != kVersion) {
    return fail(Code::kUnsupported, "batch meta version " + std::to_string(version) + " is newer than this build");
  }
  TALLY_ASSIGN_OR_RETURN(uint8_t flags, in.u8("batch meta flags"));
  if ((flags & ~kReplayFlag) != 0) return fail(Code::kCorruption, "batch meta has unknown flags");
  decoded.meta.replay = (flags & kReplayFlag) != 0;
  TALLY_TRY(in.expect_zero(2, "batch meta reserved bytes"));
  TALLY_ASSIGN_OR_RETURN(decoded.meta.schema_version, in.u32("schema version"));
  TALLY_ASSIGN_OR_RETURN(uint32_t additions, in.u32("number of dictionary additions"));
  if (additions > limits::kColumnsMax) return fail(Code::kCorruption, "more dictionary additions than columns");
  for (uint32_t i = 0; i < additions; ++i) {
    TALLY_ASSIGN_OR_RETURN(DictionaryAddition addition, decode_addition(in));
    decoded.meta.additions.push_back(std::move(addition));
  }
  TALLY_ASSIGN_OR_RETURN(decoded.meta.rejected_count, in.u32("number of rejected rows"));
  if (decoded.meta.rejected_count > in.remaining() / 20) {
    return fail(Code::kCorruption, "number of rejected rows is above the bytes left");
  }
  for (uint32_t i = 0; i < decoded.meta.rejected_count; ++i) {
    TALLY_ASSIGN_OR_RETURN(RejectedRow row, decode_rejected_row(in));
    decoded.rejected.push_back(std::move(row));
  }
  TALLY_TRY(in.expect_end("batch meta"));
  return decoded;
}

}  // namespace tally

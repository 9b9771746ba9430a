#include "engine/batch_record.h"

#include "base/limits.h"

namespace tally {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kReplayFlag = 1;
constexpr uint32_t kNoteTextMax = 64 * 1024;

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

Result<BatchSource> decode_source(ByteReader& in) {
  BatchSource source;
  TALLY_ASSIGN_OR_RETURN(source.name, in.string(kNoteTextMax, "source name"));
  TALLY_ASSIGN_OR_RETURN(source.header, in.string(kNoteTextMax, "source header"));
  TALLY_ASSIGN_OR_RETURN(source.mapping, in.string(kNoteTextMax, "source mapping"));
  TALLY_ASSIGN_OR_RETURN(uint8_t format, in.u8("source format"));
  if (format > static_cast<uint8_t>(RawFormat::kNdjson)) return fail(Code::kCorruption, "unknown source format");
  source.format = static_cast<RawFormat>(format);
  return source;
}

Result<RejectedRow> decode_rejected_row(ByteReader& in) {
  RejectedRow row;
  TALLY_ASSIGN_OR_RETURN(row.source_row, in.u64("source row"));
  TALLY_ASSIGN_OR_RETURN(uint8_t cut, in.u8("flag of a rejected row"));
  if (cut > 1) return fail(Code::kCorruption, "a rejected row has unknown flags");
  row.cut = cut != 0;
  TALLY_ASSIGN_OR_RETURN(row.code, in.string(kNoteTextMax, "reject code"));
  TALLY_ASSIGN_OR_RETURN(row.message, in.string(kNoteTextMax, "reject message"));
  TALLY_ASSIGN_OR_RETURN(row.raw, in.string(limits::kRejectedRawBytesMax, "rejected row"));
  return row;
}

// A count of items of at least `bytes` each.
Result<uint32_t> decode_count(ByteReader& in, size_t bytes, std::string_view what) {
  TALLY_ASSIGN_OR_RETURN(uint32_t count, in.u32(what));
  if (count > in.remaining() / bytes) return fail(Code::kCorruption, std::string(what) + " is above the bytes left");
  return count;
}

Result<BatchNotes> decode_notes(ByteReader& in) {
  BatchNotes notes;
  TALLY_ASSIGN_OR_RETURN(notes.source, decode_source(in));
  TALLY_ASSIGN_OR_RETURN(uint32_t runs, decode_count(in, 12, "number of runs of source rows"));
  for (uint32_t i = 0; i < runs; ++i) {
    SourceRun run;
    TALLY_ASSIGN_OR_RETURN(run.row, in.u32("a run of source rows"));
    TALLY_ASSIGN_OR_RETURN(run.source_row, in.u64("a run of source rows"));
    if (i > 0 && run.row <= notes.source_rows.back().row) {
      return fail(Code::kCorruption, "runs of source rows are out of order");
    }
    notes.source_rows.push_back(run);
  }
  TALLY_ASSIGN_OR_RETURN(uint32_t rejected, decode_count(in, 21, "number of rejected rows"));
  for (uint32_t i = 0; i < rejected; ++i) {
    TALLY_ASSIGN_OR_RETURN(RejectedRow row, decode_rejected_row(in));
    notes.rejected.push_back(std::move(row));
  }
  TALLY_ASSIGN_OR_RETURN(uint32_t replays, decode_count(in, 12, "number of replayed letters"));
  for (uint32_t i = 0; i < replays; ++i) {
    LetterId id;
    TALLY_ASSIGN_OR_RETURN(id.lsn, in.u64("a replayed letter"));
    TALLY_ASSIGN_OR_RETURN(id.row, in.u32("a replayed letter"));
    notes.replays.push_back(id);
  }
  return notes;
}

void trim(std::string& text, size_t bytes_max) {
  if (text.size() > bytes_max) text.resize(bytes_max);
}

}  // namespace

void trim_notes(BatchNotes& notes) {
  BatchSource& source = notes.source;
  if (notes.rejected.empty()) source = {.name = std::move(source.name), .header = {}, .mapping = {}};
  trim(source.name, kNoteTextMax);
  // A header or mapping that lacks its end says something else: then there is no reading the raw text again.
  if (source.header.size() > kNoteTextMax || source.mapping.size() > kNoteTextMax) {
    source.header.clear();
    source.mapping.clear();
    source.format = RawFormat::kNone;
  }
  for (RejectedRow& row : notes.rejected) {
    trim(row.code, kNoteTextMax);
    trim(row.message, kNoteTextMax);
    row.cut |= row.raw.size() > limits::kRejectedRawBytesMax;
    trim(row.raw, limits::kRejectedRawBytesMax);
  }
}

Bytes encode_notes(const BatchNotes& notes) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.string(notes.source.name);
  out.string(notes.source.header);
  out.string(notes.source.mapping);
  out.u8(static_cast<uint8_t>(notes.source.format));
  out.u32(static_cast<uint32_t>(notes.source_rows.size()));
  for (const SourceRun& run : notes.source_rows) {
    out.u32(run.row);
    out.u64(run.source_row);
  }
  out.u32(static_cast<uint32_t>(notes.rejected.size()));
  for (const RejectedRow& row : notes.rejected) {
    out.u64(row.source_row);
    out.u8(row.cut);
    out.string(row.code);
    out.string(row.message);
    out.string(row.raw);
  }
  out.u32(static_cast<uint32_t>(notes.replays.size()));
  for (const LetterId& id : notes.replays) {
    out.u64(id.lsn);
    out.u32(id.row);
  }
  return bytes;
}

void encode_batch_meta(const BatchMeta& meta, ByteSpan encoded_notes, Bytes& bytes) {
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
  out.bytes(encoded_notes);
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
  TALLY_ASSIGN_OR_RETURN(decoded.notes, decode_notes(in));
  TALLY_TRY(in.expect_end("batch meta"));
  return decoded;
}

}  // namespace tally

#include "engine/segment_format.h"

#include <algorithm>

#include "base/checksum.h"
#include "engine/encoding/string_list.h"
#include "engine/encoding/value_list.h"

namespace tally::segment_format {

namespace {

std::unexpected<Error> corrupt(std::string message) { return fail(Code::kCorruption, std::move(message)); }

bool all_zero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

}  // namespace

std::string_view column_form_name(ColumnForm form) {
  switch (form) {
    case ColumnForm::kBytes: return "bytes";
    case ColumnForm::kCodes: return "codes";
    case ColumnForm::kInts: return "integers";
    case ColumnForm::kStrings: return "strings";
    case ColumnForm::kIds: return "ids";
  }
  return "unknown";
}

std::string form_name(BlockForm form) {
  std::string name(encoding_name(form.encoding));
  if ((form.flags & kBlockOfRecord) != 0) name += "+of_record";
  if ((form.flags & kBlockNulls) != 0) name += "+nulls";
  if ((form.flags & kBlockLz4) != 0) name += "+lz4";
  return name;
}

std::string column_name(const Schema& schema, uint32_t column_id) {
  switch (column_id) {
    case kKindColumn: return "_kind";
    case kLsnColumn: return "_lsn";
    case kArrivalColumn: return "_arrival";
    default: break;
  }
  if (column_id >= kEventsColumn && column_id < kEventsColumn + kEngineMeasureColumns) {
    return std::string(kEngineMeasures[column_id - kEventsColumn]);
  }
  if (const Measure* measure = schema.find_measure(column_id)) return measure->name;
  const Column* column = schema.find_column(column_id);
  return column != nullptr ? column->name : "column " + std::to_string(column_id);
}

static std::vector<StoredColumn> raw_columns(const Schema& schema) {
  std::vector<StoredColumn> columns;
  columns.push_back({schema.columns[schema.time_column()].id, ColumnForm::kInts});
  columns.push_back({kKindColumn, ColumnForm::kBytes});
  for (size_t position : schema.dimensions()) {
    columns.push_back({schema.columns[position].id, ColumnForm::kCodes});
  }
  for (size_t position : schema.fields()) {
    const Column& column = schema.columns[position];
    columns.push_back({column.id, column.type == ColumnType::kString ? ColumnForm::kStrings : ColumnForm::kInts});
  }
  columns.push_back({kLsnColumn, ColumnForm::kInts});
  columns.push_back({kArrivalColumn, ColumnForm::kInts});
  columns.push_back({schema.columns[schema.id_column()].id, ColumnForm::kIds});
  return columns;
}

static std::vector<StoredColumn> rollup_columns(const Schema& schema, const Rollup& rollup) {
  std::vector<StoredColumn> columns;
  columns.push_back({schema.columns[schema.time_column()].id, ColumnForm::kInts});
  for (uint32_t id : rollup.dimension_ids) columns.push_back({id, ColumnForm::kCodes});
  for (uint32_t i = 0; i < kEngineMeasureColumns; ++i) columns.push_back({kEventsColumn + i, ColumnForm::kInts});
  for (uint32_t id : rollup.measure_ids) {
    const bool sketch = schema.find_measure(id)->kind == AggregateKind::kUnique;
    columns.push_back({id, sketch ? ColumnForm::kStrings : ColumnForm::kInts});
  }
  return columns;
}

std::vector<StoredColumn> stored_columns(const Schema& schema, uint32_t rollup_id) {
  return rollup_id == 0 ? raw_columns(schema) : rollup_columns(schema, *schema.find_rollup(rollup_id));
}

std::vector<uint32_t> stored_dimensions(const Schema& schema, uint32_t rollup_id) {
  if (rollup_id != 0) return schema.find_rollup(rollup_id)->dimension_ids;
  std::vector<uint32_t> ids;
  for (size_t position : schema.dimensions()) ids.push_back(schema.columns[position].id);
  return ids;
}

void encode_header(const Header& header, ByteWriter& out) {
  Bytes bytes;
  ByteWriter fields(bytes);
  fields.bytes(as_bytes(kMagic));
  fields.u16(kFormatVersion);
  fields.u16(header.min_reader_version);
  fields.u32(0);
  fields.bytes(header.uuid);
  fields.bytes(header.table_uuid);
  fields.u64(header.number);
  fields.u8(static_cast<uint8_t>(header.tier));
  fields.zeros(3);
  fields.u32(header.rollup_id);
  fields.u32(header.schema_version);
  fields.u32(header.block_rows);
  fields.zeros(48);
  fields.u64(xxh3(bytes));
  TALLY_CHECK(bytes.size() == kHeaderBytes);
  out.bytes(bytes);
}

Result<Header> decode_header(ByteSpan bytes) {
  if (bytes.size() < kHeaderBytes) return corrupt("offset 0: the header is cut off");
  const uint8_t* at = bytes.data();
  if (as_text(bytes.first(kMagic.size())) != kMagic) return corrupt("offset 0: this is no segment (no magic)");
  if (load_le<uint64_t>(at + 120) != xxh3(bytes.first(120))) {
    return corrupt("offset 0: the sum of the header does not match");
  }
  Header header;
  header.min_reader_version = load_le<uint16_t>(at + 10);
  if (header.min_reader_version > kReaderVersion) {
    return fail(Code::kUnsupported, "it was written by a newer Tally (format version " +
                                        std::to_string(load_le<uint16_t>(at + 8)) + ", readable from version " +
                                        std::to_string(header.min_reader_version) + " on); this one knows version " +
                                        std::to_string(kReaderVersion));
  }
  std::copy_n(at + 16, 16, header.uuid.begin());
  std::copy_n(at + 32, 16, header.table_uuid.begin());
  header.number = load_le<uint64_t>(at + 48);
  header.tier = static_cast<Tier>(at[56]);
  header.rollup_id = load_le<uint32_t>(at + 60);
  header.schema_version = load_le<uint32_t>(at + 64);
  header.block_rows = load_le<uint32_t>(at + 68);
  bool reserved_zero =
      load_le<uint32_t>(at + 12) == 0 && all_zero(bytes.subspan(57, 3)) && all_zero(bytes.subspan(72, 48));
  if (!reserved_zero || at[56] > static_cast<uint8_t>(Tier::kDay) || header.block_rows < 1 ||
      header.block_rows > kBlockRowsMax || load_le<uint16_t>(at + 8) < 1 || header.min_reader_version < 1) {
    return corrupt("offset 8: a field of the header is out of range");
  }
  return header;
}

uint64_t file_digest(const FileUuid& uuid) { return xxh3(uuid); }

void encode_block(const BlockHeader& header, ByteSpan stored, ByteWriter& out) {
  uint8_t bytes[kBlockHeaderBytes] = {};
  store_le(bytes, header.digest);
  store_le(bytes + 8, header.block);
  store_le(bytes + 12, header.column_id);
  bytes[16] = static_cast<uint8_t>(header.form.encoding);
  bytes[17] = header.form.flags;
  store_le(bytes + 20, header.rows);
  store_le(bytes + 24, header.raw_length);
  store_le(bytes + 28, static_cast<uint32_t>(stored.size()));
  store_le(bytes + 32, xxh3(stored));
  store_le(bytes + 40, xxh3(ByteSpan(bytes, 40)));
  out.bytes(bytes);
  out.bytes(stored);
}

Result<BlockHeader> decode_block(ByteSpan bytes) {
  if (bytes.size() < kBlockHeaderBytes) return corrupt("a column block is cut off");
  const uint8_t* at = bytes.data();
  if (load_le<uint64_t>(at + 40) != xxh3(bytes.first(40))) return corrupt("the sum of a block header does not match");
  BlockHeader header;
  header.digest = load_le<uint64_t>(at);
  header.block = load_le<uint32_t>(at + 8);
  header.column_id = load_le<uint32_t>(at + 12);
  header.form = {static_cast<Encoding>(at[16]), at[17]};
  header.rows = load_le<uint32_t>(at + 20);
  header.raw_length = load_le<uint32_t>(at + 24);
  header.stored_length = load_le<uint32_t>(at + 28);
  if (header.stored_length != bytes.size() - kBlockHeaderBytes)
    return corrupt("a block's length is not the directory's");
  if (load_le<uint64_t>(at + 32) != xxh3(stored_bytes(bytes)))
    return corrupt("the sum of a block's bytes does not match");
  if (at[16] < 1 || at[16] > kEncodingLast || (at[17] & ~kBlockFlagsKnown) != 0 || load_le<uint16_t>(at + 18) != 0) {
    return corrupt("a block has an unknown encoding or flag");
  }
  bool lz4 = (header.form.flags & kBlockLz4) != 0;
  uint64_t bytes_max = header.block >= kIndexBlock ? kIndexPartBytesMax : kColumnBytesMax;
  if (header.raw_length > bytes_max || (!lz4 && header.raw_length != header.stored_length)) {
    return corrupt("a block's length before compression is out of range");
  }
  return header;
}

void encode_trailer(const Trailer& trailer, ByteWriter& out) {
  Bytes bytes;
  ByteWriter fields(bytes);
  fields.u64(trailer.footer_offset);
  fields.u64(trailer.footer_length);
  fields.u64(trailer.footer_sum);
  fields.u64(trailer.file_size);
  fields.u64(trailer.digest);
  fields.u64(trailer.body_sum);
  fields.u64(xxh3(bytes));
  fields.bytes(as_bytes(kEndMagic));
  TALLY_CHECK(bytes.size() == kTrailerBytes);
  out.bytes(bytes);
}

Result<Trailer> decode_trailer(ByteSpan bytes) {
  if (bytes.size() != kTrailerBytes || as_text(bytes.subspan(56)) != kEndMagic) {
    return corrupt("the trailer is missing: the file was cut off or never finished");
  }
  if (load_le<uint64_t>(bytes.data() + 48) != xxh3(bytes.first(48)))
    return corrupt("the sum of the trailer does not match");
  ByteReader in(bytes);
  Trailer trailer;
  for (uint64_t* field : {&trailer.footer_offset, &trailer.footer_length, &trailer.footer_sum, &trailer.file_size,
                          &trailer.digest, &trailer.body_sum}) {
    TALLY_ASSIGN_OR_RETURN(*field, in.u64("the trailer"));
  }
  return trailer;
}

Status decode_appendix(BlockForm form, ByteSpan raw, std::span<uint32_t> codes, std::span<StringRef> values) {
  if (form.encoding == Encoding::kValueList) {
    TALLY_TRY(decode_value_list(raw, codes.size(), codes, values));
    if (codes.front() < kFirstValueCode) return corrupt("an appendix part with a code that stands for no value");
    return {};
  }
  if (form.encoding != Encoding::kValues) return corrupt("an appendix part in an encoding for something else");
  size_t codes_bytes = codes.size() * sizeof(uint32_t);
  if (raw.size() < codes_bytes) return corrupt("an appendix part is cut off");
  for (size_t i = 0; i < codes.size(); ++i) {
    codes[i] = load_le<uint32_t>(raw.data() + i * sizeof(uint32_t));
    if (codes[i] < kFirstValueCode || (i > 0 && codes[i] <= codes[i - 1])) {
      return corrupt("the codes of an appendix part are not ascending");
    }
  }
  return decode_strings(raw.subspan(codes_bytes), values);
}

}  // namespace tally::segment_format

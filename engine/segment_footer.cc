// The footer: tagged fields (engine/tagged_fields.h), so that what later versions add finds its room beside these.
#include <algorithm>
#include <set>

#include "engine/segment_format.h"
#include "engine/tagged_fields.h"

namespace tally::segment_format {

namespace {

enum Tag : uint16_t {
  kStats = 1,     // u64 rows, u64 events, i64 min time, i64 max time, u64 min LSN, u64 max LSN; then kRollupOfStats
  kSchema = 2,    // as encode_schema() writes it
  kColumns = 3,   // of each: u32 id, u8 form, 3 zero bytes
  kSections = 4,  // of each: i32 day, u32 first block, u32 blocks, u64 rows
  kBlocks = 5,    // of each: u32 rows, i64 min time, i64 max time, and of each column u32 length, u8 encoding, u8 flags
  kAppendix =
      6,  // of each part: u32 dimension id, u32 values, u32 first code, u32 last code, u32 length, u8 encoding, u8 flags
  kMaxCodes = 7,  // of each dimension: u32 id, u32 largest code
  kZones =
      8,  // of each column of zone_columns(), of each block: i64 min, i64 max, u32 NULLs; of codes u32 min, u32 max
  kIndexes = 9,  // of each part: u8 encoding, 3 zero bytes, u32 column id, u32 values, u32 length
};

// Of rollup tiers, within kStats: u32 rollup id, u8 tier, 3 zero bytes.
constexpr uint16_t kRollupOfStats = 1;

constexpr size_t kSectionBytes = 20;
constexpr size_t kAppendixPartEntryBytes = 22;
constexpr uint32_t kStoredColumnsMax = 1024;

std::unexpected<Error> corrupt(std::string message) { return fail(Code::kCorruption, "footer: " + std::move(message)); }

void put_blocks(const Footer& footer, ByteWriter& out) {
  for (const BlockEntry& block : footer.blocks) {
    out.u32(block.info.rows);
    out.i64(block.info.min_time);
    out.i64(block.info.max_time);
    for (const ColumnEntry& column : block.columns) {
      out.u32(column.length);
      out.u8(static_cast<uint8_t>(column.form.encoding));
      out.u8(column.form.flags);
    }
  }
}

void put_appendix(const Footer& footer, ByteWriter& out) {
  for (const AppendixPart& part : footer.appendix) {
    out.u32(part.dimension_id);
    out.u32(part.values);
    out.u32(part.first_code);
    out.u32(part.last_code);
    out.u32(part.length);
    out.u8(static_cast<uint8_t>(part.form.encoding));
    out.u8(part.form.flags);
  }
}

Status read_rollup(const Field& field, Footer& footer) {
  ByteReader in(field.bytes);
  TALLY_ASSIGN_OR_RETURN(footer.rollup_id, in.u32("the rollup"));
  TALLY_ASSIGN_OR_RETURN(uint8_t tier, in.u8("the rollup"));
  TALLY_TRY(in.expect_zero(3, "the rollup"));
  if (footer.rollup_id == 0 || tier < static_cast<uint8_t>(Tier::kMinute) || tier > static_cast<uint8_t>(Tier::kDay)) {
    return corrupt("an unknown tier, or one of no rollup");
  }
  footer.tier = static_cast<Tier>(tier);
  return in.expect_end("the rollup");
}

Status read_stats(ByteReader& in, Footer& footer) {
  TALLY_ASSIGN_OR_RETURN(footer.rows, in.u64("the statistics"));
  TALLY_ASSIGN_OR_RETURN(footer.events, in.u64("the statistics"));
  TALLY_ASSIGN_OR_RETURN(footer.min_time, in.i64("the statistics"));
  TALLY_ASSIGN_OR_RETURN(footer.max_time, in.i64("the statistics"));
  TALLY_ASSIGN_OR_RETURN(footer.min_lsn, in.u64("the statistics"));
  TALLY_ASSIGN_OR_RETURN(footer.max_lsn, in.u64("the statistics"));
  while (!in.at_end()) {
    TALLY_ASSIGN_OR_RETURN(Field field, read_field(in, "the statistics"));
    TALLY_TRY(field.tag == kRollupOfStats ? read_rollup(field, footer) : skip_unknown_field(field, "the statistics"));
  }
  return {};
}

Status read_columns(ByteReader& in, Footer& footer) {
  while (!in.at_end()) {
    StoredColumn column;
    TALLY_ASSIGN_OR_RETURN(column.id, in.u32("a column"));
    TALLY_ASSIGN_OR_RETURN(uint8_t form, in.u8("a column"));
    TALLY_TRY(in.expect_zero(3, "a column"));
    if (form > static_cast<uint8_t>(ColumnForm::kIds)) return corrupt("a column of unknown form");
    column.form = static_cast<ColumnForm>(form);
    footer.columns.push_back(column);
    if (footer.columns.size() > kStoredColumnsMax) return corrupt("too many columns");
  }
  return {};
}

Status read_sections(ByteReader& in, Footer& footer) {
  footer.sections.reserve(in.remaining() / kSectionBytes);
  while (!in.at_end()) {
    SegmentReader::Section section;
    TALLY_ASSIGN_OR_RETURN(section.day, in.read<int32_t>("a section"));
    TALLY_ASSIGN_OR_RETURN(section.first_block, in.u32("a section"));
    TALLY_ASSIGN_OR_RETURN(section.blocks, in.u32("a section"));
    TALLY_ASSIGN_OR_RETURN(section.rows, in.u64("a section"));
    footer.sections.push_back(section);
  }
  return {};
}

Status read_blocks(ByteReader& in, Footer& footer) {
  if (footer.columns.empty()) return corrupt("blocks before their columns");
  footer.blocks.reserve(in.remaining() / (20 + 6 * footer.columns.size()));
  while (!in.at_end()) {
    BlockEntry block;
    TALLY_ASSIGN_OR_RETURN(block.info.rows, in.u32("a block"));
    TALLY_ASSIGN_OR_RETURN(block.info.min_time, in.i64("a block"));
    TALLY_ASSIGN_OR_RETURN(block.info.max_time, in.i64("a block"));
    block.columns.resize(footer.columns.size());
    for (ColumnEntry& column : block.columns) {
      TALLY_ASSIGN_OR_RETURN(column.length, in.u32("a block"));
      TALLY_ASSIGN_OR_RETURN(uint8_t encoding, in.u8("a block"));
      TALLY_ASSIGN_OR_RETURN(column.form.flags, in.u8("a block"));
      column.form.encoding = static_cast<Encoding>(encoding);
    }
    footer.blocks.push_back(std::move(block));
  }
  return {};
}

Status read_appendix(ByteReader& in, Footer& footer) {
  footer.appendix.reserve(in.remaining() / kAppendixPartEntryBytes);
  while (!in.at_end()) {
    AppendixPart part;
    for (uint32_t* field : {&part.dimension_id, &part.values, &part.first_code, &part.last_code, &part.length}) {
      TALLY_ASSIGN_OR_RETURN(*field, in.u32("an appendix part"));
    }
    TALLY_ASSIGN_OR_RETURN(uint8_t encoding, in.u8("an appendix part"));
    TALLY_ASSIGN_OR_RETURN(part.form.flags, in.u8("an appendix part"));
    part.form.encoding = static_cast<Encoding>(encoding);
    footer.appendix.push_back(part);
  }
  return {};
}

Status read_max_codes(ByteReader& in, Footer& footer) {
  while (!in.at_end()) {
    TALLY_ASSIGN_OR_RETURN(uint32_t id, in.u32("a largest code"));
    TALLY_ASSIGN_OR_RETURN(uint32_t code, in.u32("a largest code"));
    if (code >= kFirstValueCode + limits::kDimensionValuesMax) return corrupt("a code above every limit");
    if (!footer.max_codes.emplace(id, code).second) return corrupt("two largest codes of one dimension");
  }
  return {};
}

void put_zones(const ColumnZones& zones, bool codes, ByteWriter& out) {
  for (size_t block = 0; block < zones.min.size(); ++block) {
    if (codes) {
      out.u32(static_cast<uint32_t>(zones.min[block]));
      out.u32(static_cast<uint32_t>(zones.max[block]));
      continue;
    }
    out.i64(zones.min[block]);
    out.i64(zones.max[block]);
    out.u32(zones.nulls[block]);
  }
}

Status read_zones_of(ByteReader& in, const StoredColumn& column, size_t blocks, ColumnZones& zones) {
  zones.column_id = column.id;
  for (size_t block = 0; block < blocks; ++block) {
    if (column.form == ColumnForm::kCodes) {
      TALLY_ASSIGN_OR_RETURN(uint32_t min, in.u32("a zone"));
      TALLY_ASSIGN_OR_RETURN(uint32_t max, in.u32("a zone"));
      zones.min.push_back(min);
      zones.max.push_back(max);
      zones.nulls.push_back(0);
      continue;
    }
    TALLY_ASSIGN_OR_RETURN(zones.min.emplace_back(), in.i64("a zone"));
    TALLY_ASSIGN_OR_RETURN(zones.max.emplace_back(), in.i64("a zone"));
    TALLY_ASSIGN_OR_RETURN(zones.nulls.emplace_back(), in.u32("a zone"));
  }
  return {};
}

Status read_zones(ByteReader& in, Footer& footer) {
  if (!footer.schema || footer.blocks.empty()) return corrupt("zones before schema and blocks");
  for (const StoredColumn& column : zone_columns(*footer.schema, footer.rollup_id)) {
    TALLY_TRY(read_zones_of(in, column, footer.blocks.size(), footer.zones.emplace_back()));
  }
  return in.expect_end("the zones");
}

Status read_indexes(ByteReader& in, Footer& footer) {
  while (!in.at_end()) {
    IndexPart part;
    TALLY_ASSIGN_OR_RETURN(uint8_t kind, in.u8("an index part"));
    TALLY_TRY(in.expect_zero(3, "an index part"));
    part.kind = static_cast<Encoding>(kind);
    for (uint32_t* field : {&part.column_id, &part.values, &part.length}) {
      TALLY_ASSIGN_OR_RETURN(*field, in.u32("an index part"));
    }
    footer.indexes.push_back(part);
  }
  return {};
}

Status read_schema(ByteReader& in, Footer& footer) {
  TALLY_ASSIGN_OR_RETURN(Schema schema, decode_schema(in));
  if (footer.rollup_id != 0 && schema.find_rollup(footer.rollup_id) == nullptr) {
    return corrupt("it is of a rollup that its schema does not have");
  }
  footer.schema = std::make_shared<const Schema>(std::move(schema));
  return in.expect_end("the schema");
}

Status read_one(const Field& field, Footer& footer) {
  ByteReader in(field.bytes);
  switch (field.tag) {
    case kStats: return read_stats(in, footer);
    case kSchema: return read_schema(in, footer);
    case kColumns: return read_columns(in, footer);
    case kSections: return read_sections(in, footer);
    case kBlocks: return read_blocks(in, footer);
    case kAppendix: return read_appendix(in, footer);
    case kMaxCodes: return read_max_codes(in, footer);
    case kZones: return read_zones(in, footer);
    case kIndexes: return read_indexes(in, footer);
    default: return skip_unknown_field(field, "the footer");
  }
}

Status check_sections(const Footer& footer) {
  uint64_t next_block = 0;
  uint64_t rows = 0;
  const SegmentReader::Section* before = nullptr;
  for (const SegmentReader::Section& section : footer.sections) {
    if (before != nullptr && section.day <= before->day) return corrupt("the days of the sections are not ascending");
    if (section.first_block != next_block || section.blocks == 0 ||
        section.blocks > footer.blocks.size() - next_block) {
      return corrupt("the section of day " + std::to_string(section.day) + " does not follow the one before it");
    }
    uint64_t section_rows = 0;
    for (uint64_t block = next_block; block < next_block + section.blocks; ++block) {
      const SegmentReader::BlockInfo& info = footer.blocks[block].info;
      section_rows += info.rows;
      if (utc_day(info.min_time) == section.day && utc_day(info.max_time) == section.day) continue;
      return corrupt("a block of day " + std::to_string(section.day) + " has times of another");
    }
    if (section_rows != section.rows)
      return corrupt("the rows of day " + std::to_string(section.day) + " do not add up");
    next_block += section.blocks;
    rows += section_rows;
    before = &section;
  }
  if (next_block != footer.blocks.size() || rows != footer.rows)
    return corrupt("sections, blocks and rows do not add up");
  return {};
}

// Lengths give offsets; every length is bounded by what is left before the footer, so nothing overflows.
Status place_blocks(Footer& footer, uint64_t footer_offset) {
  uint64_t offset = kHeaderBytes;
  auto take = [&](uint64_t length) {
    if (length < kBlockHeaderBytes || length > footer_offset - offset) return false;
    offset += length;
    return true;
  };
  for (BlockEntry& block : footer.blocks) {
    block.offset = offset;
    if (block.info.rows < 1 || block.info.rows > kBlockRowsMax || block.info.min_time > block.info.max_time ||
        block.info.min_time < footer.min_time || block.info.max_time > footer.max_time) {
      return corrupt("a block's rows or times are out of range");
    }
    for (const ColumnEntry& column : block.columns) {
      if (!take(column.length)) return corrupt("a block reaches beyond the footer");
    }
  }
  for (AppendixPart& part : footer.appendix) {
    part.offset = offset;
    if (!take(part.length)) return corrupt("an appendix part reaches beyond the footer");
  }
  for (IndexPart& part : footer.indexes) {
    part.offset = offset;
    if (!take(part.length)) return corrupt("an index part reaches beyond the footer");
  }
  if (offset != footer_offset) return corrupt("the parts before it do not end where it begins");
  return {};
}

// There may be more columns than the schema has, of a later version; but who asks for an id gets one column, of the form that
// the schema makes of it.
Status check_columns(const Footer& footer) {
  std::set<uint32_t> ids;
  for (const StoredColumn& column : footer.columns) {
    if (!ids.insert(column.id).second) return corrupt("column " + std::to_string(column.id) + " is there twice");
  }
  for (const StoredColumn& wanted : stored_columns(*footer.schema, footer.rollup_id)) {
    if (std::ranges::find(footer.columns, wanted) != footer.columns.end()) continue;
    return corrupt("column " + std::to_string(wanted.id) + " of the schema is not there, or of another form");
  }
  const std::vector<uint32_t> dimensions = stored_dimensions(*footer.schema, footer.rollup_id);
  for (uint32_t id : dimensions) {
    if (!footer.max_codes.contains(id)) return corrupt("a dimension has no largest code");
  }
  // Memory is asked for by each of them.
  for (auto [id, code] : footer.max_codes) {
    if (std::ranges::find(dimensions, id) != dimensions.end()) continue;
    return corrupt("a largest code of column " + std::to_string(id) + ", which is no dimension of the file");
  }
  return {};
}

Status check_appendix(const Footer& footer) {
  const AppendixPart* before = nullptr;
  for (const AppendixPart& part : footer.appendix) {
    auto max_code = footer.max_codes.find(part.dimension_id);
    bool in_order = part.values > 0 && part.first_code >= kFirstValueCode && part.first_code <= part.last_code &&
                    part.values <= part.last_code - part.first_code + 1;
    if (before != nullptr && before->dimension_id == part.dimension_id) in_order &= part.first_code > before->last_code;
    in_order &= part.values <= footer.rows;  // each code is some row's; and memory for them is reasonable
    if (!in_order || max_code == footer.max_codes.end() || part.last_code > max_code->second) {
      return corrupt("an appendix part's codes are out of range");
    }
    before = &part;
  }
  return {};
}

Status check_zones(const Footer& footer) {
  // A rollup of no dimension has none.
  if (footer.zones.size() != zone_columns(*footer.schema, footer.rollup_id).size()) return corrupt("it has no zones");
  for (const ColumnZones& zones : footer.zones) {
    for (size_t block = 0; block < footer.blocks.size(); ++block) {
      uint32_t rows = footer.blocks[block].info.rows;
      bool all_null = zones.nulls[block] == rows;
      if (zones.nulls[block] > rows || (zones.min[block] > zones.max[block]) != all_null) {
        return corrupt("the zone of block " + std::to_string(block) + ", column " + std::to_string(zones.column_id) +
                       " is out of range");
      }
    }
  }
  return {};
}

Status check_indexes(const Footer& footer) {
  for (const IndexPart& part : footer.indexes) {
    bool known = false;
    if (part.kind == Encoding::kBlockIndex) known = footer.max_codes.contains(part.column_id);
    if (part.kind == Encoding::kIdFilter) {
      known = footer.rollup_id == 0 && part.values == footer.rows &&
              part.column_id == footer.schema->columns[footer.schema->id_column()].id;
    }
    if (part.kind == Encoding::kRecordTimes) {
      known = footer.rollup_id == 0 && part.column_id == kLsnColumn && part.values > 0 && part.values <= footer.rows;
    }
    auto same = [&](const IndexPart& other) { return other.kind == part.kind && other.column_id == part.column_id; };
    if (!known || std::count_if(footer.indexes.begin(), footer.indexes.end(), same) != 1) {
      return corrupt("an index part of an unknown kind, of a column without one, or twice");
    }
  }
  return {};
}

}  // namespace

std::vector<StoredColumn> zone_columns(const Schema& schema, uint32_t rollup_id) {
  std::vector<StoredColumn> columns;
  const uint32_t time_id = schema.columns[schema.time_column()].id;  // its zones stand beside the rows of the block
  for (const StoredColumn& column : stored_columns(schema, rollup_id)) {
    const bool engines_own = column.id == kArrivalColumn || column.id == time_id;
    const bool raw_ints = column.form == ColumnForm::kInts && rollup_id == 0;
    if ((column.form == ColumnForm::kCodes || raw_ints) && !engines_own) columns.push_back(column);
  }
  return columns;
}

const ColumnZones* Footer::find_zones(uint32_t column_id) const {
  for (const ColumnZones& of_column : zones) {
    if (of_column.column_id == column_id) return &of_column;
  }
  return nullptr;
}

std::optional<size_t> Footer::find_index(Encoding kind, uint32_t column_id) const {
  for (size_t part = 0; part < indexes.size(); ++part) {
    if (indexes[part].kind == kind && indexes[part].column_id == column_id) return part;
  }
  return std::nullopt;
}

void encode_footer(const Footer& footer, ByteWriter& out) {
  put_field(out, kStats, [&](ByteWriter& field) {
    field.u64(footer.rows);
    field.u64(footer.events);
    field.i64(footer.min_time);
    field.i64(footer.max_time);
    field.u64(footer.min_lsn);
    field.u64(footer.max_lsn);
    if (footer.rollup_id == 0) return;
    put_field(field, kRollupOfStats, [&](ByteWriter& rollup) {
      rollup.u32(footer.rollup_id);
      rollup.u8(static_cast<uint8_t>(footer.tier));
      rollup.zeros(3);
    });
  });
  put_field(out, kSchema, [&](ByteWriter& field) { encode_schema(*footer.schema, field); });
  put_field(out, kColumns, [&](ByteWriter& field) {
    for (const StoredColumn& column : footer.columns) {
      field.u32(column.id);
      field.u8(static_cast<uint8_t>(column.form));
      field.zeros(3);
    }
  });
  put_field(out, kSections, [&](ByteWriter& field) {
    for (const SegmentReader::Section& section : footer.sections) {
      field.put(section.day);
      field.u32(section.first_block);
      field.u32(section.blocks);
      field.u64(section.rows);
    }
  });
  put_field(out, kBlocks, [&](ByteWriter& field) { put_blocks(footer, field); });
  put_field(out, kAppendix, [&](ByteWriter& field) { put_appendix(footer, field); });
  put_field(out, kMaxCodes, [&](ByteWriter& field) {
    for (auto [id, code] : footer.max_codes) {
      field.u32(id);
      field.u32(code);
    }
  });
  put_field(out, kZones, [&](ByteWriter& field) {
    const std::vector<StoredColumn> columns = zone_columns(*footer.schema, footer.rollup_id);
    for (size_t i = 0; i < columns.size(); ++i) {
      put_zones(footer.zones[i], columns[i].form == ColumnForm::kCodes, field);
    }
  });
  put_field(out, kIndexes, [&](ByteWriter& field) {
    for (const IndexPart& part : footer.indexes) {
      field.u8(static_cast<uint8_t>(part.kind));
      field.zeros(3);
      field.u32(part.column_id);
      field.u32(part.values);
      field.u32(part.length);
    }
  });
}

Result<Footer> decode_footer(ByteSpan bytes, uint64_t footer_offset) {
  Footer footer;
  ByteReader in(bytes);
  uint16_t last_tag = 0;
  while (!in.at_end()) {
    TALLY_ASSIGN_OR_RETURN(Field field, read_field(in, "the footer"));
    uint16_t tag = field.tag & ~kFieldMaySkip;
    if (tag <= last_tag) return corrupt("its fields are not in order");  // each once, and columns before blocks
    last_tag = tag;
    TALLY_TRY(read_one(field, footer));
  }
  if (!footer.schema) return corrupt("it has no schema");
  if (footer.rows < 1 || (footer.rollup_id == 0 && footer.events > footer.rows) || footer.min_time > footer.max_time ||
      footer.min_lsn > footer.max_lsn) {
    return corrupt("its statistics contradict each other");
  }
  if (footer_offset < kHeaderBytes) return corrupt("it begins inside the header");
  TALLY_TRY(check_columns(footer));
  TALLY_TRY(place_blocks(footer, footer_offset));
  TALLY_TRY(check_sections(footer));
  TALLY_TRY(check_appendix(footer));
  TALLY_TRY(check_zones(footer));
  TALLY_TRY(check_indexes(footer));
  return footer;
}

}  // namespace tally::segment_format

// The bytes of a segment: header, column block headers, footer, trailer. Pure functions over bytes; the encodings stand in
// engine/encoding/, the file work in segment_writer.cc and segment_reader.cc. docs/formats/segment.md has it all in a row.
//
//   header | column blocks of block 0, 1, ... | appendix parts | index parts | footer | trailer
//
// Header, 128 bytes at offset 0
//   OFFSET SIZE TYPE FIELD
//   0      8         magic "TLYSEGMT"
//   8      2    u16  format version, 1
//   10     2    u16  lowest reader version that may read this file, 1
//   12     4    u32  zero
//   16     16        file uuid
//   32     16        table uuid
//   48     8    u64  number of the file
//   56     1    u8   tier (0 raw, 1 minute, 2 hour, 3 day)
//   57     3         zero
//   60     4    u32  rollup id, 0 for raw
//   64     4    u32  schema version
//   68     4    u32  rows of a full block
//   72     48        zero
//   120    8    u64  XXH3 of bytes 0 to 119
//
// Column block header, 48 bytes, then the stored bytes; nothing is padded
//   0      8    u64  XXH3 of the file uuid
//   8      4    u32  block number; 0x80000000 + part for an appendix part, 0xC0000000 + part for an index part
//   12     4    u32  column id
//   16     1    u8   encoding (engine/encoding/encoding.h)
//   17     1    u8   flags: 1 LZ4, 2 null bitmap, 4 counted from the row's log record (record_times.h)
//   18     2    u16  zero
//   20     4    u32  rows; values of an appendix part; codes, ids or log records of an index part
//   24     4    u32  length before compression
//   28     4    u32  stored length
//   32     8    u64  XXH3 of the stored bytes
//   40     8    u64  XXH3 of bytes 0 to 39
//
// Trailer, 64 bytes at the end
//   0      8    u64  footer offset
//   8      8    u64  footer length
//   16     8    u64  XXH3 of the footer
//   24     8    u64  file size
//   32     8    u64  XXH3 of the file uuid
//   40     8    u64  XXH3 of every byte before the trailer
//   48     8    u64  XXH3 of bytes 0 to 47
//   56     8         magic "TLYSEGND"
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "engine/dictionary.h"
#include "engine/encoding/column_block.h"
#include "engine/segment_reader.h"

namespace tally::segment_format {

inline constexpr std::string_view kMagic = "TLYSEGMT";
inline constexpr std::string_view kEndMagic = "TLYSEGND";
inline constexpr uint16_t kFormatVersion = 1;
inline constexpr uint16_t kReaderVersion = 1;
inline constexpr size_t kHeaderBytes = 128;
inline constexpr size_t kBlockHeaderBytes = 48;
inline constexpr size_t kTrailerBytes = 64;

// Columns of the engine's own, at the top of the id space; the ids of schemas never get there.
inline constexpr uint32_t kKindColumn = 0xFFFFFFF0;     // RowKind, bytes
inline constexpr uint32_t kLsnColumn = 0xFFFFFFF1;      // integers
inline constexpr uint32_t kArrivalColumn = 0xFFFFFFF2;  // integers
// In rollup tiers, beside the measures of the schema, which have their own ids: how many rows of each kind, in the order of
// kEngineMeasures.
inline constexpr uint32_t kEventsColumn = 0xFFFFFFE0;
inline constexpr uint32_t kDuplicatesColumn = 0xFFFFFFE1;
inline constexpr uint32_t kConflictsColumn = 0xFFFFFFE2;
inline constexpr uint32_t kLateColumn = 0xFFFFFFE3;
inline constexpr uint32_t kRetractedColumn = 0xFFFFFFE4;
inline constexpr uint32_t kEngineMeasureColumns = 5;
inline constexpr uint32_t kAppendixBlock = 0x80000000;
inline constexpr uint32_t kIndexBlock = 0xC0000000;

inline constexpr uint32_t kBlockRowsMax = 65'536;
// A writer ends a block early when a column of it reaches the first; a reader refuses columns above the second.
inline constexpr uint64_t kColumnBytesGoal = 8 * limits::kMiB;
inline constexpr uint64_t kColumnBytesMax = 16 * limits::kMiB;
inline constexpr uint64_t kAppendixPartBytes = 1 * limits::kMiB;
inline constexpr uint64_t kIndexPartBytesMax = 1 * limits::kGiB;
inline constexpr uint64_t kFooterBytesMax = 256 * limits::kMiB;

// What the values of a column are.
enum class ColumnForm : uint8_t { kBytes, kCodes, kInts, kStrings, kIds };
std::string_view column_form_name(ColumnForm form);
std::string form_name(BlockForm form);  // encoding and flags: "packed+of_record+lz4"

struct StoredColumn {
  uint32_t id = 0;
  ColumnForm form = ColumnForm::kInts;
  friend bool operator==(const StoredColumn&, const StoredColumn&) = default;
};
// Its name in the schema, or the engine's own: "_lsn".
std::string column_name(const Schema& schema, uint32_t column_id);
// The columns that a segment of this schema stores, in the order in which they stand in each block. `rollup_id`: one of the
// schema's, or 0 for raw. Of a rollup: the begin of the bucket, the dimensions, the engine's measures, then those declared:
// integers (NULL: MIN or MAX of nothing), or sketches as strings (sketch_format.h; NULL: of nothing).
std::vector<StoredColumn> stored_columns(const Schema& schema, uint32_t rollup_id);
// Its dimensions, by id, in the order by which the rows of a day are sorted.
std::vector<uint32_t> stored_dimensions(const Schema& schema, uint32_t rollup_id);

struct Header {
  FileUuid uuid{};
  std::array<uint8_t, 16> table_uuid{};
  uint64_t number = 0;
  Tier tier = Tier::kRaw;
  uint32_t rollup_id = 0;
  uint32_t schema_version = 0;
  uint32_t block_rows = 0;
  uint16_t min_reader_version = 1;
};
void encode_header(const Header& header, ByteWriter& out);
Result<Header> decode_header(ByteSpan bytes);

uint64_t file_digest(const FileUuid& uuid);

struct BlockHeader {
  uint64_t digest = 0;
  uint32_t block = 0;
  uint32_t column_id = 0;
  BlockForm form;
  uint32_t rows = 0;
  uint32_t raw_length = 0;
  uint32_t stored_length = 0;
};
// Appends header and stored bytes.
void encode_block(const BlockHeader& header, ByteSpan stored, ByteWriter& out);
// `bytes` is the whole of one column block. Checks both sums and every field that can be checked alone.
Result<BlockHeader> decode_block(ByteSpan bytes);
inline ByteSpan stored_bytes(ByteSpan block) { return block.subspan(kBlockHeaderBytes); }

struct Trailer {
  uint64_t footer_offset = 0;
  uint64_t footer_length = 0;
  uint64_t footer_sum = 0;
  uint64_t file_size = 0;
  uint64_t digest = 0;
  uint64_t body_sum = 0;
};
void encode_trailer(const Trailer& trailer, ByteWriter& out);
Result<Trailer> decode_trailer(ByteSpan bytes);

struct ColumnEntry {
  uint32_t length = 0;  // header included
  BlockForm form;
};
struct BlockEntry {
  SegmentReader::BlockInfo info;
  uint64_t offset = 0;               // of its first column block; not stored, follows from the lengths
  std::vector<ColumnEntry> columns;  // in the order of Footer::columns
};
struct AppendixPart {
  uint32_t dimension_id = 0;
  uint32_t values = 0;
  uint32_t first_code = 0;
  uint32_t last_code = 0;
  uint64_t offset = 0;
  uint32_t length = 0;  // header included
  BlockForm form;
};
// What a part beside the rows is; stored as its encoding.
struct IndexPart {
  Encoding kind = Encoding::kBlockIndex;  // or kIdFilter, kRecordTimes
  uint32_t column_id = 0;
  uint32_t values = 0;
  uint32_t length = 0;  // header included
  uint64_t offset = 0;
};
// The values of one column, block by block: codes of a dimension, integers of a field, LSNs.
struct ColumnZones {
  uint32_t column_id = 0;
  // Of a block where all are NULL, min is above max. NULL of a dimension is its code 0.
  std::vector<int64_t> min;
  std::vector<int64_t> max;
  std::vector<uint32_t> nulls;  // rows; 0 of codes and LSNs
};
struct Footer {
  uint64_t rows = 0;
  uint64_t events = 0;
  TimeUs min_time = 0;
  TimeUs max_time = 0;
  Lsn min_lsn = 0;
  Lsn max_lsn = 0;
  Tier tier = Tier::kRaw;
  uint32_t rollup_id = 0;  // 0 for raw
  std::shared_ptr<const Schema> schema;
  std::vector<StoredColumn> columns;
  std::vector<SegmentReader::Section> sections;
  std::vector<BlockEntry> blocks;
  std::vector<AppendixPart> appendix;
  std::map<uint32_t, uint32_t> max_codes;  // by dimension id: the largest code stored
  std::vector<ColumnZones> zones;          // of zone_columns()
  std::vector<IndexPart> indexes;

  const ColumnZones* find_zones(uint32_t column_id) const;                    // nullptr: it has none
  std::optional<size_t> find_index(Encoding kind, uint32_t column_id) const;  // a position in `indexes`
};
// Columns that have zones, in their order: dimensions, and of raw fields that are integers and LSNs.
std::vector<StoredColumn> zone_columns(const Schema& schema, uint32_t rollup_id);
void encode_footer(const Footer& footer, ByteWriter& out);
// Checks everything that the footer says against itself and against `footer_offset`, where the parts before it must end.
Result<Footer> decode_footer(ByteSpan bytes, uint64_t footer_offset);

// The codes of an appendix part, ascending, and what they stand for; as many of each. At least one.
Status decode_appendix(BlockForm form, ByteSpan raw, std::span<uint32_t> codes, std::span<StringRef> values);

}  // namespace tally::segment_format

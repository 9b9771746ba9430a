// Writes one segment: an immutable, self-contained, checksummed column file (docs/formats/segment.md). Rows come sorted and
// in sections, one a UTC day; columns are cut into blocks of limits::kSegmentBlockRows rows; each block carries its file's
// id and its own number, so that a misdirected read is seen; a footer directory finds them; the strings of the codes used
// are an appendix, so that the file can be read alone.
//
// What success of finish() promises: the file stands under its final name, synced, its directory synced, and has been
// opened again and verified block by block (reliability.md M1). Before that only <name>.tmp exists.
// Memory: one block, a bit for each code of the dictionaries, and what segment_indexes.h bounds. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "engine/chunk.h"
#include "engine/record_times.h"
#include "engine/schema.h"

namespace tally {

using FileUuid = std::array<uint8_t, 16>;

// A section of a segment.
struct SegmentDay {
  int32_t day = 0;  // UTC
  uint64_t rows = 0;
  uint64_t events = 0;
  // Of a rollup tier: the section holds that day's part of the log records in (above, through].
  Lsn above_lsn = 0;
  Lsn through_lsn = 0;
  friend bool operator==(const SegmentDay&, const SegmentDay&) = default;
};

// What a manifest keeps of a segment (M4).
struct SegmentInfo {
  uint64_t number = 0;  // names the file
  FileUuid uuid{};
  uint64_t size = 0;
  uint64_t checksum = 0;  // XXH3 of the whole file
  uint64_t rows = 0;
  uint64_t events = 0;  // rows of kind event; of a rollup tier the sum of `events`
  TimeUs min_time = 0;
  TimeUs max_time = 0;
  Lsn min_lsn = 0;
  Lsn max_lsn = 0;
  Tier tier = Tier::kRaw;
  uint32_t rollup_id = 0;  // 0 for raw
  uint32_t schema_version = 0;
  uint16_t min_reader_version = 1;
  std::vector<SegmentDay> days = {};  // its sections, ascending
  TimeUs newest_arrival_us = 0;       // of raw
  friend bool operator==(const SegmentInfo&, const SegmentInfo&) = default;
};

// Columns of rows in arrays, parallel to the schema, in the order to be stored. Rows of a rollup tier have times, codes and
// fields: the begin of their bucket, the rollup's dimensions and, for measures, the values that stored_columns() lists.
struct RawColumns {
  uint32_t rows = 0;
  const TimeUs* times = nullptr;
  const TimeUs* arrivals = nullptr;
  const Lsn* lsns = nullptr;
  const RowKind* kinds = nullptr;
  const IdSlot* ids = nullptr;
  const IdKind* id_kinds = nullptr;
  std::vector<const uint32_t*> codes;  // by dimension: table codes
  struct Field {
    const int64_t* ints = nullptr;
    const uint8_t* nulls = nullptr;  // 1 = NULL; nullptr = none is
    const StringRef* strings = nullptr;
  };
  std::vector<Field> fields;  // by field
};

class Dictionary;

class SegmentWriter {
 public:
  struct Options {
    FileSystem* fs = nullptr;
    std::string directory;  // of the final file
    uint64_t number = 0;
    FileUuid uuid{};
    std::array<uint8_t, 16> table_uuid{};
    std::shared_ptr<const Schema> schema;
    std::vector<const Dictionary*> dictionaries;  // by dimension stored, for the appendix
    uint32_t block_rows = 0;                      // 0: limits::kSegmentBlockRows
    uint64_t rows_max = 0;                        // rows to come, at most; 0: the file gets no id filter
    // Of every log record that a row to come was in, by ascending LSN: then times are stored by their distance from
    // these where that is smaller. Empty: never.
    std::vector<RecordTime> records;
    Tier tier = Tier::kRaw;
    uint32_t rollup_id = 0;  // of the schema; 0 for raw
  };
  static Result<std::unique_ptr<SegmentWriter>> create(Options options);
  virtual ~SegmentWriter() = default;  // unfinished: the temporary file is removed, as far as possible
  // Rows of one UTC day; days ascending, each at most once, but a day may come in several calls one after the other. Each
  // call's rows are cut into blocks of their own: come with multiples of the block, or whole days. Within a day rows are
  // sorted by their codes, dimension after dimension, then by time. After an error the writer can only be destroyed.
  // `above`, `through`: of a rollup tier, the log records that the day's rows are of; the same in every call for a day.
  virtual Status add(int32_t day, const RawColumns& rows, Lsn above = 0, Lsn through = 0) = 0;
  virtual Result<SegmentInfo> finish() = 0;
};

}  // namespace tally

// Random rows of a schema in the order of a segment, kept as plain vectors: what a segment must give back.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "engine/dictionary.h"
#include "engine/segment_reader.h"

namespace tally {

struct SegmentRowsOptions {
  uint32_t rows = 100;
  uint32_t days = 2;
  uint32_t values = 20;      // different ones of a dimension
  double nulls = 0.1;        // of fields and dimensions
  double text_ids = 0.2;     // the rest are UUIDs and derived ids
  uint32_t long_text = 0;    // longest string; 0: 30
  bool one_id_kind = false;  // UUIDs only
  // Whether the writer is told how many rows come and when their log records arrived, as a flush does: then the file has an
  // id filter, and times counted from records. nullopt: in half of all seeds.
  std::optional<bool> told = std::nullopt;
};

class SegmentRows {
 public:
  SegmentRows(const Schema& schema, uint64_t seed, SegmentRowsOptions options);

  struct Field {
    std::vector<int64_t> ints;
    std::vector<uint8_t> nulls;
    std::vector<StringRef> strings;
  };
  struct Day {
    int32_t day = 0;
    uint32_t first = 0;
    uint32_t rows = 0;
  };

  RawColumns columns(uint32_t first, uint32_t rows) const;
  SegmentWriter::Options writer_options(FileSystem& fs, const std::string& directory, uint64_t number = 7) const;
  // Writes all of it, `rows_a_call` at a time.
  Result<SegmentInfo> write(FileSystem& fs, const std::string& directory, uint32_t block_rows,
                            uint64_t number = 7) const;
  // Reads every block and compares each cell; returns what differs, or "".
  std::string compare(const SegmentReader& reader) const;

  std::shared_ptr<const Schema> schema;
  std::vector<Day> days;
  std::vector<TimeUs> times, arrivals;
  std::vector<Lsn> lsns;
  std::vector<RowKind> kinds;
  std::vector<IdSlot> ids;
  std::vector<IdKind> id_kinds;
  std::vector<std::vector<uint32_t>> codes;  // by dimension
  std::vector<Field> fields;
  std::vector<std::unique_ptr<Dictionary>> dictionaries;
  std::vector<RecordTime> records;  // empty: the writer is told nothing

 private:
  void fill_row(Random& random, const SegmentRowsOptions& options, size_t row);
  void fill_id(Random& random, const SegmentRowsOptions& options, size_t row);
  void fill_records(Random& random);
  StringRef text(Random& random, uint32_t longest);
  std::string compare_block(const BlockColumns& block, uint32_t first) const;

  std::deque<std::string> texts_;
};

}  // namespace tally

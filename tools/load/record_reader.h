// Records of a source file, whatever its format: named text values, one record at a time, with the line each began at.
//
//   TALLY_ASSIGN_OR_RETURN(auto reader, open_record_reader(SourceFormat::kCsv, "x.csv", std::move(bytes)));
//   reader->select({"ts", "event_id"});
//   while (TALLY_ASSIGN_OR_RETURN(bool more, reader->next(record)), more) use(record.values);
//
// A record that is malformed comes out with a fault, and reading goes on behind it: at the line after the one it began at.
// Result errors are those of the source (I/O, damaged compression) and end the reading. Values and raw text are views,
// valid until the next call. Limits: limits::kSourceLineBytesMax a record. Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/load/byte_source.h"

namespace tally {

enum class SourceFormat : uint8_t { kCsv, kTsv, kNdjson };

struct SourceValue {
  enum class Kind : uint8_t {
    kNull,
    kText,
    kNested,  // a JSON object or array; `text` is its JSON
  };
  Kind kind = Kind::kNull;
  std::string_view text;
};

// Why a record, or a value of it, cannot become a row.
struct RowFault {
  std::string code;     // a stable word
  std::string message;  // goes on a sentence that began with the row, or with the column
  std::string column;   // of the table; empty: it is the row as a whole

  std::string sentence() const { return (column.empty() ? "this row " : "column \"" + column + "\": ") + message; }
};

struct SourceRecord {
  uint64_t number = 0;              // of the record in its file; 1 is the first behind a header
  uint64_t line = 0;                // at which it begins; 1 is the first of the file
  std::string_view raw;             // without line end; of a malformed record its first line
  std::vector<SourceValue> values;  // parallel to the selected names
  bool faulty = false;
  RowFault fault;
};

class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // CSV, TSV: the header. NDJSON: the keys of the first record, if that is an object.
  virtual const std::vector<std::string>& columns() const = 0;
  // Whether a later record may bring other names than columns().
  virtual bool open_columns() const = 0;
  // Which values next() gives. A name that a record does not have is NULL.
  virtual void select(const std::vector<std::string>& names) = 0;
  virtual Result<bool> next(SourceRecord& record) = 0;  // false at the end
  // Names that records since the last call brought for the first time: neither among columns() nor selected. Of hostile input
  // not all of them: kNewNamesMax.
  virtual std::vector<std::string> take_new_names() { return {}; }
  static constexpr size_t kNewNamesMax = 100;
  virtual const ByteSource& source() const = 0;
};

// Reads as far as the columns. kInvalidArgument for an empty file, a header that names a column twice, UTF-16 and the like.
Result<std::unique_ptr<RecordReader>> open_record_reader(SourceFormat format, const std::string& name,
                                                         std::unique_ptr<ByteSource> bytes);

// By the extension below any compression suffix: events.ndjson.zst. kInvalidArgument when it says nothing.
Result<SourceFormat> source_format_of(const std::string& path);
Result<SourceFormat> parse_source_format(std::string_view name);  // csv, tsv, ndjson (jsonl)

}  // namespace tally

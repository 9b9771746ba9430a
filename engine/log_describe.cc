#include "engine/log_describe.h"

#include <algorithm>

#include "base/timestamp.h"
#include "engine/batch_columns.h"
#include "engine/batch_format.h"
#include "engine/batch_record.h"
#include "engine/event_id.h"
#include "engine/forget_record.h"
#include "engine/retraction_record.h"
#include "wal/log_reader.h"

namespace tally {

namespace {

std::string kind_name(RecordType type) {
  switch (type) {
    case RecordType::kBatch: return "batch";
    case RecordType::kVerdict: return "verdict";
    case RecordType::kRetract: return "retract";
    case RecordType::kForget: return "forget";
    case RecordType::kSchema: return "schema";
    case RecordType::kBackfillBegin: return "backfill begin";
    case RecordType::kBackfillData: return "backfill data";
    case RecordType::kBackfillCommit: return "backfill commit";
    case RecordType::kSetting: return "setting";
    case RecordType::kSeal: return "seal";
    case RecordType::kClockBack: return "clock back";
  }
  return "type " + std::to_string(static_cast<unsigned>(type));
}

std::string_view encoding_text(ColumnEncoding encoding) {
  switch (encoding) {
    case ColumnEncoding::kInts: return "integers";
    case ColumnEncoding::kUuids: return "uuids";
    case ColumnEncoding::kIds: return "ids";
    case ColumnEncoding::kStrings: return "strings";
    case ColumnEncoding::kStringDictionary: return "string dictionary";
    case ColumnEncoding::kIntDictionary: return "integer dictionary";
  }
  return "unknown";
}

std::string batch_text(const RecordView& record) {
  std::string text;
  ByteReader in(record.payload);
  if (auto header = decode_batch_header(in); !header) {
    text += ", a payload that cannot be read: " + header.error().message;
  } else {
    text += ", " + std::to_string(header->rows) + " rows of schema version " + std::to_string(header->schema_version) +
            ", columns";
    for (const BatchEntry& column : header->columns) {
      text += " " + std::to_string(column.column_id) + " (" + std::string(encoding_text(column.encoding)) +
              (column.has_nulls ? " and NULL, " : ", ") + std::to_string(column.bytes) + ")";
    }
    if ((header->flags & kBatchFlagLz4) != 0) text += ", LZ4";
  }
  auto meta = decode_batch_meta(record.meta);
  if (!meta) return text + ", a meta part that cannot be read: " + meta.error().message;
  if (meta->meta.replay) text += ", replay";
  size_t values = 0;
  for (const DictionaryAddition& addition : meta->meta.additions) values += addition.values.size();
  if (values > 0) text += ", " + std::to_string(values) + " new dictionary values";
  const BatchNotes& notes = meta->notes;
  if (!notes.rejected.empty()) text += ", " + std::to_string(notes.rejected.size()) + " rejected rows";
  if (!notes.replays.empty()) text += ", " + std::to_string(notes.replays.size()) + " dead letters replayed";
  return text;
}

std::string verdict_text(const RecordView& record) {
  auto verdict = decode_verdict(IdHasher(HashKey{}), 1, record.meta, record.payload, record.payload_xxh3);
  if (!verdict) return ", " + verdict.error().message;
  return ", " + std::to_string((*verdict)->rows()) + " ids, by \"" + (*verdict)->by + "\": \"" + (*verdict)->reason +
         "\"";
}

std::string settlement_text(const RecordView& record) {
  auto counts = settlement_counts(record.meta);
  if (!counts) return ", " + counts.error().message;
  return ", " + std::to_string(counts->rows) + " taken back, " + std::to_string(counts->gone) + " not in raw";
}

std::string forget_text(const RecordView& record) {
  auto forget = decode_forget(record.meta);
  if (!forget) return ", " + forget.error().message;
  return ", class " + std::to_string(forget->id.lateness_class) + ", generation " +
         std::to_string(forget->id.generation);
}

std::string record_text(const RecordView& record) {
  std::string text = "LSN " + std::to_string(record.lsn) + " " + kind_name(record.type) + ", arrived " +
                     format_timestamp(record.arrival_us) + ", meta " + std::to_string(record.meta.size()) +
                     " bytes, payload " + std::to_string(record.payload.size());
  switch (record.type) {
    case RecordType::kBatch: return text + batch_text(record);
    case RecordType::kVerdict: return text + verdict_text(record);
    case RecordType::kRetract: return text + settlement_text(record);
    case RecordType::kForget: return text + forget_text(record);
    default: return text;
  }
}

// The cells of one column of a batch, whatever it is.
class BatchColumn {
 public:
  Status decode(const BatchEntry& entry, ByteSpan bytes, uint32_t rows) {
    encoding_ = entry.encoding;
    switch (encoding_) {
      case ColumnEncoding::kInts: return decode_ints(bytes, rows, entry.has_nulls, ints_);
      case ColumnEncoding::kUuids: return decode_uuids(bytes, rows, ids_, kinds_);
      case ColumnEncoding::kIds: return decode_ids(bytes, rows, ids_, kinds_);
      case ColumnEncoding::kStrings: return decode_strings(bytes, rows, entry.has_nulls, strings_);
      case ColumnEncoding::kStringDictionary: return decode_string_dictionary(bytes, rows, dictionary_);
      case ColumnEncoding::kIntDictionary: return decode_int_dictionary(bytes, rows, dictionary_);
    }
    return fail(Code::kCorruption, "a column of unknown encoding");
  }

  void append(uint32_t row, std::string& out) const {
    switch (encoding_) {
      case ColumnEncoding::kInts: return append_int(row, out);
      case ColumnEncoding::kUuids:
      case ColumnEncoding::kIds: return append_tsv_text(format_id(kinds_[row], ids_[row]), out);
      case ColumnEncoding::kStrings:
        if (strings_[row].is_null()) break;
        return append_tsv_text(strings_[row].view(), out);
      case ColumnEncoding::kStringDictionary:
      case ColumnEncoding::kIntDictionary: return append_value(dictionary_.codes[row], out);
    }
    out += kTsvNull;
  }

 private:
  void append_int(uint32_t row, std::string& out) const {
    const bool null = !ints_.nulls.empty() && ints_.nulls[row] != 0;
    out += null ? std::string(kTsvNull) : std::to_string(ints_.values[row]);
  }
  void append_value(uint32_t code, std::string& out) const {
    if (code == 0) {
      out += kTsvNull;
    } else if (encoding_ == ColumnEncoding::kIntDictionary) {
      out += std::to_string(load_le<int64_t>(as_bytes(dictionary_.values[code - 1]).data()));
    } else {
      append_tsv_text(dictionary_.values[code - 1], out);
    }
  }

  ColumnEncoding encoding_ = ColumnEncoding::kInts;
  DecodedInts ints_;
  std::vector<IdSlot> ids_;
  std::vector<IdKind> kinds_;
  std::vector<StringRef> strings_;
  DecodedDictionary dictionary_;
};

// The first `rows_max` rows of a batch, with the ids of their columns. Returns how many.
Result<uint64_t> dump_batch(const RecordView& record, uint64_t rows_max, std::string& out) {
  ByteReader in(record.payload);
  TALLY_ASSIGN_OR_RETURN(BatchHeader header, decode_batch_header(in));
  TALLY_ASSIGN_OR_RETURN(ByteSpan stored, in.bytes(header.stored_bytes, "the body of a batch"));
  Bytes inflated;
  ByteSpan body = stored;
  if ((header.flags & kBatchFlagLz4) != 0) {
    TALLY_ASSIGN_OR_RETURN(inflated, inflate_body(stored, header.body_bytes));
    body = inflated;
  }
  std::vector<BatchColumn> columns(header.columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    const BatchEntry& entry = header.columns[i];
    if (entry.bytes > body.size()) return fail(Code::kCorruption, "a column reaches beyond the batch");
    TALLY_TRY(columns[i].decode(entry, body.first(entry.bytes), header.rows));
    body = body.subspan(entry.bytes);
    out += (i == 0 ? "column " : "\tcolumn ") + std::to_string(entry.column_id);
  }
  out += '\n';
  const auto rows = static_cast<uint32_t>(std::min<uint64_t>(header.rows, rows_max));
  for (uint32_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out += '\t';
      columns[i].append(row, out);
    }
    out += '\n';
  }
  return rows;
}

void describe_header(const LogFileReader& reader, std::vector<std::string>& lines) {
  const LogFileHeader& header = reader.header();
  lines.push_back("log file " + std::to_string(header.file_number) + " of table " + hex(header.table_uuid));
  lines.push_back("  " + std::to_string(reader.file_bytes()) + " bytes, first LSN " + std::to_string(header.first_lsn) +
                  ", epoch " + hex(header.epoch) + (header.run_start() ? ", begins a run" : "") +
                  (header.reused() ? ", reused" : ""));
  lines.push_back("  follows file " + std::to_string(header.predecessor.file_number) + " with LSN " +
                  std::to_string(header.predecessor.last_lsn) + ", which ends at " +
                  std::to_string(header.predecessor.bytes));
}

}  // namespace

Result<FileDescription> describe_log_file(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(LogFileReader reader, LogFileReader::open(fs, path, OpenMode::kRead));
  FileDescription description;
  std::vector<std::string>& lines = description.lines;
  describe_header(reader, lines);
  LogGroup group;
  uint64_t groups = 0, records = 0;
  while (true) {
    TALLY_ASSIGN_OR_RETURN(LogFileReader::Step step, reader.next(group));
    if (step == LogFileReader::Step::kEnd) break;
    if (step == LogFileReader::Step::kBad) {
      lines.push_back("problem: offset " + std::to_string(reader.offset()) + ": " + reader.problem());
      description.sound = false;
      break;
    }
    ++groups;
    records += group.records.size();
    lines.push_back("group " + std::to_string(group.header.group_number) + " at " + std::to_string(group.offset) +
                    ": " + std::to_string(group.header.bytes) + " bytes, " + std::to_string(group.records.size()) +
                    " records, durable through LSN " + std::to_string(group.header.durable_lsn));
    for (const RecordView& record : group.records) lines.push_back("  " + record_text(record));
  }
  lines.push_back("in all " + std::to_string(groups) + " groups with " + std::to_string(records) +
                  " records, last LSN " + std::to_string(reader.next_lsn() - 1));
  return description;
}

Status dump_log_rows(FileSystem& fs, const std::string& path, uint64_t rows_max, const TextSink& sink) {
  TALLY_ASSIGN_OR_RETURN(LogFileReader reader, LogFileReader::open(fs, path, OpenMode::kRead));
  LogGroup group;
  uint64_t rows = 0;
  while (rows < rows_max) {
    TALLY_ASSIGN_OR_RETURN(LogFileReader::Step step, reader.next(group));
    if (step == LogFileReader::Step::kEnd) break;
    if (step == LogFileReader::Step::kBad) {
      return fail(Code::kCorruption, path + ": offset " + std::to_string(reader.offset()) + ": " + reader.problem());
    }
    for (const RecordView& record : group.records) {
      if (record.type != RecordType::kBatch || rows >= rows_max) continue;
      std::string text = "# " + record_text(record) + "\n";
      Result<uint64_t> dumped = dump_batch(record, rows_max - rows, text);
      sink(text);
      if (!dumped) {
        Error error = std::move(dumped).error();
        error.code = Code::kCorruption;  // what was sent was checked before it was logged
        return std::unexpected(std::move(error).with_context(path + ": LSN " + std::to_string(record.lsn)));
      }
      rows += *dumped;
    }
  }
  return {};
}

}  // namespace tally

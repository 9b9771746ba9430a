#include "tools/load/letter_reader.h"

#include <algorithm>

#include "tools/load/byte_source.h"

namespace tally {

namespace {

RowFault unreadable(const std::string& message) { return {"unreadable", "cannot be read again: " + message, ""}; }

// As RFC 4180 has it; a quoted name is itself even where it would be empty.
void append_csv(std::string_view name, std::string& out) {
  out += '"';
  for (char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_tsv(std::string_view name, std::string& out) {
  for (char c : name) {
    switch (c) {
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\\': out += "\\\\"; break;
      default: out += c;
    }
  }
}

Result<SourceFormat> source_format(RawFormat format) {
  switch (format) {
    case RawFormat::kCsv: return SourceFormat::kCsv;
    case RawFormat::kTsv: return SourceFormat::kTsv;
    case RawFormat::kNdjson: return SourceFormat::kNdjson;
    case RawFormat::kNone: break;
  }
  return fail(Code::kInvalidArgument, "nothing says what format it has");
}

}  // namespace

std::string header_line(SourceFormat format, const std::vector<std::string>& columns) {
  std::string line;
  if (format == SourceFormat::kNdjson) return line;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (format == SourceFormat::kCsv) {
      if (i > 0) line += ',';
      append_csv(columns[i], line);
    } else {
      if (i > 0) line += '\t';
      append_tsv(columns[i], line);
    }
  }
  return line;
}

RawFormat raw_format_of(SourceFormat format) {
  switch (format) {
    case SourceFormat::kCsv: return RawFormat::kCsv;
    case SourceFormat::kTsv: return RawFormat::kTsv;
    case SourceFormat::kNdjson: return RawFormat::kNdjson;
  }
  return RawFormat::kNone;
}

std::string mapping_lines(const std::vector<ColumnMapping>& mappings) {
  std::string lines;
  for (const ColumnMapping& mapping : mappings) lines += mapping.column + "=" + mapping.source + "\n";
  return lines;
}

Result<std::vector<ColumnMapping>> LetterReader::mappings_of(const BatchSource& source) const {
  std::vector<ColumnMapping> mappings = mappings_;
  std::string_view lines = source.mapping;
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    TALLY_ASSIGN_OR_RETURN(ColumnMapping mapping, parse_column_mapping(std::string(lines.substr(0, end))));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (std::ranges::find(mappings_, mapping.column, &ColumnMapping::column) == mappings_.end()) {
      mappings.push_back(std::move(mapping));
    }
  }
  return mappings;
}

// A header says all columns, so that its converter serves the next row as well; an object says only its own.
Status LetterReader::prepare(const BatchSource& source, RecordReader& reader) {
  if (!reader.open_columns() && converter_ && prepared_ == source) return {};
  prepared_.reset();
  TALLY_ASSIGN_OR_RETURN(auto mappings, mappings_of(source));
  TALLY_ASSIGN_OR_RETURN(converter_, RowConverter::make(schema_, reader.columns(), reader.open_columns(), mappings));
  prepared_ = source;
  return {};
}

std::optional<RowFault> LetterReader::read(const BatchSource& source, const RejectedRow& row, BatchBuilder& builder) {
  auto format = source_format(source.format);
  if (!format) return unreadable(format.error().message);
  std::string text = source.header;
  if (*format != SourceFormat::kNdjson) text += '\n';
  text += row.raw;
  text += '\n';
  const ByteSpan bytes = as_bytes(text);
  auto reader = open_record_reader(*format, source.name, memory_source(Bytes(bytes.begin(), bytes.end())));
  if (!reader) return unreadable(reader.error().message);
  if ((*reader)->columns().empty()) {  // an NDJSON row that is no object: its own fault says it best
    SourceRecord only;
    auto there = (*reader)->next(only);
    if (there && *there && only.faulty) return only.fault;
  }
  if (Status status = prepare(source, **reader); !status) return unreadable(status.error().message);
  (*reader)->select(converter_->source_names());
  SourceRecord record;
  auto more = (*reader)->next(record);
  if (!more) return unreadable(more.error().message);
  if (!*more) return unreadable("there is no record in it");
  return converter_->convert(record, builder);
}

}  // namespace tally

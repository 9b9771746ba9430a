#include "tools/load/record_reader.h"

#include "base/file_names.h"
#include "tools/load/delimited_reader.h"
#include "tools/load/ndjson_reader.h"

namespace tally {

Result<std::unique_ptr<RecordReader>> open_record_reader(SourceFormat format, const std::string& name,
                                                         std::unique_ptr<ByteSource> bytes) {
  if (format == SourceFormat::kNdjson) return open_ndjson_reader(name, std::move(bytes));
  return open_delimited_reader(format, name, std::move(bytes));
}

Result<SourceFormat> source_format_of(const std::string& path) {
  if (path == kStandardInput) {
    return fail(Code::kInvalidArgument,
                "stdin has no name to tell its format by: say --input-format csv, tsv or ndjson");
  }
  std::string name = base_name(path);
  for (std::string_view suffix : {".gz", ".zst", ".zstd", ".lz4"}) {
    if (name.ends_with(suffix)) {
      name.resize(name.size() - suffix.size());
      break;
    }
  }
  size_t dot = name.rfind('.');
  if (dot != std::string::npos) {
    if (auto format = parse_source_format(std::string_view(name).substr(dot + 1))) return format;
  }
  return fail(Code::kInvalidArgument,
              "the name of " + path + " does not tell its format: say --input-format csv, tsv or ndjson");
}

Result<SourceFormat> parse_source_format(std::string_view name) {
  if (name == "csv") return SourceFormat::kCsv;
  if (name == "tsv") return SourceFormat::kTsv;
  if (name == "ndjson" || name == "jsonl" || name == "json") return SourceFormat::kNdjson;
  return fail(Code::kInvalidArgument,
              "unknown input format \"" + std::string(name) + "\": there are csv, tsv and ndjson");
}

}  // namespace tally

#include "tools/inspect.h"

#include "base/file_names.h"
#include "base/timestamp.h"
#include "engine/batch_record.h"
#include "engine/database_directory.h"
#include "engine/manifest_reader.h"
#include "engine/segment_reader.h"
#include "tools/console.h"
#include "wal/log_reader.h"

namespace tally {

namespace {

constexpr uint64_t kMarkerBytesMax = 4096;

void line(std::string& out, std::string_view name, const std::string& value) {
  out += "  " + std::string(name) + std::string(18 - std::min<size_t>(name.size(), 17), ' ') + value + "\n";
}

std::string ledger_text(const Ledger& ledger) {
  return with_thousands(ledger.received) + " received = " + with_thousands(ledger.accepted) + " accepted + " +
         with_thousands(ledger.duplicates) + " duplicates + " + with_thousands(ledger.conflicts) + " conflicts + " +
         with_thousands(ledger.too_late) + " too late + " + with_thousands(ledger.rejected) + " rejected";
}

std::string span_text(TimeUs from, TimeUs to) { return format_timestamp(from) + " to " + format_timestamp(to); }

Result<Inspection> inspect_marker(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(Bytes bytes, read_whole_file(fs, path, kMarkerBytesMax));
  TALLY_ASSIGN_OR_RETURN(DatabaseUuid uuid, decode_marker(bytes));
  Inspection inspection{"the marker of a Tally database\n"};
  line(inspection.text, "database", hex(uuid));
  return inspection;
}

Result<Inspection> inspect_manifest(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(LoadedManifest loaded, read_manifest_file(fs, path, nullptr));
  const ManifestState& state = loaded.state;
  Inspection inspection{"the manifest of table \"" + state.schema()->table_name + "\"\n"};
  std::string& out = inspection.text;
  line(out, "table", hex(state.table_uuid));
  line(out, "edits", with_thousands(loaded.edits) + " behind the snapshot");
  if (loaded.torn_at)
    line(out, "torn", "the last edit, at " + std::to_string(*loaded.torn_at) + ", was never confirmed");
  line(out, "schema versions", std::to_string(state.schemas.size()));
  line(out, "log",
       "flushed through LSN " + std::to_string(state.log.flushed_lsn) + ", files from " +
           log_file_name(state.log.first_file) + " on");
  line(out, "ledger", ledger_text(state.ledger));
  line(out, "dictionary files", std::to_string(state.dictionary_files.size()));
  line(out, "segments", std::to_string(state.segments.size()));
  for (const auto& [number, segment] : state.segments) {
    out += "    " + segment_name(number) + "  " + quantity(segment.rows, "row") + ", " + human_bytes(segment.size) +
           ", LSN " + std::to_string(segment.min_lsn) + " to " + std::to_string(segment.max_lsn) + ", " +
           span_text(segment.min_time, segment.max_time) + "\n";
  }
  return inspection;
}

Result<Inspection> inspect_segment(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(auto reader, SegmentReader::open(fs, path, nullptr));
  const SegmentInfo& info = reader->info();
  Inspection inspection{"a raw segment of table \"" + reader->schema().table_name + "\"\n"};
  std::string& out = inspection.text;
  line(out, "rows", with_thousands(info.rows) + ", of them " + with_thousands(info.events) + " events");
  line(out, "size", human_bytes(info.size));
  line(out, "event times", span_text(info.min_time, info.max_time));
  line(out, "LSN", std::to_string(info.min_lsn) + " to " + std::to_string(info.max_lsn));
  line(out, "schema version", std::to_string(info.schema_version));
  for (const SegmentReader::Section& section : reader->sections()) {
    line(out, format_timestamp(section.day * kMicrosPerDay).substr(0, 10),
         quantity(section.rows, "row") + " in " + quantity(section.blocks, "block"));
  }
  TALLY_ASSIGN_OR_RETURN(std::vector<std::string> problems, reader->verify());
  for (const std::string& problem : problems) line(out, "problem", problem);
  inspection.sound = problems.empty();
  if (inspection.sound) line(out, "checksums", "all good");
  return inspection;
}

std::string record_text(const RecordView& record) {
  std::string text = "LSN " + std::to_string(record.lsn) + ", arrived " + format_timestamp(record.arrival_us) + ", ";
  if (record.type != RecordType::kBatch) return text + "type " + std::to_string(static_cast<int>(record.type));
  text += "a batch of " + human_bytes(record.payload.size());
  auto meta = decode_batch_meta(record.meta);
  if (!meta) return text + ", its meta is damaged: " + meta.error().message;
  if (meta->meta.replay) text += ", replay";
  if (!meta->rejected.empty()) text += ", " + quantity(meta->rejected.size(), "rejected row");
  return text;
}

Result<Inspection> inspect_log(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(LogFileReader reader, LogFileReader::open(fs, path, OpenMode::kRead));
  Inspection inspection{"a log file\n"};
  std::string& out = inspection.text;
  line(out, "size", human_bytes(reader.file_bytes()));
  line(out, "first LSN", std::to_string(reader.header().first_lsn));
  LogGroup group;
  while (true) {
    TALLY_ASSIGN_OR_RETURN(LogFileReader::Step step, reader.next(group));
    if (step == LogFileReader::Step::kEnd) break;
    if (step == LogFileReader::Step::kBad) {
      line(out, "problem", "at " + std::to_string(reader.offset()) + ": " + reader.problem());
      inspection.sound = false;
      break;
    }
    line(out, "group at " + std::to_string(group.offset), quantity(group.records.size(), "record"));
    for (const RecordView& record : group.records) out += "    " + record_text(record) + "\n";
  }
  line(out, "last LSN", std::to_string(reader.next_lsn() - 1));
  return inspection;
}

}  // namespace

Result<Inspection> inspect_file(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(FileInfo info, fs.info(path));
  switch (info.is_directory ? FileKind::kUnknown : parse_file_name(base_name(path)).kind) {
    case FileKind::kMarker: return inspect_marker(fs, path);
    case FileKind::kManifest: return inspect_manifest(fs, path);
    case FileKind::kSegment: return inspect_segment(fs, path);
    case FileKind::kLogFile: return inspect_log(fs, path);
    default: break;
  }
  return fail(Code::kInvalidArgument,
              path + " is none of the files that can be shown: TALLY, MANIFEST-*, *.seg or *.log of a database");
}

}  // namespace tally

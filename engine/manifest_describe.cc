#include "engine/manifest_describe.h"

#include "engine/manifest_reader.h"

namespace tally {

namespace {

std::string tier_name(const SegmentInfo& segment) {
  switch (segment.tier) {
    case Tier::kRaw: return "raw";
    case Tier::kMinute: return "minute";
    case Tier::kHour: return "hour";
    case Tier::kDay: return "day";
  }
  return "unknown";
}

void describe_edits(const LoadedManifest& loaded, std::vector<std::string>& lines) {
  lines.push_back("  one snapshot and " + std::to_string(loaded.edits) + " edits, the last is number " +
                  std::to_string(loaded.edit_number));
  if (loaded.copies_lost > 0) {
    lines.push_back("  " + std::to_string(loaded.copies_lost) +
                    " edits were read from their second copy: the first is damaged");
  }
  if (loaded.torn_at) {
    lines.push_back("  the edit at offset " + std::to_string(*loaded.torn_at) + " was never confirmed and is left out");
  }
}

void describe_files(const ManifestState& state, std::vector<std::string>& lines) {
  lines.push_back("segments: " + std::to_string(state.segments.size()));
  for (const auto& [number, segment] : state.segments) {
    lines.push_back("  " + std::to_string(number) + " " + tier_name(segment) + ": " + std::to_string(segment.rows) +
                    " rows, " + std::to_string(segment.events) + " events, " + std::to_string(segment.size) +
                    " bytes, LSN " + std::to_string(segment.min_lsn) + " to " + std::to_string(segment.max_lsn) +
                    ", schema " + std::to_string(segment.schema_version) + ", file " + hex(segment.uuid));
  }
  lines.push_back("dictionary files: " + std::to_string(state.dictionary_files.size()));
  for (const DictionaryFileInfo& file : state.dictionary_files) {
    lines.push_back("  " + std::to_string(file.number) + ": " + std::to_string(file.size) + " bytes, file " +
                    hex(file.uuid));
  }
  lines.push_back("id runs: " + std::to_string(state.id_runs.size()));
  for (const auto& [number, run] : state.id_runs) {
    lines.push_back("  " + std::to_string(number) + " class " + std::to_string(run.place.lateness_class) +
                    ", generation " + std::to_string(run.place.generation) + ", shard " +
                    std::to_string(run.place.shard) + " of " + std::to_string(run.place.shards) + ": " +
                    std::to_string(run.entries) + " ids, " + std::to_string(run.size) + " bytes, through LSN " +
                    std::to_string(run.summary.max_lsn) + ", file " + hex(run.uuid));
  }
  for (auto [dimension, size] : state.dictionary_sizes) {
    const Column* column = state.schema()->find_column(dimension);
    lines.push_back("  " + (column == nullptr ? "dimension " + std::to_string(dimension) : column->name) + ": " +
                    std::to_string(size) + " codes");
  }
}

}  // namespace

Result<std::vector<std::string>> describe_manifest(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(LoadedManifest loaded, read_manifest_file(fs, path, nullptr));
  const ManifestState& state = loaded.state;
  std::vector<std::string> lines;
  lines.push_back("manifest " + std::to_string(loaded.number) + " of table \"" + state.schema()->table_name + "\" " +
                  hex(state.table_uuid));
  describe_edits(loaded, lines);
  lines.push_back("log: flushed through LSN " + std::to_string(state.log.flushed_lsn) + ", durable through " +
                  std::to_string(state.log.synced_lsn) + ", from file " + std::to_string(state.log.first_file));
  const Ledger& ledger = state.ledger;
  lines.push_back("ledger: received " + std::to_string(ledger.received) + " = accepted " +
                  std::to_string(ledger.accepted) + " + duplicates " + std::to_string(ledger.duplicates) +
                  " + conflicts " + std::to_string(ledger.conflicts) + " + too late " +
                  std::to_string(ledger.too_late) + " + rejected " + std::to_string(ledger.rejected));
  lines.push_back("schemas: " + std::to_string(state.schemas.size()) + ", next file number " +
                  std::to_string(state.next_file_number));
  describe_files(state, lines);
  return lines;
}

}  // namespace tally

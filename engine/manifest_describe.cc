#include "engine/manifest_describe.h"

#include "base/file_names.h"
#include "base/timestamp.h"
#include "engine/manifest_reader.h"

namespace tally {

namespace {

std::string segment_text(const SegmentInfo& segment) {
  return segment_name(segment.number) + " " + std::string(tier_name(segment.tier)) + ": " +
         std::to_string(segment.rows) + " rows, " + std::to_string(segment.events) + " events, " +
         std::to_string(segment.size) + " bytes, LSN " + std::to_string(segment.min_lsn) + " to " +
         std::to_string(segment.max_lsn) + ", " + format_timestamp(segment.min_time) + " to " +
         format_timestamp(segment.max_time) + ", schema " + std::to_string(segment.schema_version) + ", file " +
         hex(segment.uuid);
}

std::string letter_file_text(const LetterFileInfo& file) {
  return "dead letter file " + std::to_string(file.number) + ": " + std::to_string(file.letters) + " letters, " +
         std::to_string(file.marks) + " marks, " + std::to_string(file.size) + " bytes, LSN " +
         std::to_string(file.min_lsn) + " to " + std::to_string(file.max_lsn) + ", arrived " +
         format_timestamp(file.min_arrival_us) + " to " + format_timestamp(file.max_arrival_us) + ", file " +
         hex(file.uuid);
}

std::string ledger_text(const Ledger& ledger) {
  return "received " + std::to_string(ledger.received) + " = accepted " + std::to_string(ledger.accepted) +
         " + duplicates " + std::to_string(ledger.duplicates) + " + conflicts " + std::to_string(ledger.conflicts) +
         " + too late " + std::to_string(ledger.too_late) + " + rejected " + std::to_string(ledger.rejected) +
         "; retracted " + std::to_string(ledger.retracted);
}

std::string log_text(const LogPosition& log) {
  return "flushed through LSN " + std::to_string(log.flushed_lsn) + ", durable through " +
         std::to_string(log.synced_lsn) + ", from file " + std::to_string(log.first_file);
}

std::string anchor_text(const ClockAnchor& anchor) {
  return format_timestamp(anchor.wall_us) + " at " + std::to_string(anchor.boottime_us) + " us of boot " +
         anchor.boot_id + (anchor.confirmed ? ", confirmed" : "");
}

// What one edit changes, a line each; what stays as it was is left out.
void describe_edit(uint64_t offset, uint64_t number, const ManifestEdit& edit, std::vector<std::string>& lines) {
  lines.push_back("edit " + std::to_string(number) + " at " + std::to_string(offset) + ", " +
                  format_timestamp(edit.wall_us));
  for (const SegmentInfo& segment : edit.add_segments) lines.push_back("  + segment " + segment_text(segment));
  for (uint64_t segment : edit.remove_segments) lines.push_back("  - segment " + segment_name(segment));
  for (const DictionaryFileInfo& file : edit.add_dictionary_files) {
    lines.push_back("  + dictionary file " + std::to_string(file.number) + ": " + std::to_string(file.size) + " bytes");
  }
  for (uint64_t file : edit.remove_dictionary_files) lines.push_back("  - dictionary file " + std::to_string(file));
  for (const IdRunInfo& run : edit.add_id_runs) {
    lines.push_back("  + id run " + std::to_string(run.number) + ": " + std::to_string(run.entries) + " ids");
  }
  for (const LetterFileInfo& file : edit.add_letter_files) lines.push_back("  + " + letter_file_text(file));
  for (uint64_t file : edit.remove_letter_files) lines.push_back("  - dead letter file " + std::to_string(file));
  for (uint64_t run : edit.remove_id_runs) lines.push_back("  - id run " + std::to_string(run));
  for (auto [dimension, size] : edit.dictionary_sizes) {
    lines.push_back("  dimension " + std::to_string(dimension) + " has " + std::to_string(size) + " codes");
  }
  if (edit.add_schema) lines.push_back("  + schema version " + std::to_string((*edit.add_schema)->version));
  if (edit.log) lines.push_back("  log: " + log_text(*edit.log));
  if (edit.ledger) lines.push_back("  ledger: " + ledger_text(*edit.ledger));
  if (edit.anchor) lines.push_back("  clock: " + anchor_text(*edit.anchor));
  if (edit.arrival_back_us) lines.push_back("  arrival goes back to " + format_timestamp(*edit.arrival_back_us));
  if (edit.next_file_number) lines.push_back("  next file number " + std::to_string(*edit.next_file_number));
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
  for (const auto& [number, segment] : state.segments) lines.push_back("  " + segment_text(segment));
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
  lines.push_back("retraction files: " + std::to_string(state.retraction_files.size()) +
                  ", verdicts looked up through LSN " + std::to_string(state.resolved_lsn));
  for (const RetractionFileInfo& file : state.retraction_files) {
    lines.push_back("  " + std::to_string(file.number) + ": " + std::to_string(file.retractions) + " retractions, " +
                    std::to_string(file.size) + " bytes, file " + hex(file.uuid));
  }
  const LetterCounts& letters = state.letters;
  lines.push_back("dead letters: " + std::to_string(letters.kept) + " kept, " + std::to_string(letters.dropped) +
                  " dropped (through LSN " + std::to_string(letters.dropped_through) + "), " +
                  std::to_string(letters.replayed) + " replayed, " + std::to_string(letters.before) +
                  " rows refused before there were any");
  for (const auto& [number, file] : state.letter_files) lines.push_back("  " + letter_file_text(file));
  lines.push_back("horizons: " + std::to_string(state.horizons.size()));
  for (const auto& [place, horizon] : state.horizons) {
    lines.push_back("  class " + std::to_string(place.first) + ", UTC day " + std::to_string(place.second) + ": " +
                    std::to_string(horizon));
  }
  for (auto [dimension, size] : state.dictionary_sizes) {
    const Column* column = state.schema()->find_column(dimension);
    lines.push_back("  " + (column == nullptr ? "dimension " + std::to_string(dimension) : column->name) + ": " +
                    std::to_string(size) + " codes");
  }
}

}  // namespace

Result<FileDescription> describe_manifest(FileSystem& fs, const std::string& path) {
  std::vector<std::string> edits;
  auto note = [&](uint64_t offset, uint64_t number, const ManifestEdit& edit) {
    describe_edit(offset, number, edit, edits);
  };
  TALLY_ASSIGN_OR_RETURN(LoadedManifest loaded, read_manifest_file(fs, path, nullptr, note));
  const ManifestState& state = loaded.state;
  FileDescription description;
  std::vector<std::string>& lines = description.lines;
  lines.push_back("manifest " + std::to_string(loaded.number) + " of table \"" + state.schema()->table_name + "\" " +
                  hex(state.table_uuid));
  describe_edits(loaded, lines);
  lines.insert(lines.end(), edits.begin(), edits.end());
  lines.push_back("in all:");
  lines.push_back("log: " + log_text(state.log));
  lines.push_back("ledger: " + ledger_text(state.ledger));
  lines.push_back("newest arrival " + format_timestamp(state.newest_arrival_us) +
                  (state.newest_forget_us == 0 ? "" : ", newest FORGET " + format_timestamp(state.newest_forget_us)));
  if (state.anchor) lines.push_back("clock: " + anchor_text(*state.anchor));
  lines.push_back("schemas: " + std::to_string(state.schemas.size()) + ", next file number " +
                  std::to_string(state.next_file_number));
  describe_files(state, lines);
  return description;
}

}  // namespace tally

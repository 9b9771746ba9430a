#include "engine/check.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <set>

#include "base/figures.h"
#include "base/file_names.h"
#include "base/limits.h"
#include "engine/database_directory.h"
#include "engine/dead_letter_check.h"
#include "engine/dictionary_file.h"
#include "engine/id_run.h"
#include "engine/manifest_reader.h"
#include "engine/orphans.h"
#include "engine/retraction_file.h"
#include "engine/retraction_log.h"
#include "engine/rollup_check.h"
#include "engine/segment_reader.h"
#include "wal/log_verify.h"

namespace tally {

namespace {

class TableChecker {
 public:
  TableChecker(FileSystem& fs, Clock& clock, const std::string& name, const std::string& directory)
      : fs_(fs), clock_(clock), paths_(directory) {
    report_.table = name;
  }

  TableCheck run() {
    auto loaded = read_current_manifest(fs_, paths_.directory());
    if (!loaded) {
      problem(loaded.error().message);
      return std::move(report_);
    }
    state_ = std::move(loaded->state);
    if (loaded->torn_at) note("the last edit of the manifest was never confirmed and is left out");
    if (loaded->copies_lost > 0) {
      note(std::to_string(loaded->copies_lost) + " edits of the manifest were read from their second copy");
    }
    report_.ledger = state_.ledger;
    check_dictionaries();
    check_segments();
    check_id_runs();
    check_retractions();
    for (std::string& line : check_letters(fs_, paths_, state_)) problem(std::move(line));
    check_log();
    check_counts();
    check_rollups();
    check_unlisted();
    check_orphans();
    return std::move(report_);
  }

 private:
  void problem(std::string text) { report_.problems.push_back(std::move(text)); }
  void note(std::string text) { report_.notes.push_back(std::move(text)); }

  void check_segments();
  void check_segment(const SegmentInfo& info);
  void check_appendix(const SegmentReader& reader, const std::string& path);
  void count_retractions(const SegmentReader& reader);
  void check_value(const DictionaryTarget& target, uint32_t code, const std::string& value, const std::string& path);
  void check_dictionaries();
  void check_id_runs();
  void check_retractions();
  void check_log();
  void check_counts();
  void check_rollups();
  void check_unlisted();
  void check_orphans();
  void check_unlisted(const std::string& directory, const std::function<bool(const ParsedName&)>& listed);

  FileSystem& fs_;
  Clock& clock_;
  TablePaths paths_;
  ManifestState state_;
  TableCheck report_;
  uint64_t events_ = 0;
  uint64_t ids_ = 0;
  uint64_t retracted_ = 0;
  bool retractions_readable_ = false;
  uint64_t retraction_rows_ = 0;
  bool segments_sound_ = true;
  // By dimension, as the dictionary files have them; empty where those cannot be read.
  std::vector<std::unique_ptr<Dictionary>> dictionaries_;
  std::vector<DictionaryTarget> targets_;
};

void TableChecker::check_segments() {
  for (const auto& [number, info] : state_.segments) {
    const size_t before = report_.problems.size();
    if (info.tier == Tier::kRaw) {
      ++report_.segments;
      report_.segment_bytes += info.size;
      report_.rows += info.rows;
    } else {
      ++report_.rollup_segments;
      report_.rollup_bytes += info.size;
      report_.rollup_rows += info.rows;
    }
    if (info.tier == Tier::kRaw) events_ += info.events;
    check_segment(info);
    segments_sound_ = segments_sound_ && report_.problems.size() == before;
  }
}

void TableChecker::check_segment(const SegmentInfo& info) {
  std::string path = paths_.segment(info.number);
  auto reader = SegmentReader::open(fs_, path, &info);
  if (!reader) return problem(reader.error().message);
  if ((*reader)->table_uuid() != state_.table_uuid) problem(path + " belongs to another table");
  auto found = (*reader)->verify();
  if (!found) return problem(found.error().message);
  for (std::string& line : *found) {
    problem(line.find(path) == std::string::npos ? path + ": " + line : std::move(line));
  }
  uint64_t rows = 0;
  for (const SegmentReader::Section& section : (*reader)->sections()) rows += section.rows;
  if (rows != info.rows) {
    problem(path + " holds " + std::to_string(rows) + " rows, and the manifest says " + std::to_string(info.rows));
  }
  check_appendix(**reader, path);
  if (info.tier == Tier::kRaw) count_retractions(**reader);
}

// What cannot be read was named by verify().
void TableChecker::count_retractions(const SegmentReader& reader) {
  ColumnSelection kinds;
  kinds.times = false;
  auto cursor = reader.cursor(std::move(kinds));
  for (uint32_t block = 0; block < reader.blocks().size(); ++block) {
    auto read = cursor->read(block);
    if (!read) return;
    const RawColumns& rows = (*read)->rows;
    retraction_rows_ += static_cast<uint64_t>(std::count(rows.kinds, rows.kinds + rows.rows, RowKind::kRetraction));
  }
}

// A segment brings the strings of its codes: they must be those of the table. One line a dimension; a part that cannot be
// read was named by verify().
void TableChecker::check_appendix(const SegmentReader& reader, const std::string& path) {
  for (const DictionaryTarget& target : targets_) {
    auto entries = reader.appendix(target.dimension_id);
    if (!entries) continue;
    auto differs = std::find_if(entries->begin(), entries->end(), [&](const auto& entry) {
      return entry.first >= target.dictionary->size() || target.dictionary->value(entry.first) != entry.second;
    });
    if (differs != entries->end()) check_value(target, differs->first, differs->second, path);
  }
}

void TableChecker::check_value(const DictionaryTarget& target, uint32_t code, const std::string& value,
                               const std::string& path) {
  const Column& column = *state_.find_column(target.dimension_id);
  auto spelled = [&](std::string_view text) {
    if (column.type != ColumnType::kInt64 || text.size() != sizeof(int64_t)) return "\"" + std::string(text) + "\"";
    return std::to_string(load_le<int64_t>(as_bytes(text).data()));
  };
  const bool known = code < target.dictionary->size();
  problem(path + ": appendix: dimension \"" + column.name + "\", code " + std::to_string(code) + " stands for " +
          spelled(value) + ", and in the dictionary files for " +
          (known ? spelled(target.dictionary->value(code)) : "nothing"));
}

// Loading the files in order is the check: each must continue the codes of those before it.
void TableChecker::check_dictionaries() {
  std::vector<DictionaryTarget> targets;
  std::set<uint32_t> ids;
  for (const auto& version : state_.schemas) {
    for (size_t position : version->dimensions()) ids.insert(version->columns[position].id);
  }
  for (uint32_t id : ids) {
    dictionaries_.push_back(std::make_unique<Dictionary>(limits::kDimensionValuesMax));
    targets.push_back({id, dictionaries_.back().get()});
  }
  for (const DictionaryFileInfo& info : state_.dictionary_files) {
    Status status = load_dictionary_file(fs_, paths_.dictionary(info.number), info, targets);
    if (!status) return problem(status.error().message);
  }
  targets_ = targets;
  for (const DictionaryTarget& target : targets) {
    report_.dictionary_values += target.dictionary->size() - kFirstValueCode;
    auto known = state_.dictionary_sizes.find(target.dimension_id);
    uint32_t wanted = known == state_.dictionary_sizes.end() ? kFirstValueCode : known->second;
    if (target.dictionary->size() < wanted) {
      problem("the dictionary files of dimension \"" + state_.find_column(target.dimension_id)->name + "\" hold " +
              std::to_string(target.dictionary->size()) + " codes, and the manifest says " + std::to_string(wanted));
    }
  }
}

void TableChecker::check_id_runs() {
  for (const auto& [number, info] : state_.id_runs) {
    ids_ += info.entries;
    const std::string path = paths_.id_run(number);
    auto run = IdRun::open(fs_, path, &info);
    if (!run) {
      problem(run.error().message);
      continue;
    }
    if ((*run)->table_uuid() != state_.table_uuid) problem(path + " belongs to another table");
    auto found = (*run)->verify();
    if (!found) {
      problem(found.error().message);
      continue;
    }
    for (std::string& line : *found) {
      problem(line.find(path) == std::string::npos ? path + ": " + line : std::move(line));
    }
  }
}

void TableChecker::check_retractions() {
  auto files = open_retraction_files(fs_, paths_, state_.retraction_files);
  if (!files) return problem(files.error().message);
  retractions_readable_ = true;
  std::vector<Retraction> all;
  for (const auto& file : *files) {
    auto read = read_retraction_file(*file);
    if (!read) {
      problem(read.error().message);
      retractions_readable_ = false;
      continue;
    }
    all.insert(all.end(), read->begin(), read->end());
  }
  const IdHasher hasher(state_.hash_key);
  for (const Retraction& one : all) {
    if (hasher.hash(one.id_kind, one.slot()) != one.key) {
      problem("the retraction of " + format_id(one.id_kind, one.slot()) + " stands under the key of another id");
    }
    if (one.changed_lsn() > state_.log.flushed_lsn) {
      problem("the retraction of " + format_id(one.id_kind, one.slot()) + " is newer than the last flush");
    }
  }
  for (const Retraction& one : newest_by_key(std::move(all))) {
    retracted_ += one.state == RetractionState::kRetracted ? 1 : 0;
  }
}

void TableChecker::check_log() {
  LogOptions options;
  options.fs = &fs_;
  options.clock = &clock_;
  options.directory = paths_.log_directory();
  options.table_uuid = state_.table_uuid;
  auto log = verify_log(options, state_.log);
  if (!log) return problem(log.error().message);
  for (const LogFileReport& file : log->files) {
    if (!file.problem.empty() && !log->problem.empty()) problem(file.path + ": " + file.problem);
  }
  if (!log->problem.empty()) return problem(log->problem);
  report_.log_records = log->recovery.records;
  if (log->recovery.torn) {
    note("the log ends in a write that a crash cut off, in file " + log_file_name(log->recovery.torn->file_number) +
         " at " + std::to_string(log->recovery.torn->offset) + "; nothing of it was ever acknowledged");
  }
}

void TableChecker::check_rollups() {
  if (!segments_sound_) return;
  std::map<uint32_t, const Dictionary*> dictionaries;
  for (const DictionaryTarget& target : targets_) dictionaries[target.dimension_id] = target.dictionary;
  for (std::string& what : tally::check_rollups(fs_, paths_, state_, dictionaries)) problem(std::move(what));
}

void TableChecker::check_counts() {
  const Ledger& ledger = state_.ledger;
  if (!ledger.balanced()) {
    problem("the ledger does not balance: " + std::to_string(ledger.received) + " received, but " +
            std::to_string(ledger.accepted) + " accepted, " + std::to_string(ledger.duplicates) + " duplicates, " +
            std::to_string(ledger.conflicts) + " conflicts, " + std::to_string(ledger.too_late) + " too late, " +
            std::to_string(ledger.rejected) + " rejected");
  }
  const auto dropped = state_.dropped_events.find(0);
  const uint64_t gone = dropped == state_.dropped_events.end() ? 0 : dropped->second;
  if (events_ + gone != ledger.accepted) {
    problem("the segments hold " + std::to_string(events_) + " events" +
            (gone == 0 ? std::string() : ", retention has dropped " + std::to_string(gone)) +
            ", and the ledger accepted " + std::to_string(ledger.accepted));
  }
  if (segments_sound_ && gone == 0 && retraction_rows_ != ledger.retracted) {
    problem("the segments hold " + std::to_string(retraction_rows_) + " retractions, and the ledger says " +
            std::to_string(ledger.retracted));
  }
  if (retractions_readable_ && retracted_ != ledger.retracted) {
    problem("the retraction files hold " + std::to_string(retracted_) + " events taken back, and the ledger says " +
            std::to_string(ledger.retracted));
  }
  if (ids_ > ledger.accepted) {
    problem("the id runs hold " + std::to_string(ids_) + " ids, and the ledger accepted " +
            std::to_string(ledger.accepted));
  }
}

void TableChecker::check_orphans() {
  const auto orphans = count_orphans(fs_, paths_.directory());
  if (!orphans) return problem(orphans.error().message);
  if (orphans->files == 0) return;
  note(paths_.orphan_directory() + " holds " + quantity(orphans->files, "file") + ", " + human_bytes(orphans->bytes) +
       ", set aside because no manifest names them" +
       (orphans->beyond_limit() ? ", more than their limit of " + quantity(limits::kOrphanFilesMax, "file") + " or " +
                                      human_bytes(limits::kOrphanBytesMax)
                                : "") +
       "; where no problem is found they can be removed by hand");
}

void TableChecker::check_unlisted() {
  check_unlisted(paths_.segment_directory(), [this](const ParsedName& name) {
    return name.kind == FileKind::kSegment && state_.segments.contains(name.number);
  });
  check_unlisted(paths_.retraction_directory(), [this](const ParsedName& name) {
    auto same = [&name](const RetractionFileInfo& file) { return file.number == name.number; };
    return name.kind == FileKind::kRetraction &&
           std::any_of(state_.retraction_files.begin(), state_.retraction_files.end(), same);
  });
  check_unlisted(paths_.letter_directory(), [this](const ParsedName& name) {
    return name.kind == FileKind::kLetterFile && state_.letter_files.contains(name.number);
  });
  check_unlisted(paths_.id_run_directory(), [this](const ParsedName& name) {
    return name.kind == FileKind::kIdRun && state_.id_runs.contains(name.number);
  });
}

void TableChecker::check_unlisted(const std::string& directory, const std::function<bool(const ParsedName&)>& listed) {
  auto files = fs_.list(directory);
  if (!files) {
    if (files.error().code != Code::kNotFound) problem(files.error().message);
    return;
  }
  for (const FileInfo& file : *files) {
    const ParsedName name = parse_file_name(file.name);
    if (name.temporary || !listed(name)) {
      note(join_path(directory, file.name) + (state_.removed_files.contains(name.number)
                                                  ? " was removed by an edit of the manifest; the next start unlinks it"
                                                  : " is in no manifest"));
    }
  }
}

}  // namespace

TableCheck check_table(FileSystem& fs, Clock& clock, const std::string& name, const std::string& table_directory) {
  return TableChecker(fs, clock, name, table_directory).run();
}

Result<std::vector<TableCheck>> check_database(FileSystem& fs, Clock& clock, const std::string& directory) {
  TALLY_ASSIGN_OR_RETURN(auto database, DatabaseDirectory::open(fs, directory));
  TALLY_ASSIGN_OR_RETURN(std::vector<std::string> names, database->table_names());
  std::vector<TableCheck> reports;
  for (const std::string& name : names) {
    reports.push_back(check_table(fs, clock, name, database->paths().table(name).directory()));
  }
  return reports;
}

}  // namespace tally

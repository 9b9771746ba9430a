#include "engine/backup.h"

#include <algorithm>
#include <set>

#include "base/checksum.h"
#include "base/file_names.h"
#include "base/limits.h"
#include "engine/database_directory.h"

namespace tally {
namespace {

constexpr size_t kCopyBytes = limits::kMiB;
constexpr uint64_t kListBytesMax = uint64_t{1} * limits::kGiB;
constexpr uint64_t kBackupLogFileBytes = 2 * limits::kMiB;  // of the empty log that a copy of an open table begins with
constexpr TimeUs kTableTryEveryUs = 10'000;                 // what a flush has committed it shows within that
constexpr int kTableTries = 100;  // each one more needs another change of the manifest in between

// Copies files into a directory, and keeps the list.
class Copier {
 public:
  Copier(FileSystem& fs, std::string source, std::string to, const std::stop_token& stop)
      : fs_(fs), source_(std::move(source)), to_(std::move(to)), stop_(stop) {}

  // `path`: the same within both. kNotFound: the source has no such file.
  Status copy(const std::string& path) {
    if (stop_.stop_requested()) return fail(Code::kCancelled, "the copy was cancelled");
    TALLY_ASSIGN_OR_RETURN(auto from, fs_.open(join_path(source_, path), OpenMode::kRead));
    TALLY_ASSIGN_OR_RETURN(auto into, fs_.open(join_path(to_, path), OpenMode::kCreate));
    Xxh3Stream sum;
    Bytes buffer(kCopyBytes);
    uint64_t size = 0;
    while (true) {
      TALLY_ASSIGN_OR_RETURN(size_t got, from->read_at(size, buffer));
      if (got == 0) break;
      const ByteSpan bytes = ByteSpan(buffer).first(got);
      sum.update(bytes);
      TALLY_TRY(into->write_at(size, bytes));
      from->drop_cache(size, got);
      size += got;
      if (stop_.stop_requested()) return fail(Code::kCancelled, "the copy was cancelled");
    }
    TALLY_TRY(into->sync());
    files_.push_back({path, size, sum.digest()});
    return {};
  }
  // Of a file that was written here.
  Status add(const std::string& path) {
    TALLY_ASSIGN_OR_RETURN(Bytes bytes, read_whole_file(fs_, join_path(to_, path), kListBytesMax));
    files_.push_back({path, bytes.size(), xxh3(bytes)});
    return {};
  }
  Status make_directory(const std::string& path) { return fs_.make_directory(join_path(to_, path)); }
  Status sync_directory(const std::string& path) { return fs_.sync_directory(join_path(to_, path)); }
  Status remove(const std::string& path) {
    std::erase_if(files_, [&](const BackupList::File& file) { return file.path == path; });
    return fs_.unlink(join_path(to_, path));
  }
  std::vector<BackupList::File> take_files() {
    std::ranges::sort(files_, {}, &BackupList::File::path);
    return std::move(files_);
  }

 private:
  FileSystem& fs_;
  const std::string source_;
  const std::string to_;
  const std::stop_token stop_;
  std::vector<BackupList::File> files_;
};

// --- where it goes -----------------------------------------------------------------------------------------------------

Status begin_backup(FileSystem& fs, const std::string& to) {
  Result<FileInfo> info = fs.info(to);
  if (!info && info.error().code != Code::kNotFound) return std::unexpected(info.error());
  if (!info) {
    TALLY_TRY(fs.make_directory(to));
  } else if (!info->is_directory) {
    return fail(Code::kAlreadyExists, to + " is a file; a backup is a directory");
  } else {
    TALLY_ASSIGN_OR_RETURN(auto entries, fs.list(to));
    const bool unfinished =
        std::ranges::any_of(entries, [](const FileInfo& e) { return e.name == kBackupUnfinishedName; });
    if (unfinished) {
      return fail(Code::kAlreadyExists,
                  to + " holds a backup that was never finished: remove it, or choose another place");
    }
    if (!entries.empty()) return fail(Code::kAlreadyExists, to + " is not empty");
  }
  TALLY_TRY(write_file_atomic(fs, join_path(to, kBackupUnfinishedName),
                              as_bytes("This backup is being written, or was never finished.\n")));
  TALLY_TRY(fs.sync_directory(parent_path(to)));
  return fs.make_directory(join_path(to, kBackupDataName));
}

Status finish_backup(FileSystem& fs, const std::string& to, BackupList& list, std::vector<BackupList::File> files) {
  for (BackupList::File& file : files) file.path = join_path(kBackupDataName, file.path);
  list.files = std::move(files);
  TALLY_TRY(fs.sync_directory(join_path(to, kBackupDataName)));
  TALLY_TRY(fs.sync_directory(to));
  TALLY_TRY(write_file_atomic(fs, join_path(to, kBackupListName), as_bytes(encode_backup_list(list))));
  TALLY_TRY(fs.unlink(join_path(to, kBackupUnfinishedName)));
  return fs.sync_directory(to);
}

// The path of a table's folder within its database, and of what is in it.
std::string table_path(std::string_view name) { return join_path("tables", encode_table_name(name)); }

constexpr std::string_view kTableDirectories[] = {"log", "segments", "dict", "ids", "retractions", "dead", "orphan"};

Status make_table(Copier& copier, const std::string& table) {
  TALLY_TRY(copier.make_directory(table));
  for (std::string_view directory : kTableDirectories) TALLY_TRY(copier.make_directory(join_path(table, directory)));
  return {};
}

Status sync_table(Copier& copier, const std::string& table) {
  for (std::string_view directory : kTableDirectories) TALLY_TRY(copier.sync_directory(join_path(table, directory)));
  TALLY_TRY(copier.sync_directory(table));
  return copier.sync_directory("tables");
}

// --- a database that is open ---------------------------------------------------------------------------------------------

// Every file that the manifest lists, by its path within the table's folder.
std::set<std::string> listed_files(const ManifestState& state) {
  std::set<std::string> files;
  for (const auto& [number, info] : state.segments) files.insert(join_path("segments", segment_name(number)));
  for (const auto& info : state.dictionary_files) files.insert(join_path("dict", dictionary_name(info.number)));
  for (const auto& [number, info] : state.id_runs) files.insert(join_path("ids", id_run_name(number)));
  for (const auto& info : state.retraction_files) files.insert(join_path("retractions", retraction_name(info.number)));
  for (const auto& [number, info] : state.letter_files) files.insert(join_path("dead", letter_file_name(number)));
  return files;
}

class OpenTableCopy {
 public:
  OpenTableCopy(FileSystem& fs, Clock& clock, Table& table, Copier& copier, std::string data)
      : fs_(fs),
        clock_(clock),
        table_(table),
        copier_(copier),
        data_(std::move(data)),
        path_(table_path(table.name())) {}

  Result<Lsn> run() {
    TALLY_TRY(table_.flush());
    TALLY_TRY(make_table(copier_, path_));
    for (int i = 0;; ++i) {
      TALLY_ASSIGN_OR_RETURN(auto snapshot, table_.snapshot());
      const Status copied = copy_listed(snapshot->manifest());
      if (!copied && copied.error().code == Code::kNotFound && i < kTableTries) {  // it was joined or dropped
        clock_.sleep_us(kTableTryEveryUs);
        continue;
      }
      TALLY_TRY(copied);
      TALLY_TRY(begin_table(snapshot->manifest()));
      TALLY_TRY(sync_table(copier_, path_));
      return snapshot->manifest().log.flushed_lsn;
    }
  }

 private:
  Status copy_listed(const ManifestState& state) {
    const std::set<std::string> wanted = listed_files(state);
    for (auto it = copied_.begin(); it != copied_.end();) {
      if (wanted.contains(*it)) {
        ++it;
        continue;
      }
      TALLY_TRY(copier_.remove(join_path(path_, *it)));
      it = copied_.erase(it);
    }
    for (const std::string& file : wanted) {
      if (copied_.contains(file)) continue;
      TALLY_TRY(copier_.copy(join_path(path_, file)));
      copied_.insert(file);
    }
    return {};
  }

  // A manifest of this state, and a log that begins behind it and was closed.
  Status begin_table(ManifestState state) {
    const std::string directory = join_path(data_, path_);
    const Lsn lsn = state.log.flushed_lsn;
    state.log = {.flushed_lsn = lsn, .synced_lsn = lsn, .first_file = 1};
    state.removed_segments.clear();
    const TablePaths paths(directory);
    const LogOptions options{.fs = &fs_,
                             .clock = &clock_,
                             .directory = paths.log_directory(),
                             .file_bytes = kBackupLogFileBytes,
                             .spare_files_max = 0,
                             .table_uuid = state.table_uuid};
    {
      const LogRecovery nothing{.last_lsn = lsn, .highest_lsn_seen = lsn, .clean = true, .torn = std::nullopt};
      TALLY_ASSIGN_OR_RETURN(auto log, start_log(options, lsn + 1, nothing));
      TALLY_TRY(log->close());
    }
    TALLY_TRY(Manifest::create(fs_, directory, state));
    for (const std::string& part : {std::string(), std::string("log")}) {
      TALLY_ASSIGN_OR_RETURN(auto entries, fs_.list(part.empty() ? directory : join_path(directory, part)));
      for (const FileInfo& entry : entries) {
        if (!entry.is_directory)
          TALLY_TRY(copier_.add(join_path(part.empty() ? path_ : join_path(path_, part), entry.name)));
      }
    }
    return {};
  }

  FileSystem& fs_;
  Clock& clock_;
  Table& table_;
  Copier& copier_;
  const std::string data_;
  const std::string path_;
  std::set<std::string> copied_;
};

// --- a database that is stopped --------------------------------------------------------------------------------------------

bool belongs_in_backup(FileKind kind) {
  switch (kind) {
    case FileKind::kCurrent:
    case FileKind::kManifest:
    case FileKind::kReserve:
    case FileKind::kLogFile:
    case FileKind::kLogTorn:
    case FileKind::kCleanMark:
    case FileKind::kSegment:
    case FileKind::kDictionary:
    case FileKind::kIdRun:
    case FileKind::kRetraction:
    case FileKind::kLetterFile: return true;
    default: return false;  // locks, spare log files, what no manifest names, what is not ours
  }
}

Status copy_stopped_table(FileSystem& fs, const std::string& source, const std::string& name, Copier& copier) {
  const std::string table = table_path(name);
  TALLY_TRY(make_table(copier, table));
  std::vector<std::string> directories{table};
  for (std::string_view directory : kTableDirectories) directories.push_back(join_path(table, directory));
  for (const std::string& directory : directories) {
    auto entries = fs.list(join_path(source, directory));
    if (!entries && entries.error().code == Code::kNotFound) continue;  // made when there is something to put there
    TALLY_TRY(entries);
    for (const FileInfo& entry : *entries) {
      const ParsedName parsed = parse_file_name(entry.name);
      if (entry.is_directory || parsed.temporary || !belongs_in_backup(parsed.kind)) continue;
      TALLY_TRY(copier.copy(join_path(directory, entry.name)));
    }
  }
  return sync_table(copier, table);
}

Result<DatabaseUuid> read_marker(FileSystem& fs, const std::string& directory) {
  TALLY_ASSIGN_OR_RETURN(Bytes bytes, read_whole_file(fs, DatabasePaths(directory).marker(), limits::kKiB));
  return decode_marker(bytes);
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

Result<BackupList> backup_open_database(FileSystem& fs, Clock& clock, Database& database,
                                        const std::string& given_source, const std::string& given_to,
                                        const std::stop_token& stop) {
  const std::string source = without_slashes(given_source), to = without_slashes(given_to);
  BackupList list;
  TALLY_ASSIGN_OR_RETURN(list.database_uuid, read_marker(fs, source));
  TALLY_TRY(begin_backup(fs, to));
  const std::string data = join_path(to, kBackupDataName);
  Copier copier(fs, source, data, stop);
  TALLY_TRY(copier.make_directory("tables"));
  for (const std::string& name : database.table_names()) {
    TALLY_ASSIGN_OR_RETURN(Table * table, database.table(name));
    auto lsn = OpenTableCopy(fs, clock, *table, copier, data).run();
    if (!lsn) return std::unexpected(std::move(lsn).error().with_context("table \"" + name + "\""));
    list.tables.push_back({name, *lsn});
  }
  TALLY_TRY(copier.copy(base_name(DatabasePaths(source).marker())));
  TALLY_TRY(finish_backup(fs, to, list, copier.take_files()));
  return list;
}

Result<BackupList> backup_stopped_database(FileSystem& fs, const std::string& given_source, const std::string& given_to,
                                           const std::stop_token& stop) {
  const std::string source = without_slashes(given_source), to = without_slashes(given_to);
  TALLY_ASSIGN_OR_RETURN(auto directory, DatabaseDirectory::open(fs, source));  // holds the lock
  TALLY_ASSIGN_OR_RETURN(std::vector<std::string> names, directory->table_names());
  BackupList list{.database_uuid = directory->uuid(), .tables = {}, .files = {}};
  TALLY_TRY(begin_backup(fs, to));
  Copier copier(fs, source, join_path(to, kBackupDataName), stop);
  TALLY_TRY(copier.make_directory("tables"));
  for (const std::string& name : names) {
    TALLY_ASSIGN_OR_RETURN(auto state, Manifest::load(fs, DatabasePaths(source).table(name).directory()));
    TALLY_TRY(copy_stopped_table(fs, source, name, copier));
    list.tables.push_back({name, state->log.flushed_lsn});
  }
  TALLY_TRY(copier.copy(base_name(DatabasePaths(source).marker())));
  TALLY_TRY(finish_backup(fs, to, list, copier.take_files()));
  return list;
}

namespace {

Result<BackupList> read_backup_list(FileSystem& fs, const std::string& from) {
  auto text = read_whole_file(fs, join_path(from, kBackupListName), kListBytesMax);
  if (!text && text.error().code == Code::kNotFound) {
    if (fs.info(join_path(from, kBackupUnfinishedName))) {
      return fail(Code::kCorruption, from + " is a backup that was never finished: it cannot be restored");
    }
    return fail(Code::kNotFound, from + " is no backup (no BACKUP file)");
  }
  TALLY_TRY(text);
  auto list = decode_backup_list(as_text(*text));
  if (!list) return std::unexpected(std::move(list).error().with_context(join_path(from, kBackupListName)));
  return list;
}

// Everything that the list names, held against it, on the disk in `building`, a directory that is there.
Status copy_backup(FileSystem& fs, const BackupList& list, const std::string& from, const std::string& building,
                   const std::stop_token& stop) {
  Copier copier(fs, join_path(from, kBackupDataName), building, stop);
  std::set<std::string> made{""};
  const auto make_parents = [&](const std::string& path) -> Status {
    for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      const std::string parent = path.substr(0, slash);
      if (made.insert(parent).second) TALLY_TRY(copier.make_directory(parent));
    }
    return {};
  };
  const std::string prefix = std::string(kBackupDataName) + "/";
  TALLY_TRY(make_parents("tables/"));
  for (const BackupList::File& file : list.files) {
    if (!file.path.starts_with(prefix)) return fail(Code::kCorruption, from + ": " + file.path + " is not of its data");
    const std::string path = file.path.substr(prefix.size());
    TALLY_TRY(make_parents(path));
    TALLY_TRY(copier.copy(path));
  }
  for (const auto& table : list.tables) {
    for (std::string_view directory : kTableDirectories) {
      TALLY_TRY(make_parents(join_path(join_path(table_path(table.name), directory), "")));
    }
  }
  std::vector<BackupList::File> copied = copier.take_files();
  for (size_t i = 0; i < copied.size(); ++i) {
    const BackupList::File& wanted = list.files[i];
    if (prefix + copied[i].path != wanted.path || copied[i].size != wanted.size || copied[i].xxh3 != wanted.xxh3) {
      return fail(Code::kCorruption, join_path(from, wanted.path) + " is not what the backup wrote");
    }
  }
  for (const std::string& directory : made) TALLY_TRY(copier.sync_directory(directory));
  return {};
}

}  // namespace

Result<BackupList> restore_backup(FileSystem& fs, const std::string& given_from, const std::string& given_to,
                                  const std::stop_token& stop) {
  const std::string from = without_slashes(given_from), to = without_slashes(given_to);
  TALLY_ASSIGN_OR_RETURN(BackupList list, read_backup_list(fs, from));
  const std::string building = temporary_path(to);
  if (fs.info(to)) return fail(Code::kAlreadyExists, to + " is there already");
  if (fs.info(building)) {
    return fail(Code::kAlreadyExists, building + " is in the way: what a restore that did not end left; remove it");
  }
  TALLY_TRY(fs.make_directory(building));
  if (Status copied = copy_backup(fs, list, from, building, stop); !copied) {
    Error error = std::move(copied).error();
    error.message += "; what was copied so far is in " + building + ": remove it";
    return std::unexpected(std::move(error));
  }
  TALLY_TRY(fs.rename(building, to));
  TALLY_TRY(fs.sync_directory(parent_path(to)));
  return list;
}

}  // namespace tally

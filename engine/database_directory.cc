#include "engine/database_directory.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/limits.h"
#include "base/random.h"
#include "engine/backup.h"
#include "engine/database.h"

namespace tally {

namespace {

constexpr std::string_view kMarkerMagic = "TALLYDB\n";
constexpr uint16_t kMarkerVersion = 1;
constexpr uint16_t kMarkerReaderVersion = 1;
constexpr size_t kMarkerBytes = 40;

Status make_directory_once(FileSystem& fs, const std::string& path) {
  Status made = fs.make_directory(path);
  if (!made && made.error().code == Code::kAlreadyExists) return {};
  return made;
}

// What an init that was interrupted in this directory can have left: the marker's temporary file, and tables/ with nothing
// in it. The marker comes last, so that whatever has one is whole.
Result<bool> empty_or_begun(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(auto entries, fs.list(path));
  for (const FileInfo& entry : entries) {
    ParsedName parsed = parse_file_name(entry.name);
    if (parsed.kind == FileKind::kMarker && parsed.temporary) continue;
    if (parsed.kind != FileKind::kTablesDirectory || parsed.temporary || !entry.is_directory) return false;
    TALLY_ASSIGN_OR_RETURN(auto tables, fs.list(join_path(path, entry.name)));
    if (!tables.empty()) return false;
  }
  return true;
}

// What leads on from "there is no database at this path", as far as that can be done.
std::string advice(FileSystem& fs, const std::string& path) {
  if (fs.info(join_path(path, kBackupListName))) {
    return ": it is a backup; `tally restore " + path + " DIR` makes a database of it";
  }
  const Result<bool> free = empty_or_begun(fs, path);
  const bool can_be_made = free ? *free : free.error().code == Code::kNotFound;
  if (can_be_made) return "; `tally init " + path + "` makes one";
  return ", and holds other files: choose another directory";
}

Status fill_database(FileSystem& fs, const std::string& path) {
  DatabasePaths paths(path);
  TALLY_TRY(make_directory_once(fs, paths.tables_directory()));
  TALLY_TRY(fs.sync_directory(path));  // tables/ stands before the marker can
  return write_file_atomic(fs, paths.marker(),
                           encode_marker(random_uuid()));  // syncs the directory, tables/ included
}

// Clears a sibling left by an interrupted init, as long as it holds nothing but what init makes.
Status clear_begun(FileSystem& fs, const std::string& path) {
  DatabasePaths paths(path);
  Status marker = fs.unlink(paths.marker());
  if (!marker && marker.error().code != Code::kNotFound) return marker;
  TALLY_ASSIGN_OR_RETURN(bool ours, empty_or_begun(fs, path));
  if (!ours) return fail(Code::kAlreadyExists, path + " is in the way: it holds files of somebody else");
  return {};
}

Status init_beside(FileSystem& fs, const std::string& path) {
  std::string building = temporary_path(path);
  Status made = fs.make_directory(building);
  if (!made && made.error().code == Code::kNotFound) {
    return fail(Code::kNotFound, "there is no directory " + parent_path(path) + " to make " + base_name(path) + " in");
  }
  if (!made && made.error().code == Code::kAlreadyExists) {
    TALLY_TRY(clear_begun(fs, building));
  } else {
    TALLY_TRY(made);
  }
  TALLY_TRY(fill_database(fs, building));
  TALLY_TRY(fs.rename(building, path));
  return fs.sync_directory(parent_path(path));
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// Removes a table's folder that was never renamed, or as much of it as is ours.
Status remove_unfinished_table(FileSystem& fs, const std::string& directory) {
  TALLY_ASSIGN_OR_RETURN(auto entries, fs.list(directory));
  for (const FileInfo& entry : entries) {
    std::string path = join_path(directory, entry.name);
    if (parse_file_name(entry.name).kind == FileKind::kUnknown) {
      return fail(Code::kAlreadyExists, path + " is no file of ours, in a folder that we want to remove");
    }
    TALLY_TRY(entry.is_directory ? fs.remove_directory(path) : fs.unlink(path));
  }
  return fs.remove_directory(directory);
}

// The table whose half-made folder this is, or nothing.
bool is_unfinished_table(const FileInfo& entry) {
  std::string_view name = entry.name;
  if (!entry.is_directory || !name.ends_with(kTemporarySuffix)) return false;
  return decode_table_name(name.substr(0, name.size() - kTemporarySuffix.size())).has_value();
}

}  // namespace

Bytes encode_marker(const DatabaseUuid& uuid) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.bytes(as_bytes(kMarkerMagic));
  out.u16(kMarkerVersion);
  out.u16(kMarkerReaderVersion);
  out.u32(0);
  out.bytes(uuid);
  out.u64(xxh3(bytes));
  return bytes;
}

Result<DatabaseUuid> decode_marker(ByteSpan bytes) {
  if (bytes.size() != kMarkerBytes || as_text(bytes.first(kMarkerMagic.size())) != kMarkerMagic) {
    return fail(Code::kCorruption, "it is no marker of a Tally database (" + std::to_string(bytes.size()) + " bytes)");
  }
  if (load_le<uint64_t>(bytes.data() + 32) != xxh3(bytes.first(32))) {
    return fail(Code::kCorruption, "its sum does not match");
  }
  uint16_t version = load_le<uint16_t>(bytes.data() + 8);
  uint16_t reader = load_le<uint16_t>(bytes.data() + 10);
  if (reader > kMarkerReaderVersion) {
    return fail(Code::kUnsupported, "the database was made by a newer Tally (format version " +
                                        std::to_string(version) + ", readable from version " + std::to_string(reader) +
                                        " on); this one knows version " + std::to_string(kMarkerReaderVersion));
  }
  if (version < 1 || reader < 1 || load_le<uint32_t>(bytes.data() + 12) != 0) {
    return fail(Code::kCorruption, "a version of 0 or a reserved byte that is set");
  }
  DatabaseUuid uuid;
  std::copy_n(bytes.begin() + 16, 16, uuid.begin());
  return uuid;
}

Status init_database(FileSystem& fs, const std::string& given_path) {
  std::string path = without_slashes(given_path);
  if (path.empty()) return fail(Code::kInvalidArgument, "a database needs a directory");
  Result<FileInfo> info = fs.info(path);
  if (!info && info.error().code == Code::kNotFound) return init_beside(fs, path);
  TALLY_TRY(info);
  if (!info->is_directory) return fail(Code::kAlreadyExists, path + " is a file; a database needs a directory");
  if (fs.info(DatabasePaths(path).marker())) return fail(Code::kAlreadyExists, path + " is a Tally database already");
  TALLY_ASSIGN_OR_RETURN(bool free, empty_or_begun(fs, path));
  if (!free) return fail(Code::kAlreadyExists, path + " is not empty; a database needs a directory of its own");
  // An empty directory is filled where it stands: it may be a mount point, which cannot be renamed over. The marker comes
  // last and makes it a database; an init that was interrupted before is simply repeated.
  return fill_database(fs, path);
}

Result<std::unique_ptr<DatabaseDirectory>> DatabaseDirectory::open(FileSystem& fs, const std::string& given_path) {
  std::string path = without_slashes(given_path);
  std::unique_ptr<DatabaseDirectory> directory(new DatabaseDirectory(fs, path));
  Result<FileInfo> info = fs.info(path);
  if (!info && info.error().code == Code::kNotFound) {
    return fail(Code::kNotFound, path + " does not exist" + advice(fs, path));
  }
  TALLY_TRY(info);
  if (!info->is_directory) return fail(Code::kNotFound, path + " is a file; a database is a directory");
  Result<Bytes> marker = read_whole_file(fs, directory->paths_.marker(), limits::kKiB);
  if (!marker && marker.error().code == Code::kNotFound) {
    return fail(Code::kNotFound, path + " is no Tally database (no TALLY file)" + advice(fs, path));
  }
  TALLY_TRY(marker);
  Result<DatabaseUuid> uuid = decode_marker(*marker);
  if (!uuid) return std::unexpected(std::move(uuid).error().with_context(directory->paths_.marker()));
  directory->uuid_ = *uuid;
  TALLY_ASSIGN_OR_RETURN(directory->lock_, fs.lock(directory->paths_.lock()));
  TALLY_TRY(directory->remove_unfinished_tables());
  return directory;
}

Status DatabaseDirectory::remove_unfinished_tables() {
  TALLY_ASSIGN_OR_RETURN(auto entries, fs_.list(paths_.tables_directory()));
  for (const FileInfo& entry : entries) {
    if (!is_unfinished_table(entry)) continue;
    TALLY_TRY(remove_unfinished_table(fs_, join_path(paths_.tables_directory(), entry.name)));
  }
  return {};
}

Result<std::vector<std::string>> DatabaseDirectory::table_names() const {
  TALLY_ASSIGN_OR_RETURN(auto entries, fs_.list(paths_.tables_directory()));
  std::vector<std::string> names;
  for (const FileInfo& entry : entries) {
    if (!entry.is_directory || is_unfinished_table(entry)) continue;
    if (auto name = decode_table_name(entry.name)) names.push_back(*std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status DatabaseDirectory::build_table(const TablePaths& paths, const ManifestState& state) {
  TALLY_TRY(fs_.make_directory(paths.directory()));
  for (const std::string& directory :
       {paths.log_directory(), paths.segment_directory(), paths.dictionary_directory(), paths.id_run_directory(),
        paths.retraction_directory(), paths.letter_directory(), paths.orphan_directory()}) {
    TALLY_TRY(fs_.make_directory(directory));
  }
  return Manifest::create(fs_, paths.directory(),
                          state);  // syncs the folder, and with it the entries above
}

Status DatabaseDirectory::create_table(std::string_view name, const ManifestState& state) {
  TALLY_TRY(check_table_name(name));
  TablePaths building = paths_.temporary_table(name);
  TablePaths final_paths = paths_.table(name);
  if (fs_.info(final_paths.directory())) {
    return fail(Code::kAlreadyExists, "there is a table \"" + std::string(name) + "\" already");
  }
  TALLY_ASSIGN_OR_RETURN(auto names, table_names());
  if (names.size() >= limits::kTablesMax) {
    return fail(Code::kLimitExceeded, "a database holds at most " + std::to_string(limits::kTablesMax) + " tables");
  }
  if (fs_.info(building.directory())) TALLY_TRY(remove_unfinished_table(fs_, building.directory()));
  if (Status built = build_table(building, state); !built) {
    if (fs_.info(building.directory())) (void)remove_unfinished_table(fs_, building.directory());
    return built;
  }
  TALLY_TRY(fs_.rename(building.directory(), final_paths.directory()));
  if (Status synced = fs_.sync_directory(paths_.tables_directory()); !synced) {
    return fail(Code::kIndeterminate, std::move(synced).error().message);
  }
  return {};
}

}  // namespace tally

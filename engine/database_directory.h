// A database as a directory: the marker that makes it one, the lock, and the folders of its tables. Knows nothing of rows.
//
// The marker TALLY
//   OFFSET SIZE TYPE FIELD
//   0      8         magic "TALLYDB\n"
//   8      2    u16  format version, 1
//   10     2    u16  lowest reader version that may open this database, 1
//   12     4    u32  zero
//   16     16        database uuid
//   32     8    u64  XXH3 of bytes 0 to 31
// Ownership: the directory's lock is held until destruction. Threads: one.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/file_names.h"
#include "engine/manifest.h"

namespace tally {

using DatabaseUuid = std::array<uint8_t, 16>;
Bytes encode_marker(const DatabaseUuid& uuid);
Result<DatabaseUuid> decode_marker(ByteSpan bytes);

class DatabaseDirectory {
 public:
  // Checks the marker, takes the lock (kLocked), removes tables that were never finished.
  // kNotFound: there is no such directory, or it is no database; the message says what to do.
  static Result<std::unique_ptr<DatabaseDirectory>> open(FileSystem& fs, const std::string& path);

  const DatabasePaths& paths() const { return paths_; }
  const DatabaseUuid& uuid() const { return uuid_; }
  // Names of the tables, sorted. Folders that encode no name are not ours and are left alone.
  Result<std::vector<std::string>> table_names() const;
  // Builds the table's folder with its first manifest under a temporary name and renames it: after a crash the table is
  // there in full or not at all. Durable at return. kAlreadyExists, kLimitExceeded (limits::kTablesMax).
  // kIndeterminate: it may or may not be there after a restart.
  Status create_table(std::string_view name, const ManifestState& state);

 private:
  DatabaseDirectory(FileSystem& fs, const std::string& path) : fs_(fs), paths_(path) {}
  Status remove_unfinished_tables();
  Status build_table(const TablePaths& paths, const ManifestState& state);

  FileSystem& fs_;
  const DatabasePaths paths_;
  DatabaseUuid uuid_{};
  std::unique_ptr<DirectoryLock> lock_;
};

}  // namespace tally

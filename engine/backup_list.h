// BACKUP: what a finished backup holds. A text that a person can read, written last: a backup without it is not finished.
//
//   TALLYBACKUP 1
//   database 5b2f...                  its uuid
//   table 1234 ad_events              the LSN that it stands at, its name
//   file 4096 8899aabbccddeeff data/tables/ad_events/CURRENT      bytes, XXH3-64, path within the backup; ascending by path
//   end 0011223344556677              XXH3-64 of everything before
// Threads: any.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "wal/log.h"

namespace tally {

inline constexpr std::string_view kBackupListName = "BACKUP";
inline constexpr std::string_view kBackupUnfinishedName = "UNFINISHED";  // stands until BACKUP does
inline constexpr std::string_view kBackupDataName = "data";              // a database directory

struct BackupList {
  struct File {
    std::string path;
    uint64_t size = 0;
    uint64_t xxh3 = 0;
    friend bool operator==(const File&, const File&) = default;
  };
  struct TablePoint {
    std::string name;
    Lsn lsn = 0;
    friend bool operator==(const TablePoint&, const TablePoint&) = default;
  };
  std::array<uint8_t, 16> database_uuid{};
  std::vector<TablePoint> tables;
  std::vector<File> files;
  uint64_t bytes() const;  // of all files
  friend bool operator==(const BackupList&, const BackupList&) = default;
};

std::string encode_backup_list(const BackupList& list);
// kCorruption names the line. A path that is absolute or leaves the backup is refused.
Result<BackupList> decode_backup_list(std::string_view text);

}  // namespace tally

// Every path of a database is built and parsed here, and nowhere else.
//
//   DIR/TALLY                          marker: what makes a directory a database (format and versions in it)
//   DIR/LOCK                           held while a process has the database open; carries that process' id
//   DIR/tables/<encoded table name>/   one folder a table
//       CURRENT                        names the manifest in force
//       MANIFEST-000001                edits of the live set
//       RESERVE                        space given up when the disk is full (reliability.md S1)
//       log/00000001.log               log files;  log/CLEAN is the mark of a clean stop (W14)
//       log/00000001.spare             a log file whose records are in segments, kept for reuse
//       log/00000001.torn              a log file whose tail was torn by a crash, kept as evidence (W11)
//       segments/00000001.seg          column files
//       dict/00000001.dict             dictionary files
//       ids/00000001.run               remembered ids
//       retractions/00000001.retr      what became of verdicts on ids
//       dead/00000001.dead             dead letters
//       orphan/                        files that no manifest names, kept for a grace time (M8)
//
// Numbers are decimal, padded with zeros, and grow beyond the padding. A name with `.tmp` behind it is being written and
// may be deleted at any start; nothing else may. A table's folder is built as `<encoded>.tmp` too, then renamed.
// Functions here only join and split text: they touch no disk and never fail, apart from decode_table_name().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tally {

inline constexpr std::string_view kTemporarySuffix = ".tmp";

// A table name as a folder name: [a-z0-9_] stand for themselves, every other byte is %XX (upper-case hex), so that names
// that differ only in case stay apart on every file system and nothing in a name can leave its folder. check_table_name()
// refuses what would not fit: empty names, names above limits::kNameBytesMax, folder names above
// limits::kFileNameBytesMax with their suffix.
std::string encode_table_name(std::string_view table);
Result<std::string> decode_table_name(std::string_view folder);  // kInvalidArgument unless encode() made it
Status check_table_name(std::string_view table);

std::string join_path(std::string_view directory, std::string_view name);
std::string parent_path(std::string_view path);  // "." when there is none, "/" of "/x"
std::string base_name(std::string_view path);
std::string temporary_path(std::string_view path);  // path + ".tmp"

class TablePaths {
 public:
  explicit TablePaths(std::string directory) : directory_(std::move(directory)) {}

  const std::string& directory() const { return directory_; }
  std::string current() const;
  std::string manifest(uint64_t number) const;
  std::string reserve() const;
  std::string log_directory() const;
  std::string log_file(uint64_t number) const;
  std::string clean_mark() const;
  std::string segment_directory() const;
  std::string segment(uint64_t number) const;
  std::string dictionary_directory() const;
  std::string dictionary(uint64_t number) const;
  std::string id_run_directory() const;
  std::string id_run(uint64_t number) const;
  std::string retraction_directory() const;
  std::string retraction(uint64_t number) const;
  std::string letter_directory() const;
  std::string letter_file(uint64_t number) const;
  std::string orphan_directory() const;
  std::string orphan(std::string_view name) const;

 private:
  std::string directory_;
};

class DatabasePaths {
 public:
  explicit DatabasePaths(std::string directory) : directory_(std::move(directory)) {}

  const std::string& directory() const { return directory_; }
  std::string marker() const;
  std::string lock() const;
  std::string tables_directory() const;
  TablePaths table(std::string_view name) const;
  TablePaths temporary_table(std::string_view name) const;  // where a table's folder is built before its rename

 private:
  std::string directory_;
};

// For those who know only the log's own directory (wal/).
std::string log_file_path(std::string_view log_directory, uint64_t number);
std::string clean_mark_path(std::string_view log_directory);

std::string manifest_name(uint64_t number);     // MANIFEST-000001, what CURRENT holds
std::string log_file_name(uint64_t number);     // 00000001.log
std::string log_spare_name(uint64_t number);    // 00000001.spare
std::string log_torn_name(uint64_t number);     // 00000001.torn
std::string segment_name(uint64_t number);      // 00000001.seg
std::string dictionary_name(uint64_t number);   // 00000001.dict
std::string id_run_name(uint64_t number);       // 00000001.run
std::string retraction_name(uint64_t number);   // 00000001.retr
std::string letter_file_name(uint64_t number);  // 00000001.dead

enum class FileKind : uint8_t {
  kUnknown,  // not ours: never touched
  kMarker,
  kLock,
  kTablesDirectory,
  kCurrent,
  kManifest,
  kReserve,
  kLogDirectory,
  kLogFile,
  kLogSpare,
  kLogTorn,
  kCleanMark,
  kSegmentDirectory,
  kSegment,
  kDictionaryDirectory,
  kDictionary,
  kIdRunDirectory,
  kIdRun,
  kRetractionDirectory,
  kRetraction,
  kLetterDirectory,
  kLetterFile,
  kOrphanDirectory,
};

struct ParsedName {
  FileKind kind = FileKind::kUnknown;
  uint64_t number = 0;     // of a numbered kind
  bool temporary = false;  // had `.tmp` behind it
  bool operator==(const ParsedName&) const = default;
};

// A name within its directory (not a path). Exactly the names built above are known: "1.log" and "000000001.log" are not.
ParsedName parse_file_name(std::string_view name);

}  // namespace tally

// What an operator may set: one table of settings, each with its name, default, meaning and source, read from a TOML file and
// from the environment. `tally serve --settings` and the statement SHOW SETTINGS print the same table.
//
// Sources, the later one wins: default; the file's [section] key; TALLY_SECTION_KEY; TALLY_SECTION_KEY_FILE, which names a file
// whose content is the value (for secrets); the command line. Durations are "10 s", sizes "256 MiB", or plain numbers of
// seconds and bytes. A key that is not on the table is an error with the nearest name, as is a value of the wrong kind or out
// of its range: the server does not start.
//
// Threads: a Settings is a value.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "server/limits.h"

namespace tally {

struct Settings {
  struct Listen {
    std::string tcp = "127.0.0.1:9077";
    std::string ops = "127.0.0.1:9078";  // empty: none
  } listen;
  struct Limits {
    uint64_t connections = limits::kConnectionsMax;
    uint64_t silent_connections = limits::kSilentConnectionsMax;
    uint64_t connections_per_address = limits::kConnectionsPerAddressMax;
    uint64_t credits = limits::kCreditsPerConnection;
    uint64_t ingest_bytes = limits::kIngestBytesMax;
    uint64_t queries_running = limits::kQueriesRunningMax;
    uint64_t queries_waiting = limits::kQueriesWaitingMax;
    TimeUs query_time = limits::kQueryTimeUs;
    TimeUs answer_time = limits::kAnswerTimeUs;
    uint64_t query_bytes = limits::kQueryMemoryBytesMax;
    TimeUs hello_time = limits::kHelloTimeoutUs;
    TimeUs frame_time = limits::kFrameTimeoutUs;
    TimeUs idle_time = limits::kIdleTimeoutUs;
    TimeUs write_time = limits::kWriteTimeoutUs;
    TimeUs stop_time = limits::kStopTimeoutUs;
  } limits;
  struct Server {
    uint64_t workers = 0;  // 0: one a core
  } server;
  struct Storage {
    uint64_t memtable_bytes = limits::kMemtableBytesMax;
    uint64_t block_cache_bytes = limits::kBlockCacheBytes;
    uint64_t remembered_ids = limits::kRememberedIdsMax;
    uint64_t free_bytes_soft = limits::kFreeBytesSoft;
    uint64_t free_bytes_hard = limits::kFreeBytesHard;
    uint64_t shards = 0;           // 0: one a core
    std::string backup_directory;  // empty: the server takes no backups
  } storage;
  struct Log {
    std::string level = "info";
    std::string format = "text";
    TimeUs slow_query = limits::kSlowQueryUs;
  } log;
};

enum class SettingKind : uint8_t { kText, kAddress, kNumber, kBytes, kDuration };
enum class SettingSource : uint8_t { kDefault, kFile, kEnvironment, kCommandLine };
std::string_view setting_source_name(SettingSource source);

struct SettingRow {
  std::string name;  // "limits.connections"
  std::string value;
  std::string standard;  // its default
  SettingSource source = SettingSource::kDefault;
  bool reloadable = false;
  std::string meaning;
};

class SettingsTable {
 public:
  using Environment = std::function<std::optional<std::string>(const std::string& name)>;

  // Everything but the command line. `path` empty: no file. kInvalidArgument names file, line and key.
  static Result<SettingsTable> load(FileSystem& fs, const std::string& path, const Environment& environment);

  Status set(std::string_view name, std::string_view value, SettingSource source);  // "listen.tcp", "127.0.0.1:0"
  const Settings& settings() const { return settings_; }
  std::vector<SettingRow> rows() const;  // in the order of the table

 private:
  SettingsTable();
  Status read_toml(const std::string& path, std::string_view text);
  Status read_environment(FileSystem& fs, const Environment& environment);

  Settings settings_;
  std::vector<SettingSource> sources_;
};

SettingsTable::Environment process_environment();
std::vector<std::string> process_variables();  // the names of all
// A sentence for each of these names that looks like a setting's and is none's, with the one that may have been meant:
// TALLY_LIMITS_CREDIT, but not TALLY_IO.
std::vector<std::string> unknown_variables(const std::vector<std::string>& names);

// "10 s", "1.5 min", "250 ms" or seconds; "64 KiB", "256 MiB", "1 GB" or bytes.
Result<TimeUs> parse_setting_duration(std::string_view text);
Result<uint64_t> parse_setting_bytes(std::string_view text);

}  // namespace tally

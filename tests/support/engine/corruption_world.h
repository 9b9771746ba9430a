// A small database with every kind of file and column, and what it answers: what corruption_sweep.h harms and asks again.
// Free of the test framework, so that the crash driver can use it.
//
//   CorruptionWorld world(CorruptionWorld::Ending::kClosed, seed);
//   auto disk = world.disk();                        // a copy to harm
//   Result<Answers> answers = world.ask(*disk);      // a start, and every query
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/database.h"
#include "tests/support/sim_disk.h"

namespace tally {

// What a database answers, as text: one line a row, each beginning with its LSN, sorted.
struct Answers {
  struct Row {
    Lsn lsn = 0;
    std::string text;
    friend auto operator<=>(const Row&, const Row&) = default;
  };
  std::string schema;
  Ledger ledger;
  std::vector<Row> rows;        // of a scan of every column
  std::vector<Row> later_rows;  // of a scan of the second half of the times: another way through the zone maps
  uint64_t events = 0;
  std::string retractions;  // a line each
  std::string more;         // of further questions
  bool operator==(const Answers&) const = default;
};

// Questions beyond the scans, above the engine: their answers as text.
using Questions = std::function<Result<std::string>(Database&)>;

class CorruptionWorld {
 public:
  enum class Ending : uint8_t {
    kClosed,  // closed: everything in one segment, the log's clean mark
    kKilled,  // two segments; the process died with acknowledged rows in the log alone
    kSealed,  // the same, and the log had been idle long enough to be sealed
  };
  static std::string_view name(Ending ending);

  CorruptionWorld(Ending ending, uint64_t seed, Questions questions = {});
  ~CorruptionWorld();

  static constexpr const char* kPath = "/db";
  static constexpr const char* kTablePath = "/db/tables/small/";
  Ending ending() const { return ending_; }
  uint64_t seed() const { return seed_; }
  std::unique_ptr<SimDisk> disk() const;  // a copy of the database as it ended
  const Answers& answers() const { return answers_; }
  TimeUs now_us() const { return now_us_; }  // for the clock of a later start
  // Opens a (harmed) copy and asks everything. The first error ends it.
  Result<Answers> ask(SimDisk& disk) const;

  static constexpr uint64_t kSectorBytes = 512;
  struct StoredFile {
    std::string path;
    Bytes content;
    bool holds_something(uint64_t offset) const;  // the sector of `offset`: anything but zeros
  };
  const std::vector<StoredFile>& files() const { return files_; }
  std::string manifest_in_force() const;  // its path: the newest
  uint64_t used_bytes() const;  // in sectors that hold something: the rest is padding and space given in advance
  // The newest log file of a database that was not closed, group by group.
  struct LogGroupPlace {
    uint64_t offset = 0;
    uint64_t end = 0;
    Lsn last_lsn = 0;
  };
  struct NewestLog {
    std::string path;
    Lsn lsn_before = 0;
    std::vector<LogGroupPlace> groups;
    Lsn last_lsn_within(uint64_t bytes) const;  // of the groups that lie in the first `bytes` as a whole
  };
  const NewestLog& newest_log() const { return newest_log_; }
  // Earlier contents of files that still exist, oldest first.
  struct OldVersion {
    std::string path;
    Bytes content;
  };
  const std::vector<OldVersion>& old_versions() const { return old_versions_; }

  // Sends every row again and one that is new, restarts, and says what is wrong with that ("": nothing, or it was refused with
  // an error, which `refused` gets).
  std::string resend(SimDisk& disk, Error& refused) const;

 private:
  struct Life;

  const Ending ending_;
  const uint64_t seed_;
  const Questions questions_;
  std::unique_ptr<SimDisk> disk_;
  TimeUs now_us_ = 0;
  Answers answers_;
  std::vector<StoredFile> files_;
  NewestLog newest_log_;
  std::vector<OldVersion> old_versions_;
};

void replace_file(SimDisk& disk, const std::string& path, ByteSpan content);

// Adds to the newest log of the disk what an idle log writes after a second (wal/log.h, idle()): a record that says that all
// before it was synced.
void seal_log(SimDisk& disk);

}  // namespace tally

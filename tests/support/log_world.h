// A log with the world around it, for sweeps and random tests: what the engine does with a log (append, acknowledge, flush
// and truncate, stop, recover, start anew), and a memory of it all that no disk can harm (reliability.md P4).
//
// LogOracle knows what was sent, what was acknowledged, and what the manifest would say. What recovery shows must be
//   - every acknowledged record: nothing durable is lost;
//   - a prefix of what was sent, without a hole, every byte as it was sent;
//   - whole groups only;
//   - called clean if the log was closed, and only then.
// It can be copied, so that one history meets many fates. The first contradiction is kept in failure().
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/support/manual_clock.h"
#include "wal/log.h"

namespace tally {

struct SentRecord {
  RecordType type = RecordType::kBatch;
  TimeUs arrival_us = 0;
  TimeUs reference_us = 0;
  uint32_t meta_bytes = 0;
  uint32_t payload_bytes = 0;
  uint64_t content_seed = 0;

  Bytes meta() const;
  Bytes payload() const;
};

class LogOracle {
 public:
  LogPosition position;  // what the manifest says

  void will_append(Lsn first, const std::vector<SentRecord>& records);  // from now on they may be found
  void not_appended(Lsn first);                                         // the append was refused: they may not
  void acknowledged(Lsn durable_lsn);
  void will_close() { closing_ = true; }
  void closed();
  void flushed(Lsn through, uint64_t first_file);  // a durable manifest edit

  // Of what recover_log() visited and returned; afterwards the oracle takes it for what there is.
  void check_recovery(const std::map<Lsn, uint64_t>& visited, const LogRecovery& recovery);
  // A manifest edit that ends a recovery, after which a new log starts at `first_lsn`.
  void restarting(const LogRecovery& recovery, Lsn first_lsn, bool flushed_to_first);
  void started() { closing_ = false; }  // the clean mark is gone for good

  Lsn acked_lsn() const { return acked_; }
  Lsn last_sent_lsn() const { return sent_.empty() ? base_ : std::max(base_, sent_.rbegin()->first); }
  const std::map<Lsn, SentRecord>& sent() const { return sent_; }

  void fail_with(std::string what);
  const std::string& failure() const { return failure_; }

 private:
  void check_contents(const std::map<Lsn, uint64_t>& visited, Lsn last_lsn);

  std::map<Lsn, SentRecord> sent_;  // since the last start
  std::set<Lsn> group_ends_;
  Lsn base_ = 0;  // the last LSN before this run
  Lsn acked_ = 0;
  bool closing_ = false;  // there may be a clean mark
  bool closed_ = false;   // there must be one
  std::string failure_;
};

uint64_t digest_of(const SentRecord& record);
uint64_t digest_of(const RecordView& record);

struct LogWorldOptions {
  std::string directory = "/log";
  uint64_t file_bytes = 64 * 1024;
  uint64_t seed = 1;
};

// One process' life with the log. Every call returns the log's error, if there was one.
class LogWorld {
 public:
  LogWorld(FileSystem& fs, ManualClock& clock, LogOracle& oracle, LogWorldOptions options);

  Status recover();  // twice: the result must be the same, and pass the oracle
  Status start();    // after recover()
  Status append();
  Status append(const std::vector<SentRecord>& records);
  Status poll(bool wait);
  Status wait_durable();
  Status idle();
  Status flush();
  Status read_back();
  Status close();
  Status random_step();
  // recover, start, `steps` random steps, and close now and then; up to the first error. Lack of space is no error.
  Status live(unsigned steps);

  Log* log() { return log_.get(); }
  LogOptions log_options() const;
  const LogRecovery& recovery() const { return recovery_; }
  SentRecord random_record();

 private:
  Result<LogRecovery> recover_once(std::map<Lsn, uint64_t>& visited);
  void note_durable();

  FileSystem& fs_;
  ManualClock& clock_;
  LogOracle& oracle_;
  LogWorldOptions options_;
  Random random_;
  LogRecovery recovery_;
  std::unique_ptr<Log> log_;
  Lsn durable_seen_ = 0;
};

}  // namespace tally

// The log of one table: the truth from which everything else can be made again (architecture.md, "The one idea").
//
// A log is a sequence of records with consecutive LSNs, written in groups: one group is one append, durable as a whole or
// not at all. This folder knows bytes and LSNs; what a record means is the engine's.
//
// What success promises
//   append()      the records have LSNs and will be written in this order. Nothing is durable yet.
//   durable_lsn() every record at or below it survives a crash. It never goes back, and it never jumps a record that could
//                 still be lost (no holes, whatever order the disk completes in).
//   truncate()    records at or below `through` may be forgotten by the log; their files are reused.
//   close()       everything appended is durable, and the next recovery knows that the stop was clean.
// Errors: kNoSpace from append() means that nothing of the call was logged, and the log goes on working when there is
// room again. Any other error of a write or a sync poisons the log (reliability.md W20): every later call fails with
// kIndeterminate, and only a restart, which recovers, leads out.
// Threads: one thread owns a log (the table's sequencer) and calls everything on it; durable_lsn() may be read by any.
// Limits: base/limits.h (record bytes, group bytes, groups in flight, file bytes).
//
//   auto log = start_log(options, first_lsn, recovery);
//   Lsn first = *(*log)->append({{.type = RecordType::kBatch, .arrival_us = now, .payload = bytes, ...}});
//   while ((*log)->durable_lsn() < first) TALLY_TRY((*log)->poll(true));     // now it may be acknowledged
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/status.h"

namespace tally {

using Lsn = uint64_t;  // 1 is the first record of a table; 0 is "before everything"

// Bit 7 set: an old reader may skip the record; any other unknown type is fatal (W8).
enum class RecordType : uint8_t {
  kBatch = 1,    // rows as the producer sent them
  kVerdict = 2,  // ids to take back
  kRetract = 3,  // originals found, with their values
  kForget = 4,   // a generation of ids dropped
  kSchema = 5,   // a schema version
  kBackfillBegin = 6,
  kBackfillData = 7,
  kBackfillCommit = 8,
  kSetting = 9,       // a table setting
  kClockBack = 11,    // arrival starts again at this record's, which may be lower than those before it
  kSeal = 10 | 0x80,  // nothing; carries durable_lsn of the groups before it (W15). Takes no part in the engine.
};

struct AppendRecord {
  RecordType type = RecordType::kBatch;
  TimeUs arrival_us = 0;      // never decreasing along the log (T1), but at a kClockBack; checked
  TimeUs reference_us = 0;    // newest event time among the records before this one
  ByteSpan meta = {};         // what the engine adds: checksummed by the log
  ByteSpan payload = {};      // the producer's bytes, stored verbatim
  uint64_t payload_xxh3 = 0;  // the digest the producer computed over payload; stored, and checked on every read
};

// What recovery and read() hand out. Views are valid during the call only.
struct RecordView {
  RecordType type = RecordType::kBatch;
  Lsn lsn = 0;
  TimeUs arrival_us = 0;
  TimeUs reference_us = 0;
  ByteSpan meta;
  ByteSpan payload;
  uint64_t payload_xxh3 = 0;
};
using RecordVisitor = std::function<Status(const RecordView&)>;  // an error stops the reading and is returned

struct LogStats {
  uint64_t groups = 0;
  uint64_t records = 0;
  uint64_t bytes_written = 0;  // padding included
  uint64_t syncs = 0;
  uint64_t files_created = 0;
  uint64_t files_reused = 0;
  TimeUs slowest_sync_us = 0;
  uint64_t slow_syncs = 0;  // above limits::kLogSlowSyncUs (W24): worth a warning
};

class Log {
 public:
  virtual ~Log() = default;  // without close(): as if the process had been killed

  // Queues `records` as one group and returns the LSN of the first. Records must fit limits::kLogGroupBytesMax together.
  // The bytes are copied: the caller may reuse its buffers. May wait for the disk when kLogGroupsInFlightMax groups are
  // in flight. Starts the write at once.
  virtual Result<Lsn> append(std::span<const AppendRecord> records) = 0;
  // Makes sure that the next append(), of at most `bytes` of meta and payload with limits::kLogAlignment for each record, does
  // not fail for lack of space: kNoSpace comes from here instead, before anything was decided about the records.
  virtual Status reserve(uint64_t bytes) = 0;
  // True while append() would not have to wait.
  virtual bool can_append() const = 0;
  virtual size_t groups_in_flight() const = 0;
  // Moves writes and syncs along and advances durable_lsn(); `wait` blocks until something completed (returns at once when
  // nothing is in flight).
  virtual Status poll(bool wait) = 0;
  virtual Lsn durable_lsn() const = 0;
  virtual Lsn next_lsn() const = 0;
  // Call now and then while idle, with any clock that does not go back: once kLogSealIdleUs has passed between calls
  // without an append, writes and syncs one seal group (W15), which takes one LSN.
  virtual Status idle(TimeUs now_us) = 0;
  // Visits the durable records at or above `from` that have not been truncated. For replay of a running log: backfill,
  // reconcile, replication.
  virtual Status read(Lsn from, const RecordVisitor& visit) = 0;
  virtual Status truncate(Lsn through) = 0;
  // The number of the oldest file that a recovery from `from` needs: what a manifest edit stores beside its flushed LSN.
  virtual uint64_t first_file_needed(Lsn from) const = 0;
  virtual Status close() = 0;
  virtual LogStats stats() const = 0;
  virtual std::string_view io_method() const = 0;  // "io_uring", "pwrite", "simulated"
};

struct LogOptions {
  FileSystem* fs = nullptr;
  Clock* clock = nullptr;
  std::string directory;                                 // made by start_log() if missing
  uint64_t file_bytes = 0;                               // 0: limits::kLogFileBytes
  uint64_t spare_files_max = limits::kLogSpareFilesMax;  // truncated files kept for reuse
  std::array<uint8_t, 16> table_uuid{};  // stored in every file header: a file of another table is refused
  uint64_t epoch_seed = 0;  // 0: epochs from the operating system; else reproducible, for tests. Never use one twice
                            // over the same directory.
};

// What the manifest knows of the log, for telling a torn tail from corruption (W10).
struct LogPosition {
  Lsn flushed_lsn = 0;      // records at or below it are in segments
  Lsn synced_lsn = 0;       // the log was known durable up to here when the manifest was written
  uint64_t first_file = 0;  // files with a lower number are of no interest any more
};

struct TornTail {
  uint64_t file_number = 0;
  uint64_t offset = 0;       // of the first bad group
  uint64_t bytes = 0;        // from there to the last byte that is not zero
  Lsn first_lost_lsn = 0;    // never acknowledged
  Lsn highest_lsn_seen = 0;  // including valid groups behind the damage, which are dropped too
};

struct LogRecovery {
  Lsn last_lsn = 0;            // of the last good record (or LogPosition::flushed_lsn if there is none above it)
  Lsn highest_lsn_seen = 0;    // new records start above this
  uint64_t highest_file = 0;   // new files start above this
  TimeUs last_arrival_us = 0;  // 0 if no record was seen
  bool clean = false;          // the log had been closed
  uint64_t records = 0;        // visited
  uint64_t bytes = 0;
  std::optional<TornTail> torn;
};

// Reads the log after a start: syncs files and directory first (W9), reads past the page cache (W21), checks chain, epoch
// and sums, decides torn or corrupt by the table of W10, and visits every record above `position.flushed_lsn` in order.
// Changes nothing. kCorruption names file, offset and LSN range (W12). A missing directory is an empty log only when
// `position` says that nothing was ever logged.
Result<LogRecovery> recover_log(const LogOptions& options, const LogPosition& position, const RecordVisitor& visit);

// Keeps the file of recovery.torn as NNNNNNNN.torn, durably; nothing to do without one, or when it was kept before. Call
// it as soon as the manifest says that what recovery visited is durable elsewhere (first_file = recovery.highest_file +
// 1): from then on no later recovery looks at that file, and a table that is only read starts no log. Not before: until
// then the file's good records are needed.
Status keep_torn_file(const LogOptions& options, const LogRecovery& recovery);

// Starts a log in a fresh file (never an old one, W21) whose first record will be `first_lsn`; removes the clean mark
// first (W14). Call it after what recovery visited has been made durable elsewhere and the manifest says so: flushed_lsn
// at least recovery.last_lsn and below first_lsn, first_file = recovery.highest_file + 1. first_lsn must be above
// recovery.highest_lsn_seen. The files of before are reused or removed; a torn one is kept as by keep_torn_file().
// kNoSpace: the log is as it was, try again when there is room. kIoError: the new file may be there already, and
// kAlreadyExists says that it is; a restart, which recovers, leads out.
Result<std::unique_ptr<Log>> start_log(const LogOptions& options, Lsn first_lsn, const LogRecovery& recovery);

}  // namespace tally

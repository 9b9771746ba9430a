// One table of a database: rows in, snapshots out.
//
// What an answer promises: a BatchResult is given only when the batch's log record is durable, every row of it has been
// decided, and every snapshot taken from then on shows it. An error of kind kRetryLater, kNoSpace or kInvalidArgument means
// that nothing was logged; kIndeterminate that the batch may or may not be there after a restart: send the same bytes again,
// de-duplication by id makes that safe.
//
// Way of a batch: prepare (the caller's thread: decode, validate, hash) -> sequencer (one thread: order, dictionary codes,
// log) -> shards (a thread each: decide, append) -> answer. TableOptions::threads = false runs all of it inside the
// caller's thread, one call at a time, so that a simulated disk sees the same operations for the same seed.
//
// Threads: everything here may be called from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/status.h"
#include "engine/background_policy.h"
#include "engine/batch.h"
#include "engine/block_cache.h"
#include "engine/dead_letter.h"
#include "engine/manifest.h"
#include "engine/schema.h"
#include "engine/snapshot.h"
#include "engine/table_condition.h"
#include "engine/verdict.h"
#include "wal/log.h"

namespace tally {

// T3: how long a machine has run before anything is forgotten: a clock that was set wrong is noticed by then.
inline constexpr TimeUs kForgetBoottimeUs = kMicrosPerHour;

struct TableOptions {
  bool threads = true;
  uint32_t shards = 0;  // 0: one a core
  uint64_t memtable_bytes_max = limits::kMemtableBytesMax;
  uint64_t log_file_bytes = limits::kLogFileBytes;
  uint64_t remembered_ids_max = limits::kRememberedIdsMax;  // kRetryLater from there on
  TimeUs forget_boottime_us = kForgetBoottimeUs;            // how long a machine has run before ids are forgotten
  uint32_t segment_block_rows = limits::kSegmentBlockRows;
  uint32_t chunk_rows = limits::kChunkRows;                     // 1 to kChunkRows
  TimeUs letter_retention_us = limits::kDeadLetterRetentionUs;  // of dead letters, by arrival
  bool background = true;  // folds, joins and retention run by themselves behind each flush
  BackgroundPolicy background_policy = {};
  std::shared_ptr<BlockCache> block_cache = nullptr;  // of the database; nullptr: reads of segments go to their files
  std::shared_ptr<SpaceWatch> space = nullptr;        // of the database
  uint64_t free_bytes_soft = limits::kFreeBytesSoft;  // its marks; 0: none
  uint64_t free_bytes_hard = limits::kFreeBytesHard;
};

struct IngestBatch {
  Bytes payload;  // of BatchBuilder; may hold no rows when only rejected ones are reported
  uint64_t payload_xxh3 = 0;
  std::vector<RejectedRow> rejected;  // logged and counted with the batch
  bool replay = false;
  BatchSource source;                  // for dead letters: where the rows come from
  std::vector<SourceRun> source_rows;  // of the payload
  // Dead letters whose rows, read again, these are: marked as replayed by the same record. A letter that was replayed, named
  // twice or is no longer kept refuses the batch (kAlreadyExists, kInvalidArgument, kNotFound) before anything is logged.
  std::vector<LetterId> replays;
};

struct RowVerdict {
  uint32_t row = 0;
  Verdict verdict = Verdict::kAccepted;
};

struct BatchResult {
  Lsn lsn = 0;
  Ledger counts;                         // of this batch
  std::vector<RowVerdict> not_accepted;  // ascending by row
};

// Events to take back.
struct RetractRequest {
  std::vector<std::string> ids;  // in any spelling; at most limits::kRetractionIdsMax
  std::string by;                // who asks; either text at most limits::kRetractionTextBytesMax bytes
  std::string reason;
};

// received = retracted + waiting + unresolved + repeated
struct RetractResult {
  Lsn lsn = 0;  // of the verdict
  uint64_t received = 0;
  uint64_t retracted = 0;   // their events are taken back
  uint64_t waiting = 0;     // no such event is counted yet: it will be taken back when it comes
  uint64_t unresolved = 0;  // the event was counted and is not in raw any more: see system.adjustments
  uint64_t repeated = 0;    // a verdict before this one stands, or the id stood twice among these

  RetractResult& operator+=(const RetractResult& other);
};

class Table {
 public:
  virtual ~Table() = default;
  virtual const std::string& name() const = 0;
  virtual std::shared_ptr<const Schema> schema() const = 0;

  using Done = std::function<void(Result<BatchResult>)>;
  // `done` runs exactly once, on a thread of the table's (or before the call returns); it must not block. May block while
  // limits::kIngestQueueMax batches wait.
  virtual void ingest_async(IngestBatch batch, Done done) = 0;
  Result<BatchResult> ingest(IngestBatch batch);

  // Takes events back by their ids (architecture.md, Apply 5). Answers when every one of them is settled or waits for its event,
  // all of it durable and visible. Repeating a request changes nothing. An error of kind kRetryLater, kNoSpace or
  // kInvalidArgument means that nothing was logged; after any other, send it again.
  virtual void retract_async(const RetractRequest& request, std::function<void(Result<RetractResult>)> done) = 0;
  Result<RetractResult> retract(const RetractRequest& request);

  // From here on `next`, whose version is the one above schema()'s, is in force: ids are remembered, and rows admitted, by its
  // rules. kUnsupported names a change that is not there yet; kRetryLater: somebody else was faster, nothing was done. kNoSpace:
  // there was no room to log it (nothing was done), or to flush behind it (it is logged, and in force).
  virtual Status alter(Schema next) = 0;

  // Everything acknowledged so far is in it. Fails only when recovery has (a table that could not be read).
  virtual Result<std::shared_ptr<const Snapshot>> snapshot() = 0;

  // Every dead letter up to now; those not flushed yet too.
  Result<std::unique_ptr<LetterView>> dead_letters();

  // Brings the write side up (ids rebuilt from raw and log) instead of at the first ingest. Idempotent.
  virtual Status prepare_writes() = 0;
  // Everything applied so far goes to segments; the log is truncated.
  virtual Status flush() = 0;
  // Returns when nothing is due in the background. Errors: why the write path cannot be brought up.
  virtual Status run_background() = 0;
  // `tally clock confirm`: the wall clock is right as it is, and what waits for that need not wait any more. kInvalidArgument:
  // it stands behind what has arrived.
  virtual Status confirm_clock() { return fail(Code::kUnsupported, "this table has no clock"); }
  // `tally clock back`: arrival starts again at the wall clock. kInvalidArgument says why it cannot; kNoSpace as of alter().
  virtual Status take_clock_back() { return fail(Code::kUnsupported, "this table has no clock"); }
  // What it cannot do now, and what somebody has to look at.
  virtual TableCondition condition() const { return {}; }
  // Flushes, closes the log cleanly. Calling it again answers the same; other calls that write fail from then on.
  virtual Status close() = 0;

  struct Stats {
    Ledger ledger;
    LogStats log;
    uint64_t memtable_rows = 0;
    uint64_t memtable_bytes = 0;
    uint64_t remembered_ids = 0;
    uint64_t retractions = 0;  // verdicts on ids, whatever became of them
    uint64_t segments = 0;
    uint64_t segment_bytes = 0;
    uint64_t flushes = 0;
    std::string log_io_method;
    BackgroundStats background;
  };
  virtual Stats stats() const = 0;
};

}  // namespace tally

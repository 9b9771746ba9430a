// The sequencer of a table: one thread that puts batches in order. It takes prepared batches from producers, gives values
// new to the table their dictionary codes, appends records to the log in groups, and sends each batch to the shards once
// its record is durable. It also places flush markers and truncates the log after a flush.
//
// Invariants
//   1 batches reach the shards in LSN order, each only after its record is durable (reliability.md W23).
//   2 a marker behind LSN b is sent when the log has nothing in flight, so dictionaries and reference time are those of b.
//   3 a batch gets codes only after the log has made room for its record, so codes [2, logged_sizes_) and nothing else are in
//     the log when the record is.
//   4 every batch submitted is answered exactly once.
//   5 a batch is logged with the schema in force, whatever it was decoded for; a RETRACT with that of its originals.
// Threads: submit(), request_flush(), change_*(), clock_*(), flush_finished(), work_failed(), stop() by any; run() or run_until_idle() by the one that sequences.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/arrival_clock.h"
#include "engine/batch_record.h"
#include "engine/dead_letters.h"
#include "engine/dictionaries.h"
#include "engine/flush.h"
#include "engine/logged_batch.h"
#include "engine/space_watch.h"
#include "wal/log.h"

namespace tally {

// A decoded batch, or a retraction, that waits for its place.
struct PendingBatch {
  std::unique_ptr<PreparedBatch> batch = nullptr;
  std::shared_ptr<VerdictWork> verdict = nullptr;        // instead of a batch
  std::shared_ptr<SettlementWork> settlement = nullptr;  // instead of a batch
  std::shared_ptr<const BatchNotes> notes = nullptr;     // of a batch
  Bytes encoded_notes = {};
  bool replay = false;
  std::shared_ptr<const Schema> schema = nullptr;
  std::vector<uint8_t> lateness_classes = {};  // by row
  TimeUs submitted_us = 0;                     // boottime
  Table::Done done = nullptr;
};

using FlushDone = std::function<void(Status)>;

// The schema in force becomes this one, if it is still of the version before.
struct SchemaChange {
  std::shared_ptr<const Schema> next;
  FlushDone done;
};

// The wall clock is believed as it is, or arrival starts again at it.
struct ClockChange {
  bool back = false;
  FlushDone done;
};

class Sequencer {
 public:
  struct Config {
    std::unique_ptr<Log> log;
    Clock* clock = nullptr;
    TimeUs last_arrival_us = 0;
    std::optional<ClockAnchor> anchor;
    TimeUs newest_forget_us = 0;
    TimeUs reference_us = 0;
    Lsn flushed_lsn = 0;
    Dictionaries* dictionaries = nullptr;
    const IdHasher* hasher = nullptr;
    uint64_t memtable_bytes_max = 0;
    std::vector<ForgetRecord> forgettable;  // what may be forgotten already
    TimeUs forget_boottime_us = kForgetBoottimeUs;
    std::shared_ptr<SpaceWatch> space = nullptr;  // nullptr: the disk is full when it says so
    size_t shards = 1;
    DeadLetters* letters = nullptr;
    std::shared_ptr<const Schema> schema = nullptr;  // in force
    std::function<uint64_t()> memory_bytes;          // of rows in memory, those of a flush under way included
    std::function<void(std::shared_ptr<LoggedBatch>)> dispatch;  // to every shard
    std::function<void(std::shared_ptr<FlushJob>)> send_marker;  // to every shard
  };
  explicit Sequencer(Config config);

  void submit(PendingBatch batch);
  // A marker behind everything submitted so far; `done` runs when the flush has ended.
  void request_flush(FlushDone done);
  // A SCHEMA record and a marker right behind it; `done` runs when the flush has ended or waits for room, or when nothing was
  // changed.
  void change_schema(SchemaChange change);
  // `tally clock confirm`: `done` runs when it is so, in memory; the caller sees to the manifest. `tally clock back`: a
  // CLOCK_BACK record and a marker right behind it; `done` runs when the flush has ended or waits for room. kInvalidArgument says
  // why not.
  void change_clock(ClockChange change);
  // Whatever may be forgotten by now is, in the background: for a table that is full of ids and so gets no batch whose flush
  // would name it.
  void request_forget();
  // From the flusher. kNoSpace: the job is still to be done and will be reported again.
  // `forgettable`: generations that may be forgotten since that flush's marker.
  void flush_finished(const Status& status, Lsn through, std::vector<ForgetRecord> forgettable = {});
  // From a shard that cannot decide any more, or background work in doubt: the table is poisoned.
  void work_failed(const Error& error);
  void stop();

  void run();             // until stop(), then finishes what is in flight
  void run_until_idle();  // until nothing is left to do, without waiting for new work
  Status close_log();     // after run() has returned, when everything was flushed

  LogStats log_stats() const;
  ClockBelief clock_belief() const;
  ClockStatus clock_status() const;
  SpaceStatus space_status() const;
  std::string_view log_io_method() const { return log_->io_method(); }
  Status health() const;  // the reason why the table accepts no writes any more

 private:
  struct Mail {
    std::vector<FlushDone> flush_requests;
    std::vector<SchemaChange> schema_changes;
    std::vector<ClockChange> clock_changes;
    std::optional<std::pair<Status, Lsn>> flush_result;
    std::optional<Error> work_error;
    std::optional<std::vector<ForgetRecord>> forgettable;
    bool forget = false;
    bool stop = false;
  };

  bool step(bool may_wait);
  void wait_for_mail();
  bool log_is_busy() const;
  bool anything_to_do() const;
  bool batches_can_go() const;
  void take_mail();
  void take_flush_result(const Status& status, Lsn through);
  bool flush_is_due() const;
  void place_marker();
  void drain_log();
  static FlushDone in_force(FlushDone done);
  bool log_forgets();
  void log_schema_change();
  Status log_schema(const std::shared_ptr<const Schema>& next);
  void change_clock();
  Status confirm_clock();
  Status log_clock_back();
  void log_alone(std::shared_ptr<LoggedBatch> logged, Lsn lsn, TimeUs arrival_us);
  void hold_for_clock(std::vector<PendingBatch>& batches);
  void publish_clock();
  void fit_schema(std::vector<PendingBatch>& batches);
  Status fit_schema(PendingBatch& pending);
  bool may_forget() const;
  bool stalled() const;
  void refuse_for_space();
  void append_group();
  void refuse_replayed_letters(std::vector<PendingBatch>& batches);
  Status make_room(const std::vector<PendingBatch>& batches);
  void answer_leftovers();
  std::vector<PendingBatch> take_batches();
  std::shared_ptr<LoggedBatch> order(PendingBatch pending, TimeUs arrival_us, Bytes& meta);
  void order_batch(PendingBatch& pending, LoggedBatch& logged, Bytes& meta);
  void resolve_codes(PreparedBatch& batch, bool& has_other);
  BatchMeta describe(const PendingBatch& pending);
  void poll();
  void dispatch_durable();
  void poison(Error error);

  const std::unique_ptr<Log> log_;
  Config config_;
  ArrivalClock arrival_;
  TimeUs reference_us_;
  TimeUs last_arrival_us_;
  TimeUs newest_forget_us_;
  bool arrival_back_ = false;                           // for the next marker
  std::map<uint32_t, uint32_t> logged_sizes_;           // by dimension id: codes that the log knows
  std::deque<std::shared_ptr<LoggedBatch>> in_flight_;  // appended, not yet durable
  Lsn dispatched_lsn_;
  Lsn flushed_lsn_;
  bool flushing_ = false;
  bool flush_lacks_space_ = false;
  bool log_lacks_space_ = false;            // a flush may give log files back
  bool forgetting_ = false;                 // markers are placed until nothing is left that may be forgotten
  uint64_t logged_bytes_ = 0;               // of records that no finished flush has passed
  uint64_t frozen_log_bytes_ = 0;           // of those, what the flush under way passes
  std::vector<ForgetRecord> forgettable_;   // logged before the next marker
  std::vector<FlushDone> waiting_flushes_;  // for the next marker
  std::shared_ptr<const Schema> schema_;    // in force behind everything appended
  std::vector<std::shared_ptr<Dictionary>> dictionaries_;  // of its dimensions
  std::shared_ptr<const Schema> unflushed_schema_;         // for the next marker
  std::vector<SchemaChange> waiting_changes_;
  std::vector<ClockChange> waiting_clock_changes_;
  std::vector<FlushDone> current_flushes_;  // for the flush under way

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<PendingBatch> batches_;  // guarded by mutex_, as are the next four
  Mail mail_;
  Status health_;
  LogStats log_stats_;
  ClockBelief clock_belief_;  // as others see it
};

}  // namespace tally

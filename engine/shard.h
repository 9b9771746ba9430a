// A shard owns a hash range of ids: the ids it remembers and the rows it keeps in memory. It takes the batches of
// the log in order, decides its rows, appends them, publishes how far it is.
//
// Invariants
//   1 batches come with ascending LSNs; applied_lsn() is the last one applied, also when it had no row for this shard.
//   2 a row is visible (in a published chunk, below rows()) before applied_lsn() reaches its LSN.
//   3 no chunk holds rows from both sides of a flush marker.
//   4 once the remembered ids could not be asked about a batch, nothing is decided any more: health() says why, applied_lsn()
//     stays below that batch, and what freeze() hands out must not be flushed.
// Threads: load_ids(), apply(), freeze(), plan_merge() and adopt() by the shard's one thread; applied_lsn(), ledger(), memory by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/dead_letters.h"
#include "engine/lateness_classes.h"
#include "engine/logged_batch.h"
#include "engine/published_state.h"
#include "engine/remembered_ids.h"
#include "engine/retractions.h"

namespace tally {

// What a shard hands over at a flush marker: everything it applied up to there.
struct FrozenShard {
  ChunkList chunks;
  uint64_t bytes = 0;  // of rows in memory, until release()
  Ledger ledger;       // since the table was opened
  TimeUs newest_event_us = 0;
  RememberedIds::Frozen ids;
  HorizonMap horizons;                                       // all of them, the same in every shard
  std::vector<std::shared_ptr<const ForgetRecord>> forgets;  // applied since the marker before, the same in every shard
  std::vector<ForgetRecord> forgettable;                     // what this shard has of what may be forgotten now
  std::shared_ptr<const RetractionLog> retractions;          // what changed since the marker before; nullptr: nothing
  Lsn resolved_lsn = 0;                                      // verdicts looked up, the same in every shard
  Status health;
};

class Shard {
 public:
  Shard(uint32_t index, uint32_t shards, const LatenessClasses& classes, StatePublisher& publisher, Lsn applied_lsn,
        DeadLetters* letters = nullptr,  // nullptr: rows refused are only counted
        uint32_t chunk_rows = limits::kChunkRows);

  // Before the first apply(): the ids counted earlier. After an error it may be tried again.
  Status load_ids(FileSystem& fs, const std::string& directory, std::span<const IdRunInfo> runs,
                  const HorizonMap& horizons);
  // The newest of each key, of any shard.
  void load_retractions(std::span<const Retraction> retractions, Lsn resolved_lsn);
  // An error: nothing of this batch was decided here, nor will be of any after it.
  Status apply(LoggedBatch& logged);
  FrozenShard freeze(Lsn through, TimeUs arrival_us);
  // Generations that every shard may forget, arrival having come to here.
  std::vector<ForgetRecord> forgettable(TimeUs arrival_us) const;
  void adopt(std::vector<SpilledIds> spilled);  // what a committed flush made of freeze().ids
  // Runs to be joined, if any; the answer to it is the other adopt(), without a value if nothing came of it.
  std::optional<MergeWork> plan_merge() { return ids_->plan_merge(newest_arrival_us_); }
  void adopt(std::optional<MergedIds> merged);

  Lsn applied_lsn() const { return applied_lsn_.load(std::memory_order_acquire); }
  Ledger ledger() const;
  // Verdicts that wait for their look-up in raw since before the table was opened. By the shard's thread.
  std::vector<Retraction> unresolved_retractions() const { return retractions_.unresolved(); }
  uint64_t retractions() const { return retraction_count_.load(std::memory_order_relaxed); }
  uint64_t remembered_ids() const { return remembered_.load(std::memory_order_relaxed); }
  // Of rows in memory and the orders of their chunks, frozen ones included until their flush is over.
  uint64_t memory_bytes() const {
    return memory_bytes_.load(std::memory_order_relaxed) + orders_total_->load(std::memory_order_relaxed);
  }
  void release(const FrozenShard& flushed);

 private:
  Status begin_ids(std::span<const Hash128> keys, std::span<const uint32_t> digests, std::span<const uint32_t> rows);
  Status begin(const LoggedBatch& logged);
  void apply_verdict(LoggedBatch& logged);
  void apply_settlement(LoggedBatch& logged, LoggedBatch::Outcome& outcome);
  void count_asked(SettlementWork& work) const;
  void take_back(uint32_t row, LoggedBatch::Outcome& outcome);
  void add_memory(uint64_t bytes);
  void apply_batch(LoggedBatch& logged, LoggedBatch::Outcome& outcome);
  void forget(const LoggedBatch& logged);
  void change_schema(const std::shared_ptr<const Schema>& schema);
  void decide_rows(LoggedBatch& logged, LoggedBatch::Outcome& outcome);
  void count(const LoggedBatch& logged, uint32_t row, Verdict verdict, LoggedBatch::Outcome& outcome);
  void append_rows(const LoggedBatch& logged, const PreparedBatch& batch);
  void start_chunk(const LoggedBatch& logged);
  Chunk& chunk_for(const LoggedBatch& logged);

  const uint32_t index_, shards_;
  const uint32_t chunk_rows_;
  LatenessClasses classes_;
  StatePublisher& publisher_;
  DeadLetters* const letters_;
  std::unique_ptr<RememberedIds> ids_;  // owned by the shard's thread, as are those up to active_bytes_
  Horizons horizons_;
  std::vector<std::shared_ptr<const ForgetRecord>> forgets_;  // since the last marker
  Retractions retractions_;
  Status health_;
  std::vector<Hash128> keys_;  // scratch of apply(): of this shard's rows
  std::vector<uint32_t> digests_;
  std::vector<std::shared_ptr<Chunk>> active_;  // chunks since the last marker
  std::vector<uint32_t> kept_rows_;             // scratch of apply(): rows that go to raw, and their kinds
  std::vector<RowKind> kept_kinds_;
  TimeUs newest_event_us_ = 0;
  TimeUs newest_arrival_us_ = 0;
  uint64_t active_bytes_ = 0;  // of memory_bytes_, those behind the last marker
  std::atomic<Lsn> applied_lsn_;
  std::atomic<uint64_t> remembered_{0};
  std::atomic<uint64_t> retraction_count_{0};
  std::atomic<uint64_t> memory_bytes_{0};
  const std::shared_ptr<std::atomic<uint64_t>> orders_total_ = std::make_shared<std::atomic<uint64_t>>(0);
  mutable std::mutex ledger_mutex_;
  Ledger ledger_;  // guarded by ledger_mutex_
};

}  // namespace tally

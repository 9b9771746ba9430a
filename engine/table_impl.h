// The one implementation of Table: owns dictionaries, shards and published state; brings the write path up when it is
// first needed. Remembered ids are loaded then too, so a process that only queries never pays for them.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/open_table.h"
#include "engine/published_state.h"
#include "engine/replay.h"
#include "engine/write_path.h"

namespace tally {

class TableImpl final : public Table {
 public:
  TableImpl(FileSystem& fs, Clock& clock, TablePaths paths, TableOptions options,
            std::shared_ptr<const ManifestState> state);
  ~TableImpl() override;

  // Once, before anything else.
  Status recover();

  const std::string& name() const override { return name_; }
  std::shared_ptr<const Schema> schema() const override;
  void ingest_async(IngestBatch batch, Done done) override;
  void retract_async(const RetractRequest& request, std::function<void(Result<RetractResult>)> done) override;
  Result<std::shared_ptr<const Snapshot>> snapshot() override;
  Status prepare_writes() override;
  Status alter(Schema next) override;
  Status flush() override;
  Status run_background() override;
  Status confirm_clock() override;
  Status take_clock_back() override;
  TableCondition condition() const override;
  Status close() override;
  Stats stats() const override;
  WriteReading write_reading() const;

 private:
  Status load_dictionaries();
  Status replay_log();
  Status persist_recovered(const Replay& replay);
  Status open_manifest();
  Status load_ids();
  Status load_retractions();
  Status settle_log();
  Status start_writing();
  FlushContext flush_context() const;
  LogOptions log_options() const;
  std::vector<Shard*> shard_pointers() const;
  Result<PendingBatch> prepare(IngestBatch batch);
  Status learn_replays();
  Ledger ledger() const;
  uint64_t remembered_ids() const;
  void forget_what_is_due();
  uint64_t retractions() const;
  Result<std::shared_ptr<WritePath>> running_write_path();

  FileSystem& fs_;
  Clock& clock_;
  const TablePaths paths_;
  const TableOptions options_;
  const std::string name_;
  const IdHasher hasher_;
  const Ledger ledger_before_;  // of the manifest, when the shards began to count
  StatePublisher publisher_;
  const std::shared_ptr<DeadLetters> letters_ = std::make_shared<DeadLetters>();
  const std::shared_ptr<Dictionaries> dictionaries_;
  std::vector<std::unique_ptr<Shard>> shards_;
  LogRecovery log_recovery_;                        // after recover(): constant
  std::atomic<TimeUs> forget_asked_us_{INT64_MIN};  // boottime
  Permits permits_{limits::kIngestQueueMax};        // outlives write_, whose last answers give them back
  mutable std::mutex start_mutex_;                  // for bringing the write path up and down
  std::unique_ptr<Manifest> manifest_;              // guarded by start_mutex_ until write_ stands, as is the next
  std::unique_ptr<ManifestTurn> turn_;              // of manifest_
  const std::shared_ptr<UnlinkedFiles> unlinked_ = std::make_shared<UnlinkedFiles>();
  OrphanStatus orphans_;                // guarded by start_mutex_
  bool ids_known_ = false;              // guarded by start_mutex_
  Status read_only_;                    // why there can be no write path; guarded by start_mutex_
  bool closed_ = false;                 // guarded by start_mutex_
  std::mutex close_mutex_;              // one close at a time
  std::optional<Status> close_status_;  // of the first; guarded by close_mutex_
  std::shared_ptr<WritePath> write_;    // guarded by start_mutex_
};

}  // namespace tally

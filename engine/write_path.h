// The running write side of a table: the sequencer, a worker for each shard, the flusher, the merger and the resolver, with their threads and the
// queues between them. Without threads each step runs inside the call that caused it.
// Threads: submit() and flush() by any; start/stop by the table.
#pragma once

#include <memory>
#include <thread>
#include <variant>
#include <vector>

#include "engine/background.h"
#include "engine/flush.h"
#include "engine/resolver.h"
#include "engine/sequencer.h"
#include "engine/work_queue.h"

namespace tally {

class WritePath {
 public:
  struct Config {
    bool threads = true;
    Sequencer::Config sequencer;  // dispatch, send_marker and active_bytes are filled here
    std::vector<Shard*> shards;
    StatePublisher* publisher = nullptr;
    Clock* clock = nullptr;
    FlushContext flush;
    Ledger ledger_before;       // of the manifest when the shards began to count
    Resolver::Config resolver;  // log and stopping are filled here
    bool background = true;     // folds, joins and retention run by themselves
    BackgroundPolicy policy;
    std::shared_ptr<UnlinkedFiles> unlinked;
    std::shared_ptr<SpaceWatch> space;  // nullptr: none
  };
  explicit WritePath(Config config);
  ~WritePath();  // stops; nothing is flushed that was not

  void submit(PendingBatch batch);
  // Verdicts of this request, and what becomes of them. One request at a time goes to the shards: batches that come between
  // wait for it alone.
  void retract(PendingBatch pending, std::function<void(Result<RetractResult>)> done);
  // What a crash left without a look-up.
  void resolve(std::vector<Retraction> left);
  Status change_schema(std::shared_ptr<const Schema> next);  // waits until it is flushed
  Status flush();                                            // waits
  Status confirm_clock();                                    // waits until the manifest says so
  Status take_clock_back();                                  // waits until it is flushed
  void request_forget();
  // Flushes, stops, closes the log. What is due in the background is done for kFoldAtCloseUs, so that nobody waits for a long history;
  // the rest when the table is next written, or by run_background() before.
  Status close();
  static constexpr TimeUs kFoldAtCloseUs = 10 * kMicrosPerSecond;
  const Sequencer& sequencer() const { return *sequencer_; }
  // What is due in the background is done when this returns; without threads always, with them once nothing is due.
  void run_background();
  BackgroundStats background_stats() const { return background_->stats(); }
  WriteFigures& figures() { return figures_; }
  uint64_t flushes() const { return flushes_.load(std::memory_order_relaxed); }

 private:
  using ShardWork = std::variant<std::shared_ptr<LoggedBatch>, std::shared_ptr<FlushJob>, std::shared_ptr<FlushedIds>,
                                 std::shared_ptr<std::optional<MergedIds>>>;
  struct MergeJob {
    size_t shard = 0;
    MergeWork work;
  };
  struct ShardWorker {
    WorkQueue<ShardWork> queue;
    std::thread thread;
  };

  void start_threads();
  void stop();
  void run_inline();
  void give_to_shards(const ShardWork& work);
  void run_shard(size_t index);
  void work(size_t index, const ShardWork& work);
  void apply(size_t index, LoggedBatch& batch);
  void freeze(size_t index, const std::shared_ptr<FlushJob>& job);
  void run_flusher();
  void flush_job(const std::shared_ptr<FlushJob>& job);
  void plan_merge(size_t index);
  void run_merger();
  void merge(const MergeJob& job);
  void run_resolver();
  void resolve_inline();
  void next_verdict();
  void fail_waiting_verdicts(const Error& error);
  std::future<Status> log_settlement(std::shared_ptr<SettlementWork> work);
  bool stopping();
  bool background_stopping();
  void publish(const FlushJob& job, RetractionFiles retraction_files);
  void publish_background();
  Status change_clock(bool back);
  std::shared_ptr<const SegmentList> list_segments(const ManifestState& manifest);
  void run_background_thread();
  void wake_background();

  Config config_;
  std::unique_ptr<Sequencer> sequencer_;
  std::vector<std::unique_ptr<ShardWorker>> workers_;
  WorkQueue<std::shared_ptr<FlushJob>> flush_queue_;
  std::shared_ptr<FlushJob> unfinished_job_;  // without threads: lacked space, tried again at the next call
  std::thread sequencer_thread_;
  std::thread flusher_thread_;
  WorkQueue<MergeJob> merge_queue_;
  std::thread merger_thread_;
  std::unique_ptr<Resolver> resolver_;
  WorkQueue<ResolveJob> resolve_queue_;
  std::thread resolver_thread_;
  std::mutex verdict_mutex_;
  bool verdict_on_its_way_ = false;            // guarded by verdict_mutex_
  std::deque<PendingBatch> waiting_verdicts_;  // guarded by verdict_mutex_
  std::mutex inline_mutex_;                    // without threads: one caller at a time
  std::mutex stopping_mutex_;
  std::condition_variable stopping_changed_;
  bool stopping_ = false;  // guarded by stopping_mutex_
  std::atomic<uint64_t> flushes_{0};
  WriteFigures figures_;
  std::mutex publish_mutex_;  // from reading the manifest's state to showing it
  std::unique_ptr<Background> background_;
  std::mutex background_mutex_;                         // one run at a time
  std::condition_variable background_wake_;             // with stopping_mutex_
  bool background_due_ = false;                         // guarded by stopping_mutex_
  std::atomic<TimeUs> background_until_us_{INT64_MAX};  // boottime
  std::thread background_thread_;
};

}  // namespace tally

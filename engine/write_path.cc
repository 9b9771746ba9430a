#include "engine/write_path.h"

#include <algorithm>
#include <chrono>
#include <future>

#include "base/this_thread.h"

namespace tally {
namespace {

constexpr auto kSpaceRetry = std::chrono::seconds(1);  // how often a flush that lacks room is tried again (VM polls so)

}  // namespace

WritePath::WritePath(Config config) : config_(std::move(config)) {
  config_.flush.threads = config_.threads;
  Sequencer::Config sequencer = std::move(config_.sequencer);
  sequencer.shards = config_.shards.size();
  sequencer.space = config_.space;
  sequencer.memory_bytes = [this] {
    uint64_t bytes = 0;
    for (const Shard* shard : config_.shards) bytes += shard->memory_bytes();
    return bytes + config_.flush.letters->memory_bytes();
  };
  sequencer.dispatch = [this](std::shared_ptr<LoggedBatch> logged) { give_to_shards(std::move(logged)); };
  sequencer.send_marker = [this](std::shared_ptr<FlushJob> job) {
    job->ledger_before = config_.ledger_before;
    give_to_shards(std::move(job));
  };
  sequencer_ = std::make_unique<Sequencer>(std::move(sequencer));
  Resolver::Config resolver = std::move(config_.resolver);
  resolver.log = [this](std::shared_ptr<SettlementWork> work) { return log_settlement(std::move(work)); };
  resolver.stopping = [this] { return stopping(); };
  resolver_ = std::make_unique<Resolver>(std::move(resolver));
  background_ = std::make_unique<Background>(Background::Config{
      .files = config_.flush,
      .publisher = config_.publisher,
      .clock = config_.clock,
      .policy = config_.policy,
      .wall_us = [this] { return sequencer_->clock_status().believed() ? config_.clock->wall_us() : INT64_MIN; },
      .space = [this] { return sequencer_->space_status(); },
      .stopping = [this] { return background_stopping(); },
      .publish = [this] { publish_background(); },
      .failed = [this](const Error& error) { sequencer_->work_failed(error); },
      .unlinked = config_.unlinked,
  });
  if (config_.threads) start_threads();
}

WritePath::~WritePath() {
  stop();
  if (config_.space != nullptr) config_.space->set_unflushed(sequencer_.get(), 0);
}

void WritePath::start_threads() {
  for (size_t i = 0; i < config_.shards.size(); ++i) workers_.push_back(std::make_unique<ShardWorker>());
  const auto start = [](const char* name, auto run) {
    return std::thread([name, run] {
      name_this_thread(name);
      run();
    });
  };
  for (size_t i = 0; i < workers_.size(); ++i) workers_[i]->thread = start("shard", [this, i] { run_shard(i); });
  flusher_thread_ = start("flush", [this] { run_flusher(); });
  merger_thread_ = start("merge ids", [this] { run_merger(); });
  resolver_thread_ = start("resolve", [this] { run_resolver(); });
  if (config_.background) background_thread_ = start("background", [this] { run_background_thread(); });
  sequencer_thread_ = start("sequencer", [this] { sequencer_->run(); });
}

// In the order of the way of a batch, so that each stage finishes what the one before it handed over.
void WritePath::stop() {
  sequencer_->stop();
  {
    std::lock_guard lock(stopping_mutex_);
    stopping_ = true;
  }
  stopping_changed_.notify_all();
  background_wake_.notify_all();
  if (sequencer_thread_.joinable()) sequencer_thread_.join();
  for (auto& worker : workers_) worker->queue.close();
  for (auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
  resolve_queue_.close();
  if (resolver_thread_.joinable()) resolver_thread_.join();
  flush_queue_.close();
  if (flusher_thread_.joinable()) flusher_thread_.join();
  merge_queue_.close();
  if (merger_thread_.joinable()) merger_thread_.join();
  if (background_thread_.joinable()) background_thread_.join();
}

void WritePath::submit(PendingBatch batch) {
  sequencer_->submit(std::move(batch));
  if (!config_.threads) run_inline();
}

void WritePath::request_forget() {
  sequencer_->request_forget();
  if (!config_.threads) run_inline();
}

void WritePath::run_inline() {
  std::lock_guard lock(inline_mutex_);
  if (auto job = std::exchange(unfinished_job_, nullptr)) flush_job(job);
  sequencer_->run_until_idle();
  resolve_inline();
}

// --- retractions ---------------------------------------------------------------------------------------------------

void WritePath::retract(PendingBatch pending, std::function<void(Result<RetractResult>)> done) {
  pending.done = [this, work = pending.verdict, done = std::move(done)](const Result<BatchResult>& logged) mutable {
    if (logged) {
      resolve_queue_.push({.work = std::move(work), .done = std::move(done)});
      return next_verdict();
    }
    fail_waiting_verdicts(logged.error());
    done(std::unexpected(logged.error()));
  };
  {
    std::lock_guard lock(verdict_mutex_);
    if (std::exchange(verdict_on_its_way_, true)) return waiting_verdicts_.push_back(std::move(pending));
  }
  submit(std::move(pending));
}

void WritePath::next_verdict() {
  PendingBatch next;
  {
    std::lock_guard lock(verdict_mutex_);
    verdict_on_its_way_ = !waiting_verdicts_.empty();
    if (!verdict_on_its_way_) return;
    next = std::move(waiting_verdicts_.front());
    waiting_verdicts_.pop_front();
  }
  sequencer_->submit(std::move(next));
}

// The one that they waited for could not be logged: neither can they.
void WritePath::fail_waiting_verdicts(const Error& error) {
  std::deque<PendingBatch> waiting;
  {
    std::lock_guard lock(verdict_mutex_);
    waiting.swap(waiting_verdicts_);
    verdict_on_its_way_ = false;
  }
  for (PendingBatch& one : waiting) one.done(std::unexpected(error));
}

void WritePath::resolve(std::vector<Retraction> left) {
  if (left.empty()) return;
  resolve_queue_.push({.left = std::move(left)});
  if (!config_.threads) run_inline();
}

void WritePath::run_resolver() {
  while (std::optional<ResolveJob> job = resolve_queue_.pop()) {
    std::vector<ResolveJob> jobs = resolve_queue_.pop_all();
    jobs.insert(jobs.begin(), *std::move(job));
    resolver_->resolve(std::move(jobs));
  }
}

void WritePath::resolve_inline() {
  std::vector<ResolveJob> jobs = resolve_queue_.pop_all();
  if (!jobs.empty()) resolver_->resolve(std::move(jobs));
}

std::future<Status> WritePath::log_settlement(std::shared_ptr<SettlementWork> work) {
  auto logged = std::make_shared<std::promise<Status>>();
  std::future<Status> result = logged->get_future();
  PendingBatch pending;
  pending.settlement = std::move(work);
  pending.done = [logged](const Result<BatchResult>& applied) {
    logged->set_value(applied ? Status{} : std::unexpected(applied.error()));
  };
  sequencer_->submit(std::move(pending));
  if (!config_.threads) sequencer_->run_until_idle();
  return result;
}

Status WritePath::flush() {
  auto flushed = std::make_shared<std::promise<Status>>();
  std::future<Status> result = flushed->get_future();
  sequencer_->request_flush([flushed](Status status) { flushed->set_value(std::move(status)); });
  if (!config_.threads) run_inline();
  return result.get();
}

Status WritePath::change_schema(std::shared_ptr<const Schema> next) {
  auto changed = std::make_shared<std::promise<Status>>();
  std::future<Status> result = changed->get_future();
  sequencer_->change_schema({std::move(next), [changed](Status status) { changed->set_value(std::move(status)); }});
  if (!config_.threads) run_inline();
  return result.get();
}

Status WritePath::change_clock(bool back) {
  auto changed = std::make_shared<std::promise<Status>>();
  std::future<Status> result = changed->get_future();
  sequencer_->change_clock({back, [changed](Status status) { changed->set_value(std::move(status)); }});
  if (!config_.threads) run_inline();
  return result.get();
}

Status WritePath::take_clock_back() { return change_clock(true); }

Status WritePath::confirm_clock() {
  TALLY_TRY(change_clock(false));
  ManifestEdit edit;
  edit.anchor = sequencer_->clock_belief().anchor;
  if (Status kept = config_.flush.manifest->commit(edit, nullptr); !kept) {
    if (kept.error().code != Code::kNoSpace) sequencer_->work_failed(kept.error());
    return std::unexpected(
        std::move(kept).error().with_context("the clock is believed now, and a restart will ask again"));
  }
  publish_background();
  background_->confirm_drops();
  wake_background();
  return {};
}

Status WritePath::close() {
  background_until_us_ = config_.clock->boottime_us() + kFoldAtCloseUs;
  const Status flushed = flush();
  // Whoever opens the table next, maybe only to read, finds it folded as far as that takes seconds.
  if (flushed && config_.background) run_background();
  stop();
  TALLY_TRY(flushed);
  return sequencer_->close_log();
}

void WritePath::give_to_shards(const ShardWork& work_item) {
  for (size_t i = 0; i < config_.shards.size(); ++i) {
    if (config_.threads) {
      workers_[i]->queue.push(work_item);
    } else {
      work(i, work_item);
    }
  }
}

void WritePath::run_shard(size_t index) {
  while (std::optional<ShardWork> item = workers_[index]->queue.pop()) work(index, *item);
}

void WritePath::work(size_t index, const ShardWork& item) {
  if (const auto* logged = std::get_if<std::shared_ptr<LoggedBatch>>(&item)) return apply(index, **logged);
  if (const auto* job = std::get_if<std::shared_ptr<FlushJob>>(&item)) return freeze(index, *job);
  if (const auto* ids = std::get_if<std::shared_ptr<FlushedIds>>(&item)) {
    config_.shards[index]->adopt(std::move((*ids)->by_shard[index]));
    return plan_merge(index);
  }
  const auto& merged = std::get<std::shared_ptr<std::optional<MergedIds>>>(item);
  const bool came_to_something = merged->has_value();
  config_.shards[index]->adopt(std::move(*merged));
  if (came_to_something) plan_merge(index);  // else not before the next flush
}

void WritePath::plan_merge(size_t index) {
  std::optional<MergeWork> work = config_.shards[index]->plan_merge();
  if (!work) return;
  if (config_.threads) {
    merge_queue_.push({index, *std::move(work)});
  } else {
    merge({index, *std::move(work)});
  }
}

void WritePath::apply(size_t index, LoggedBatch& batch) {
  const Status applied = config_.shards[index]->apply(batch);
  if (!applied) sequencer_->work_failed(applied.error());
  // The last shard answers: every shard has applied this record then, and, each taking them in order, all before it.
  if (batch.shards_left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Result<BatchResult> result = merge_outcomes(batch);
  if (result) figures_.visible(batch, result->not_accepted, config_.clock->boottime_us(), config_.clock->wall_us());
  batch.done(std::move(result));
}

void WritePath::freeze(size_t index, const std::shared_ptr<FlushJob>& job) {
  job->shards[index] = config_.shards[index]->freeze(job->log.flushed_lsn, job->newest_arrival_us);
  if (job->shards_left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (config_.threads) {
    flush_queue_.push(job);
  } else {
    flush_job(job);
  }
}

void WritePath::run_flusher() {
  while (std::optional<std::shared_ptr<FlushJob>> job = flush_queue_.pop()) {
    flush_job(*job);
  }
}

void WritePath::flush_job(const std::shared_ptr<FlushJob>& job) {
  while (true) {
    Result<Flushed> flushed = tally::flush(config_.flush, *job);
    const Status status = flushed ? Status{} : Status(std::unexpected(flushed.error()));
    if (flushed) {
      // Before the sequencer hears of it, and so before the next marker.
      give_to_shards(std::make_shared<FlushedIds>(std::move(flushed->ids)));
      publish(*job, std::move(flushed->retraction_files));
      unlink_removed(config_.flush, flushed->removed);
      config_.flush.letters->release(job->log.flushed_lsn);
      for (size_t i = 0; i < job->shards.size(); ++i) config_.shards[i]->release(job->shards[i]);
      flushes_.fetch_add(1, std::memory_order_relaxed);
    }
    std::vector<std::vector<ForgetRecord>> forgettable;
    for (const FrozenShard& shard : job->shards) forgettable.push_back(shard.forgettable);
    sequencer_->flush_finished(status, job->log.flushed_lsn, join_forgettable(forgettable));
    if (status) wake_background();
    if (status || status.error().code != Code::kNoSpace) return;
    if (!config_.threads) {
      unfinished_job_ = job;
      return;
    }
    std::unique_lock lock(stopping_mutex_);
    if (stopping_changed_.wait_for(lock, kSpaceRetry, [this] { return stopping_; })) return;
  }
}

void WritePath::run_merger() {
  while (std::optional<MergeJob> job = merge_queue_.pop()) {
    if (!stopping()) merge(*job);
  }
}

// A merge only makes look-ups cheaper: without room it is put off. Anything else is a manifest in doubt, or runs that cannot
// be read, and rows may need them at any time.
void WritePath::merge(const MergeJob& job) {
  const bool room = !writes_a_run(job.work) || sequencer_->space_status().level == SpaceLevel::kRoom;
  Result<std::optional<MergedIds>> result =
      room ? merge_ids(config_.flush, job.work)
           : Result<std::optional<MergedIds>>(fail(Code::kNoSpace, "the disk is below its soft mark"));
  if (!result && result.error().code != Code::kNoSpace) return sequencer_->work_failed(result.error());
  if (result && *result && writes_a_run(job.work)) {
    publish_background();  // a backup would look for the runs that are gone
    unlink_removed(config_.flush, {.id_runs = (*result)->inputs, .retraction_files = {}, .letter_files = {}});
  }
  auto merged = std::make_shared<std::optional<MergedIds>>(result ? *std::move(result) : std::nullopt);
  if (config_.threads) {
    workers_[job.shard]->queue.push(std::move(merged));
  } else {
    work(job.shard, std::move(merged));
  }
}

bool WritePath::stopping() {
  std::lock_guard lock(stopping_mutex_);
  return stopping_;
}

bool WritePath::background_stopping() {
  return stopping() || config_.clock->boottime_us() >= background_until_us_.load(std::memory_order_relaxed);
}

// --- background ----------------------------------------------------------------------------------------------------

void WritePath::wake_background() {
  if (!config_.background) return;
  if (!config_.threads) return run_background();
  {
    std::lock_guard lock(stopping_mutex_);
    background_due_ = true;
  }
  background_wake_.notify_all();
}

void WritePath::run_background() {
  std::lock_guard lock(background_mutex_);
  background_->run();
}

// Also without a flush the clock brings days to their end.
void WritePath::run_background_thread() {
  constexpr auto kLookEvery = std::chrono::seconds(10);
  give_way();
  while (!stopping()) {
    run_background();
    std::unique_lock lock(stopping_mutex_);
    background_wake_.wait_for(lock, kLookEvery, [this] { return stopping_ || background_due_; });
    background_due_ = false;
  }
}

std::shared_ptr<const SegmentList> WritePath::list_segments(const ManifestState& manifest) {
  const std::shared_ptr<const SegmentList> known = config_.publisher->get()->segments;
  auto list =
      make_segment_list(*config_.flush.fs, config_.flush.paths, manifest, known.get(), config_.flush.block_cache);
  for (const auto& handle : *known) {
    if (!manifest.segments.contains(handle->info().number)) handle->remove_when_unused(config_.unlinked);
  }
  return list;
}

// A flush that is committed and not shown yet shows this, too: until then its rows are those of the chunks.
void WritePath::publish_background() {
  std::lock_guard lock(publish_mutex_);
  const std::shared_ptr<const ManifestState> manifest = config_.flush.manifest->state();
  if (manifest->log.flushed_lsn != config_.publisher->get()->manifest->log.flushed_lsn) return;
  const std::shared_ptr<const SegmentList> segments = list_segments(*manifest);
  config_.publisher->update([&](PublishedState& state) {
    state.manifest = manifest;
    state.segments = segments;
  });
}

// The segments come and the chunks they were made of leave in one step: no reader sees a row twice or not at all.
void WritePath::publish(const FlushJob& job, RetractionFiles retraction_files) {
  std::lock_guard lock(publish_mutex_);
  const std::shared_ptr<const ManifestState> manifest = config_.flush.manifest->state();
  const std::shared_ptr<const SegmentList> segments = list_segments(*manifest);
  config_.publisher->update([&](PublishedState& state) {
    state.manifest = manifest;
    state.segments = segments;
    state.retraction_files = std::move(retraction_files);
    for (size_t i = 0; i < job.shards.size(); ++i) {
      auto left = std::make_shared<ChunkList>(*state.chunks[i]);
      TALLY_CHECK(left->size() >= job.shards[i].chunks.size());
      left->erase(left->begin(), left->begin() + static_cast<ptrdiff_t>(job.shards[i].chunks.size()));
      state.chunks[i] = std::move(left);
      if (job.shards[i].retractions != nullptr) {
        TALLY_CHECK(state.retractions[i].front() == job.shards[i].retractions);
        state.retractions[i].erase(state.retractions[i].begin());
      }
    }
  });
}

}  // namespace tally

#include "engine/table_impl.h"

#include <algorithm>
#include <future>
#include <thread>

#include "base/limits.h"
#include "engine/condition_eval.h"
#include "engine/orphans.h"
#include "engine/retention_preview.h"
#include "engine/schema_change.h"
#include "engine/table_snapshot.h"

namespace tally {
namespace {

uint32_t shard_count(const TableOptions& options) {
  const uint32_t wanted = options.shards != 0 ? options.shards : std::max(1u, std::thread::hardware_concurrency());
  return std::min(wanted, limits::kShardsMax);
}

PublishedState first_state(FileSystem& fs, const TablePaths& paths, std::shared_ptr<const ManifestState> state,
                           const TableOptions& options) {
  PublishedState first;
  first.segments = make_segment_list(fs, paths, *state, nullptr, options.block_cache);
  first.schema = state->schema();
  first.manifest = std::move(state);
  first.chunks.assign(shard_count(options), std::make_shared<const ChunkList>());
  first.retractions.resize(shard_count(options));
  return first;
}

}  // namespace

Result<BatchResult> Table::ingest(IngestBatch batch) {
  auto answered = std::make_shared<std::promise<Result<BatchResult>>>();
  std::future<Result<BatchResult>> answer = answered->get_future();
  ingest_async(std::move(batch), [answered](Result<BatchResult> result) { answered->set_value(std::move(result)); });
  return answer.get();
}

Result<RetractResult> Table::retract(const RetractRequest& request) {
  auto answered = std::make_shared<std::promise<Result<RetractResult>>>();
  std::future<Result<RetractResult>> answer = answered->get_future();
  retract_async(request, [answered](Result<RetractResult> result) { answered->set_value(std::move(result)); });
  return answer.get();
}

RetractResult& RetractResult::operator+=(const RetractResult& other) {
  lsn = std::max(lsn, other.lsn);
  received += other.received;
  retracted += other.retracted;
  waiting += other.waiting;
  unresolved += other.unresolved;
  repeated += other.repeated;
  return *this;
}

Result<std::unique_ptr<LetterView>> Table::dead_letters() {
  constexpr int kTries = 100;  // each one more needs another flush in between
  for (int i = 0;; ++i) {
    TALLY_ASSIGN_OR_RETURN(auto snapshot, this->snapshot());
    auto view = snapshot->dead_letters();
    if (view || view.error().code != Code::kRetryLater || i == kTries) return view;
  }
}

TableImpl::TableImpl(FileSystem& fs, Clock& clock, TablePaths paths, TableOptions options,
                     std::shared_ptr<const ManifestState> state)
    : fs_(fs),
      clock_(clock),
      paths_(std::move(paths)),
      options_(options),
      name_(state->schema()->table_name),
      hasher_(state->hash_key),
      ledger_before_(state->ledger),
      publisher_(first_state(fs, paths_, state, options)),
      dictionaries_(std::make_shared<Dictionaries>(state->schemas)) {
  const LatenessClasses classes(state->schemas);
  for (uint32_t i = 0; i < shard_count(options_); ++i) {
    shards_.push_back(std::make_unique<Shard>(i, shard_count(options_), classes, publisher_, state->log.flushed_lsn,
                                              letters_.get(), options_.chunk_rows));
  }
  letters_->dropped(state->letters.dropped_through);
}

TableImpl::~TableImpl() = default;

std::vector<Shard*> TableImpl::shard_pointers() const {
  std::vector<Shard*> shards;
  for (const auto& shard : shards_) shards.push_back(shard.get());
  return shards;
}

LogOptions TableImpl::log_options() const {
  return {.fs = &fs_,
          .clock = &clock_,
          .directory = paths_.log_directory(),
          .file_bytes = options_.log_file_bytes,
          .table_uuid = publisher_.get()->manifest->table_uuid};
}

FlushContext TableImpl::flush_context() const {
  FlushContext context{.fs = &fs_,
                       .manifest = turn_.get(),
                       .paths = paths_,
                       .dictionaries = dictionaries_.get(),
                       .segment_block_rows = options_.segment_block_rows,
                       .block_cache = options_.block_cache,
                       .letters = letters_.get(),
                       .letter_retention_us = options_.letter_retention_us};
  return context;
}

// --- batches in ----------------------------------------------------------------------------------------------------

// The expensive part of ingest that needs no order: on the producer's thread.
Result<PendingBatch> TableImpl::prepare(IngestBatch batch) {
  PendingBatch pending;
  if (!batch.replays.empty()) TALLY_TRY(learn_replays());
  auto notes = std::make_shared<BatchNotes>(BatchNotes{.source = std::move(batch.source),
                                                       .source_rows = std::move(batch.source_rows),
                                                       .rejected = std::move(batch.rejected),
                                                       .replays = std::move(batch.replays)});
  trim_notes(*notes);
  pending.encoded_notes = encode_notes(*notes);
  if (pending.encoded_notes.size() > limits::kRejectedBytesMax) {
    return fail(Code::kInvalidArgument, "the rejected rows of one batch are larger than the limit of " +
                                            std::to_string(limits::kRejectedBytesMax) + " bytes: send fewer at a time");
  }
  pending.notes = std::move(notes);
  pending.replay = batch.replay;
  pending.schema = schema();
  TALLY_ASSIGN_OR_RETURN(pending.batch, decode_batch(*pending.schema, hasher_, static_cast<uint32_t>(shards_.size()),
                                                     std::move(batch.payload), batch.payload_xxh3));
  find_codes(dictionaries_->of(*pending.schema), *pending.batch);
  classify_lateness(*pending.schema, *pending.batch, pending.lateness_classes);
  return pending;
}

// From the files, once, when the first batch replays letters; what the log holds beyond them came by replay.
Status TableImpl::learn_replays() {
  if (letters_->knows_replays()) return {};
  TALLY_ASSIGN_OR_RETURN(auto view, dead_letters());
  letters_->learn_replays(view->marks());
  return {};
}

void TableImpl::ingest_async(IngestBatch batch, Done done) {
  const TimeUs begun_us = clock_.boottime_us();
  if (Status started = prepare_writes(); !started) return done(std::unexpected(started.error()));
  if (remembered_ids() >= options_.remembered_ids_max) {
    forget_what_is_due();
    return done(fail(Code::kRetryLater, "the table remembers " + std::to_string(remembered_ids()) +
                                            " ids, its limit (remembered_ids_max): nothing of this batch was logged"));
  }
  Result<PendingBatch> pending = prepare(std::move(batch));
  if (!pending) return done(std::unexpected(pending.error()));
  permits_.acquire();
  pending->done = [this, done = std::move(done)](Result<BatchResult> result) {
    permits_.release();
    done(std::move(result));
  };
  Result<std::shared_ptr<WritePath>> write = running_write_path();
  if (!write) return pending->done(std::unexpected(write.error()));
  (*write)->figures().spent(WriteStage::kPrepare, clock_.boottime_us() - begun_us);
  (*write)->submit(std::move(*pending));
}

void TableImpl::retract_async(const RetractRequest& request, std::function<void(Result<RetractResult>)> done) {
  if (Status started = prepare_writes(); !started) return done(std::unexpected(started.error()));
  if (retractions() + request.ids.size() > limits::kRetractionsMax) {
    return done(fail(Code::kRetryLater, "the table keeps " + std::to_string(retractions()) +
                                            " verdicts on ids, and these would pass its limit of " +
                                            std::to_string(limits::kRetractionsMax) +
                                            " (retractions_max): nothing was logged"));
  }
  const auto shards = static_cast<uint32_t>(shards_.size());
  auto verdict = prepare_verdict(hasher_, shards, !schema()->id_from.empty(), request.ids, request.by, request.reason);
  if (!verdict) return done(std::unexpected(verdict.error()));
  PendingBatch pending;
  pending.verdict = std::make_shared<VerdictWork>();
  pending.verdict->remembered.resize((*verdict)->rows());
  pending.verdict->fresh.resize(shards);
  pending.verdict->verdict = *std::move(verdict);
  pending.schema = schema();
  Result<std::shared_ptr<WritePath>> write = running_write_path();
  if (!write) return done(std::unexpected(write.error()));
  (*write)->retract(std::move(pending), std::move(done));
}

uint64_t TableImpl::retractions() const {
  uint64_t retractions = 0;
  for (const auto& shard : shards_) retractions += shard->retractions();
  return retractions;
}

// A full table gets no batch whose flush would forget anything: it has to be asked, or it would stay full for ever.
void TableImpl::forget_what_is_due() {
  constexpr TimeUs kAskedEveryUs = 10 * kMicrosPerSecond;
  const TimeUs now_us = clock_.boottime_us();
  TimeUs asked_us = forget_asked_us_.load(std::memory_order_relaxed);
  if (asked_us <= now_us && asked_us > now_us - kAskedEveryUs) return;
  if (!forget_asked_us_.compare_exchange_strong(asked_us, now_us, std::memory_order_relaxed)) return;
  if (Result<std::shared_ptr<WritePath>> write = running_write_path(); write && *write) (*write)->request_forget();
}

uint64_t TableImpl::remembered_ids() const {
  uint64_t ids = 0;
  for (const auto& shard : shards_) ids += shard->remembered_ids();
  return ids;
}

// --- the schema ----------------------------------------------------------------------------------------------------

std::shared_ptr<const Schema> TableImpl::schema() const { return publisher_.get()->schema; }

// Batches that are decoded meanwhile are fitted to the new schema when they get their place.
Status TableImpl::alter(Schema next) {
  const std::shared_ptr<const Schema> now = schema();
  TALLY_TRY(validate_schema(next));
  TALLY_TRY(check_change(*now, next));
  TALLY_TRY(prepare_writes());
  TALLY_ASSIGN_OR_RETURN(std::shared_ptr<WritePath> write, running_write_path());
  return write->change_schema(std::make_shared<const Schema>(std::move(next)));
}

// --- the write path ------------------------------------------------------------------------------------------------

Status TableImpl::prepare_writes() {
  std::lock_guard lock(start_mutex_);
  if (write_ != nullptr) return {};
  if (closed_) return fail(Code::kReadOnly, "the table is closed");
  TALLY_TRY(read_only_);
  return start_writing();
}

Status TableImpl::open_manifest() {
  if (manifest_ != nullptr) return {};
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<Manifest> manifest, Manifest::open(fs_, clock_, paths_.directory()));
  TALLY_ASSIGN_OR_RETURN(OrphanReport report, set_aside_orphans(fs_, paths_.directory(), *manifest->state()));
  TALLY_ASSIGN_OR_RETURN(orphans_, count_orphans(fs_, paths_.directory()));
  unlinked_->give_back(report.unlinked);
  manifest_ = std::move(manifest);
  turn_ = std::make_unique<ManifestTurn>(*manifest_);
  for (uint64_t number : report.unlinked_files) turn_->unlinked(number);
  return {};
}

// From the runs that the manifest lists; what the log holds beyond them comes by replay.
Status TableImpl::load_ids() {
  if (ids_known_) return {};
  const std::shared_ptr<const ManifestState> state = publisher_.get()->manifest;
  if (state->ledger.accepted > 0 && state->id_runs.empty() && state->horizons.empty()) {
    return fail(Code::kUnsupported, paths_.directory() +
                                        " was written before id runs were: what it has counted cannot be " +
                                        "told from what is new");
  }
  std::vector<IdRunInfo> runs;
  for (const auto& [number, run] : state->id_runs) runs.push_back(run);
  std::vector<Status> loaded(shards_.size());
  auto load = [&](size_t i) {
    loaded[i] = shards_[i]->load_ids(fs_, paths_.id_run_directory(), runs, state->horizons);
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < shards_.size(); ++i) {
    if (options_.threads) {
      threads.emplace_back(load, i);
    } else {
      load(i);
    }
  }
  for (std::thread& thread : threads) thread.join();
  for (const Status& status : loaded) TALLY_TRY(status);
  TALLY_TRY(load_retractions());
  ids_known_ = true;
  return {};
}

Status TableImpl::load_retractions() {
  const std::shared_ptr<const PublishedState> state = publisher_.get();
  TALLY_ASSIGN_OR_RETURN(std::vector<Retraction> all, read_retractions(state->retraction_files));
  for (const auto& shard : shards_) shard->load_retractions(all, state->manifest->resolved_lsn);
  return {};
}

// The manifest says that the former log is settled before a new one starts (start_log() asks for it), and what the clock is
// believed by: what the log held is in segments. Seals behind the last flush hold nothing, but they have LSNs.
Status TableImpl::settle_log() {
  const LogPosition before = manifest_->state()->log;
  const Lsn settled = std::max(before.flushed_lsn, log_recovery_.highest_lsn_seen);
  const LogPosition position{
      .flushed_lsn = settled, .synced_lsn = settled, .first_file = log_recovery_.highest_file + 1};
  const std::shared_ptr<const ManifestState> state = manifest_->state();
  ManifestEdit edit;
  edit.anchor = take_anchor(clock_, state->newest_arrival_us, state->anchor);
  const bool settled_before = position.flushed_lsn == before.flushed_lsn && position.first_file == before.first_file;
  if (settled_before && edit.anchor == state->anchor) return {};
  edit.log = position;
  return turn_->commit(edit, nullptr);
}

Status TableImpl::start_writing() {
  TALLY_TRY(open_manifest());
  TALLY_TRY(load_ids());
  TALLY_TRY(settle_log());
  const std::shared_ptr<const ManifestState> state = manifest_->state();
  publisher_.update(
      [&](PublishedState& shown) { shown.manifest = state; });  // the same segments behind another position
  const Lsn first_lsn = state->log.flushed_lsn + 1;
  WritePath::Config config;
  TALLY_ASSIGN_OR_RETURN(config.sequencer.log, start_log(log_options(), first_lsn, log_recovery_));
  config.threads = options_.threads;
  config.sequencer.clock = &clock_;
  config.sequencer.last_arrival_us = state->newest_arrival_us;
  config.sequencer.anchor = state->anchor;
  config.sequencer.newest_forget_us = state->newest_forget_us;
  config.space = options_.space;
  config.sequencer.reference_us = state->reference_us;
  config.sequencer.flushed_lsn = first_lsn - 1;
  config.sequencer.letters = letters_.get();
  config.sequencer.dictionaries = dictionaries_.get();
  config.sequencer.hasher = &hasher_;
  std::vector<std::vector<ForgetRecord>> forgettable;
  for (const auto& shard : shards_) forgettable.push_back(shard->forgettable(state->newest_arrival_us));
  config.sequencer.forgettable = join_forgettable(forgettable);
  config.sequencer.forget_boottime_us = options_.forget_boottime_us;
  config.sequencer.memtable_bytes_max = options_.memtable_bytes_max;
  config.shards = shard_pointers();
  config.publisher = &publisher_;
  config.clock = &clock_;
  config.background = options_.background;
  config.policy = options_.background_policy;
  config.unlinked = unlinked_;
  config.sequencer.schema = state->schema();
  config.resolver.hasher = &hasher_;
  config.resolver.shards = static_cast<uint32_t>(shards_.size());
  config.resolver.snapshot = [this] { return snapshot(); };
  std::vector<Retraction> left;
  for (const auto& shard : shards_) {
    std::vector<Retraction> more = shard->unresolved_retractions();
    left.insert(left.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  config.flush = flush_context();
  config.ledger_before = ledger_before_;
  write_ = std::make_shared<WritePath>(std::move(config));
  write_->resolve(std::move(left));
  return {};
}

// nullptr: nothing was written since the table was opened.
Result<std::shared_ptr<WritePath>> TableImpl::running_write_path() {
  std::lock_guard lock(start_mutex_);
  if (closed_) return fail(Code::kReadOnly, "the table is closed");
  TALLY_TRY(read_only_);
  return write_;
}

Status TableImpl::flush() {
  TALLY_ASSIGN_OR_RETURN(std::shared_ptr<WritePath> write, running_write_path());
  return write == nullptr ? Status{} : write->flush();
}

Status TableImpl::run_background() {
  TALLY_TRY(prepare_writes());
  TALLY_ASSIGN_OR_RETURN(std::shared_ptr<WritePath> write, running_write_path());
  write->run_background();
  return {};
}

Status TableImpl::confirm_clock() {
  TALLY_TRY(prepare_writes());
  TALLY_ASSIGN_OR_RETURN(std::shared_ptr<WritePath> write, running_write_path());
  return write->confirm_clock();
}

Status TableImpl::take_clock_back() {
  TALLY_TRY(prepare_writes());
  TALLY_ASSIGN_OR_RETURN(std::shared_ptr<WritePath> write, running_write_path());
  return write->take_clock_back();
}

TableCondition TableImpl::condition() const {
  TableCondition condition;
  condition.proving_us = options_.forget_boottime_us;
  std::lock_guard lock(start_mutex_);
  condition.orphans = orphans_;
  if (!read_only_) condition.read_only = read_only_.error().message;
  if (write_ != nullptr) {
    const Status health = write_->sequencer().health();
    if (!health) condition.read_only = health.error().message;
    condition.clock = write_->sequencer().clock_status();
    condition.space = write_->sequencer().space_status();
    condition.background = write_->background_stats();
    return condition;
  }
  const std::shared_ptr<const PublishedState> published = publisher_.get();
  const TimeUs last_us = published->manifest->newest_arrival_us;
  const ClockBelief belief{take_anchor(clock_, last_us, published->manifest->anchor), last_us};
  condition.clock = judge_clock(clock_, belief, options_.forget_boottime_us);
  const HeldDrops held = held_drops(*published->manifest, condition.clock.believed() ? clock_.wall_us() : INT64_MIN);
  condition.background.held_days = held.days;
  condition.background.held_events = held.events;
  if (options_.space != nullptr) condition.space = options_.space->look();
  return condition;
}

Status TableImpl::close() {
  std::lock_guard closing(close_mutex_);
  if (close_status_) return *close_status_;
  std::shared_ptr<WritePath> write;
  {
    std::lock_guard lock(start_mutex_);
    closed_ = true;
    write = write_;
  }
  close_status_ = write == nullptr ? Status{} : write->close();
  return *close_status_;
}

// --- what readers see ----------------------------------------------------------------------------------------------

Ledger TableImpl::ledger() const {
  Ledger sum = ledger_before_;
  for (const auto& shard : shards_) sum += shard->ledger();
  return sum;
}

// The order of the three steps matters. Rows at or below the lowest applied LSN stand in chunks that were published before
// it was, so a state taken afterwards has them. A flush published in between shows rows up to its own marker, which every
// shard had passed: the cut moves up to it.
Result<std::shared_ptr<const Snapshot>> TableImpl::snapshot() {
  Lsn applied = UINT64_MAX;
  for (const auto& shard : shards_) applied = std::min(applied, shard->applied_lsn());
  auto snapshot = std::make_shared<TableSnapshot>();
  snapshot->state = publisher_.get();
  snapshot->cut = std::max(applied, snapshot->state->manifest->log.flushed_lsn);
  snapshot->counts = ledger();
  const std::vector<std::shared_ptr<Dictionary>> dictionaries = dictionaries_->of(snapshot->schema());
  snapshot->dictionaries.assign(dictionaries.begin(), dictionaries.end());
  snapshot->all_dictionaries = dictionaries_;
  snapshot->fs = &fs_;
  snapshot->paths = paths_;
  snapshot->letters = letters_;
  return snapshot;
}

Table::Stats TableImpl::stats() const {
  Stats stats;
  const std::shared_ptr<const PublishedState> state = publisher_.get();
  stats.ledger = ledger();
  stats.remembered_ids = remembered_ids();
  stats.retractions = retractions();
  for (const auto& chunks : state->chunks) {
    for (const auto& chunk : *chunks) {
      stats.memtable_rows += chunk->rows();
      stats.memtable_bytes += chunk->memory_bytes() + chunk->order_bytes();
    }
  }
  stats.segments = state->segments->size();
  for (const auto& segment : *state->segments) stats.segment_bytes += segment->info().size;
  std::lock_guard lock(start_mutex_);
  if (write_ != nullptr) {
    stats.log = write_->sequencer().log_stats();
    stats.log_io_method = write_->sequencer().log_io_method();
    stats.flushes = write_->flushes();
    stats.background = write_->background_stats();
  }
  return stats;
}

WriteReading TableImpl::write_reading() const {
  std::lock_guard lock(start_mutex_);
  if (write_ == nullptr) return {};
  WriteReading reading = write_->figures().read();
  reading.written = turn_->written();
  return reading;
}

WriteReading write_reading(const Table& table) {
  const auto* known = dynamic_cast<const TableImpl*>(&table);
  return known == nullptr ? WriteReading{} : known->write_reading();
}

}  // namespace tally

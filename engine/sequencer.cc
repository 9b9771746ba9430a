#include "engine/sequencer.h"

#include <algorithm>
#include <chrono>

#include "base/checksum.h"
#include "base/figures.h"
#include "base/limits.h"
#include "engine/condition_eval.h"

namespace tally {
namespace {

// A group beyond this waits for the next one: it would only delay the batches in front.
constexpr uint64_t kGroupBytesSoft = 8 * limits::kMiB;

std::unexpected<Error> disk_is_full() {
  return fail(Code::kNoSpace, "the disk is full: nothing of this batch was logged; send it again later");
}

std::unexpected<Error> below_hard_mark(const SpaceStatus& space) {
  return fail(Code::kNoSpace, "the disk has " + human_bytes(space.free_bytes) + " left, below the hard mark of " +
                                  human_bytes(space.hard_bytes) + " (storage.free_bytes_hard and " +
                                  human_bytes(space.unflushed_bytes) +
                                  " in memory): the table is read-only until there is room; nothing of this batch was "
                                  "logged; send it again later");
}

// Of a batch's record: the payload, its values when all that were unknown are new, its rejected rows, headers.
uint64_t record_bytes_at_most(const PendingBatch& pending) {
  if (pending.verdict) {
    const PreparedVerdict& verdict = *pending.verdict->verdict;
    return limits::kLogAlignment + verdict.payload.size() + verdict.by.size() + verdict.reason.size();
  }
  if (pending.settlement) {
    return limits::kLogAlignment + pending.settlement->meta.size() +
           pending.settlement->settlement->originals->payload.size();
  }
  uint64_t bytes = limits::kLogAlignment + pending.batch->payload.size() + pending.encoded_notes.size();
  for (const PreparedBatch::Dimension& dimension : pending.batch->dimensions) {
    bytes += 16;
    for (size_t i = 0; i < dimension.local_values.size(); ++i) {
      if (dimension.table_codes[i + 1] == Dictionary::kNotFoundCode) bytes += 4 + dimension.local_values[i].size();
    }
  }
  return bytes;
}

// The record of what order() has just ordered.
AppendRecord record_of(const LoggedBatch& logged, ByteSpan meta) {
  AppendRecord record{.type = RecordType::kBatch,
                      .arrival_us = logged.times.arrival_us,
                      .reference_us = logged.times.reference_us,
                      .meta = meta};
  if (logged.verdict) {
    record.type = RecordType::kVerdict;
    record.payload = logged.verdict->verdict->payload;
    record.payload_xxh3 = logged.verdict->verdict->payload_xxh3;
    return record;
  }
  if (logged.settlement) record.type = RecordType::kRetract;
  const PreparedBatch& batch = logged.settlement ? *logged.settlement->settlement->originals : *logged.batch;
  record.payload = batch.payload;
  record.payload_xxh3 = batch.payload_xxh3;
  return record;
}

// What only the record's place in the log decides.
void place(LoggedBatch& logged, Lsn lsn) {
  logged.lsn = lsn;
  if (!logged.verdict) return;
  PreparedVerdict& verdict = *logged.verdict->verdict;
  logged.verdict->request = std::make_shared<const RetractionRequest>(
      RetractionRequest{.lsn = lsn, .arrival_us = logged.times.arrival_us, .by = verdict.by, .reason = verdict.reason});
}

}  // namespace

Sequencer::Sequencer(Config config)
    : log_(std::move(config.log)),
      config_(std::move(config)),
      arrival_(*config_.clock, config_.last_arrival_us, config_.anchor),
      reference_us_(config_.reference_us),
      last_arrival_us_(config_.last_arrival_us),
      newest_forget_us_(config_.newest_forget_us),
      dispatched_lsn_(config_.flushed_lsn),
      flushed_lsn_(config_.flushed_lsn),
      forgettable_(std::move(config_.forgettable)),
      schema_(config_.schema),
      dictionaries_(config_.dictionaries->of(*schema_)),
      clock_belief_(arrival_.belief()) {
  logged_sizes_ = config_.dictionaries->sizes();
}

void Sequencer::submit(PendingBatch batch) {
  Status health;
  batch.submitted_us = config_.clock->boottime_us();
  {
    std::lock_guard lock(mutex_);
    if (mail_.stop) {
      health = fail(Code::kReadOnly, "the table is being closed");
    } else {
      health = health_;
    }
    if (health) batches_.push_back(std::move(batch));
  }
  if (!health) {
    batch.done(std::unexpected(health.error()));
    return;
  }
  arrived_.notify_one();
}

void Sequencer::request_flush(FlushDone done) {
  {
    std::lock_guard lock(mutex_);
    if (!mail_.stop) {
      mail_.flush_requests.push_back(std::move(done));
      done = nullptr;
    }
  }
  if (done) return done(fail(Code::kReadOnly, "the table is being closed"));
  arrived_.notify_one();
}

void Sequencer::change_schema(SchemaChange change) {
  {
    std::lock_guard lock(mutex_);
    if (!mail_.stop) {
      mail_.schema_changes.push_back(std::move(change));
      change.done = nullptr;
    }
  }
  if (change.done) return change.done(fail(Code::kReadOnly, "the table is being closed"));
  arrived_.notify_one();
}

void Sequencer::change_clock(ClockChange change) {
  {
    std::lock_guard lock(mutex_);
    if (!mail_.stop) {
      mail_.clock_changes.push_back(std::move(change));
      change.done = nullptr;
    }
  }
  if (change.done) return change.done(fail(Code::kReadOnly, "the table is being closed"));
  arrived_.notify_one();
}

void Sequencer::request_forget() {
  {
    std::lock_guard lock(mutex_);
    mail_.forget = true;
  }
  arrived_.notify_one();
}

void Sequencer::flush_finished(const Status& status, Lsn through, std::vector<ForgetRecord> forgettable) {
  {
    std::lock_guard lock(mutex_);
    mail_.flush_result.emplace(status, through);
    if (status) mail_.forgettable = std::move(forgettable);
  }
  arrived_.notify_one();
}

void Sequencer::work_failed(const Error& error) {
  {
    std::lock_guard lock(mutex_);
    mail_.work_error = error;
  }
  arrived_.notify_one();
}

void Sequencer::stop() {
  {
    std::lock_guard lock(mutex_);
    mail_.stop = true;
  }
  arrived_.notify_one();
}

Status Sequencer::health() const {
  std::lock_guard lock(mutex_);
  return health_;
}

LogStats Sequencer::log_stats() const {
  std::lock_guard lock(mutex_);
  return log_stats_;
}

SpaceStatus Sequencer::space_status() const {
  if (config_.space == nullptr) return {};
  config_.space->set_unflushed(this, config_.memory_bytes());
  return config_.space->look();
}

void Sequencer::run() {
  while (step(true)) {
  }
  answer_leftovers();
}

// Requests that came while the last round ended: nobody else would answer them.
void Sequencer::answer_leftovers() {
  std::vector<FlushDone> left = std::exchange(waiting_flushes_, {});
  for (SchemaChange& change : std::exchange(waiting_changes_, {})) left.push_back(std::move(change.done));
  for (ClockChange& change : std::exchange(waiting_clock_changes_, {})) left.push_back(std::move(change.done));
  for (FlushDone& done : std::exchange(current_flushes_, {})) left.push_back(std::move(done));
  {
    std::lock_guard lock(mutex_);
    for (FlushDone& done : std::exchange(mail_.flush_requests, {})) left.push_back(std::move(done));
    for (SchemaChange& change : std::exchange(mail_.schema_changes, {})) left.push_back(std::move(change.done));
    for (ClockChange& change : std::exchange(mail_.clock_changes, {})) left.push_back(std::move(change.done));
  }
  for (FlushDone& done : left) done(fail(Code::kReadOnly, "the table is being closed"));
}

void Sequencer::run_until_idle() {
  while (step(false)) {
  }
}

// One round. False when there is nothing left to do: after stop(), or at once if `may_wait` is false.
bool Sequencer::step(bool may_wait) {
  if (!log_is_busy() && !anything_to_do()) {
    {
      std::lock_guard lock(mutex_);
      if (!may_wait || (mail_.stop && batches_.empty())) return false;
    }
    wait_for_mail();
  }
  take_mail();
  if (!waiting_changes_.empty() && !flushing_) log_schema_change();
  if (!waiting_clock_changes_.empty() && !flushing_) change_clock();
  if (flush_is_due()) place_marker();
  if (!stalled()) {
    append_group();
  } else if (flush_lacks_space_) {
    refuse_for_space();
  }
  if (log_is_busy()) {
    poll();
    dispatch_durable();
  }
  return true;
}

bool Sequencer::log_is_busy() const { return log_->groups_in_flight() > 0 && health().has_value(); }

// Into the log, or back to their producers.
bool Sequencer::batches_can_go() const { return !stalled() || flush_lacks_space_; }

bool Sequencer::anything_to_do() const {
  std::lock_guard lock(mutex_);
  return (!batches_.empty() && batches_can_go()) || !mail_.flush_requests.empty() || mail_.flush_result.has_value() ||
         !mail_.schema_changes.empty() || !mail_.clock_changes.empty() || mail_.work_error.has_value() ||
         mail_.forget ||
         ((!waiting_flushes_.empty() || !waiting_changes_.empty() || !waiting_clock_changes_.empty()) && !flushing_);
}

void Sequencer::wait_for_mail() {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, std::chrono::microseconds(limits::kLogSealIdleUs), [this] {
    return (mail_.stop && batches_.empty()) || (!batches_.empty() && batches_can_go()) ||
           !mail_.flush_requests.empty() || !mail_.schema_changes.empty() || !mail_.clock_changes.empty() ||
           mail_.flush_result.has_value() || mail_.work_error.has_value() || mail_.forget;
  });
  const bool idle = batches_.empty() && health_.has_value();
  lock.unlock();
  if (!idle) return;
  if (Status status = log_->idle(config_.clock->boottime_us()); !status) poison(status.error());
}

void Sequencer::take_mail() {
  std::vector<FlushDone> requests;
  std::vector<SchemaChange> changes;
  std::vector<ClockChange> clock_changes;
  std::optional<std::pair<Status, Lsn>> result;
  std::optional<Error> work_error;
  {
    std::lock_guard lock(mutex_);
    requests.swap(mail_.flush_requests);
    changes.swap(mail_.schema_changes);
    clock_changes.swap(mail_.clock_changes);
    result.swap(mail_.flush_result);
    work_error.swap(mail_.work_error);
    if (mail_.forgettable) {
      forgettable_ = *std::exchange(mail_.forgettable, std::nullopt);
      forgetting_ &= !forgettable_.empty();
    }
    forgetting_ |= std::exchange(mail_.forget, false);
  }
  forgetting_ &= may_forget();
  for (FlushDone& request : requests) waiting_flushes_.push_back(std::move(request));
  for (SchemaChange& change : changes) waiting_changes_.push_back(std::move(change));
  for (ClockChange& change : clock_changes) waiting_clock_changes_.push_back(std::move(change));
  if (work_error) poison(*work_error);
  if (result) take_flush_result(result->first, result->second);
}

void Sequencer::take_flush_result(const Status& status, Lsn through) {
  std::vector<FlushDone> answered = std::exchange(current_flushes_, {});
  if (status) {
    flushing_ = flush_lacks_space_ = log_lacks_space_ = false;
    logged_bytes_ -= std::exchange(frozen_log_bytes_, 0);
    flushed_lsn_ = through;
    // Without room files may stay that are not needed: a later truncation or the next start takes them.
    const Status truncated = log_->truncate(through);
    if (!truncated && truncated.error().code != Code::kNoSpace) poison(truncated.error());
  } else if (status.error().code == Code::kNoSpace) {
    flush_lacks_space_ = true;  // the flusher tries again; flushing_ stays
    for (FlushDone& done : std::exchange(waiting_flushes_, {})) answered.push_back(std::move(done));
    for (SchemaChange& change : std::exchange(waiting_changes_, {})) answered.push_back(std::move(change.done));
    for (ClockChange& change : std::exchange(waiting_clock_changes_, {})) answered.push_back(std::move(change.done));
  } else {
    flushing_ = false;
    poison(status.error());
  }
  for (FlushDone& done : answered) done(status);
}

// The log counts as well as memory: rows that are refused fill it and leave nothing in memory.
bool Sequencer::flush_is_due() const {
  if (flushing_) return false;
  if ((log_lacks_space_ && dispatched_lsn_ != flushed_lsn_) || forgetting_) return true;
  return !waiting_flushes_.empty() || config_.memory_bytes() >= config_.memtable_bytes_max ||
         logged_bytes_ >= config_.memtable_bytes_max;
}

void Sequencer::place_marker() {
  drain_log();
  if (dispatched_lsn_ != flushed_lsn_ || forgetting_) forgetting_ &= log_forgets();
  std::vector<FlushDone> waiting = std::exchange(waiting_flushes_, {});
  Status healthy = health();
  forgetting_ &= healthy.has_value();
  if (!healthy || (dispatched_lsn_ == flushed_lsn_ && !forgetting_)) {
    for (FlushDone& done : waiting) done(healthy);
    return;
  }
  auto job = std::make_shared<FlushJob>();
  job->log = {.flushed_lsn = dispatched_lsn_,
              .synced_lsn = log_->durable_lsn(),
              .first_file = log_->first_file_needed(dispatched_lsn_ + 1)};
  if (forgetting_) last_arrival_us_ = arrival_.next();  // what is due by now, not by the last record
  job->newest_arrival_us = last_arrival_us_;
  job->arrival_back = std::exchange(arrival_back_, false);
  job->newest_forget_us = newest_forget_us_;
  job->anchor = arrival_.anchor();
  job->reference_us = reference_us_;
  job->dictionary_sizes = logged_sizes_;
  job->new_schema = std::exchange(unflushed_schema_, nullptr);
  job->may_drop_letters = may_forget();
  job->shards.resize(config_.shards);
  job->shards_left.store(static_cast<uint32_t>(config_.shards), std::memory_order_relaxed);
  frozen_log_bytes_ = logged_bytes_;
  flushing_ = true;
  current_flushes_ = std::move(waiting);
  config_.send_marker(std::move(job));
}

void Sequencer::drain_log() {
  while (log_is_busy()) {
    poll();
    dispatch_durable();
  }
}

// One at a time, each flushed before the next: a manifest edit takes over one version.
void Sequencer::log_schema_change() {
  SchemaChange change = std::move(waiting_changes_.front());
  waiting_changes_.erase(waiting_changes_.begin());
  if (change.next->version != schema_->version + 1) {
    return change.done(
        fail(Code::kRetryLater, "somebody else has changed the table meanwhile: nothing of this was done"));
  }
  drain_log();
  if (Status logged = log_schema(change.next); !logged) return change.done(logged);
  schema_ = unflushed_schema_ = std::move(change.next);
  dictionaries_ = config_.dictionaries->of(*schema_);
  waiting_flushes_.push_back(in_force(std::move(change.done)));
  place_marker();
}

// Of a record that is logged and applied: it stands, whether its flush finds room now or later.
FlushDone Sequencer::in_force(FlushDone done) {
  return [done = std::move(done)](const Status& flushed) {
    const bool later = !flushed && flushed.error().code == Code::kNoSpace;
    done(later ? Status{} : flushed);
  };
}

// With nothing in flight; returns when the shards have it.
Status Sequencer::log_schema(const std::shared_ptr<const Schema>& next) {
  TALLY_TRY(health());
  Bytes meta;
  ByteWriter out(meta);
  encode_schema(*next, out);
  if (Status room = log_->reserve(meta.size() + limits::kLogAlignment); !room) {
    if (room.error().code != Code::kNoSpace) poison(room.error());
    return room;
  }
  const TimeUs arrival_us = arrival_.next();
  const AppendRecord record{.type = RecordType::kSchema,
                            .arrival_us = arrival_us,
                            .reference_us = reference_us_,
                            .meta = meta,
                            .payload = {},
                            .payload_xxh3 = xxh3({})};
  Result<Lsn> lsn = log_->append({&record, 1});
  if (!lsn) {
    poison(lsn.error());
    return std::unexpected(lsn.error());
  }
  config_.dictionaries->add(*next);  // before anybody sees the schema
  for (const auto& [id, size] : config_.dictionaries->sizes()) logged_sizes_.try_emplace(id, size);
  auto logged = std::make_shared<LoggedBatch>();
  logged->new_schema = next;
  log_alone(std::move(logged), *lsn, arrival_us);
  drain_log();
  return health();
}

// A record of ours, on its way to the shards: nobody waits for its answer.
void Sequencer::log_alone(std::shared_ptr<LoggedBatch> logged, Lsn lsn, TimeUs arrival_us) {
  last_arrival_us_ = arrival_us;
  logged->lsn = lsn;
  logged->times = {.arrival_us = arrival_us, .reference_us = reference_us_};
  logged->outcomes.resize(config_.shards);
  logged->shards_left.store(static_cast<uint32_t>(config_.shards), std::memory_order_relaxed);
  logged->done = [](const Result<BatchResult>&) {};
  in_flight_.push_back(std::move(logged));
}

// Batches that were decoded before the schema changed: what the change means for them. Before anything is reserved or logged.
void Sequencer::fit_schema(std::vector<PendingBatch>& batches) {
  std::erase_if(batches, [&](PendingBatch& pending) {
    if (pending.batch == nullptr || pending.schema->version == schema_->version) return false;
    const Status fitted = fit_schema(pending);
    if (!fitted) pending.done(std::unexpected(fitted.error()));
    return !fitted;
  });
}

Status Sequencer::fit_schema(PendingBatch& pending) {
  if (pending.schema->columns != schema_->columns) {
    Bytes payload = std::move(pending.batch->payload);
    TALLY_ASSIGN_OR_RETURN(pending.batch, decode_batch(*schema_, *config_.hasher, static_cast<uint32_t>(config_.shards),
                                                       std::move(payload), pending.batch->payload_xxh3));
    find_codes(dictionaries_, *pending.batch);
  }
  pending.schema = schema_;
  classify_lateness(*schema_, *pending.batch, pending.lateness_classes);
  return {};
}

// T3: while the wall clock is not believed, and for a while after the machine has started, nothing is forgotten.
bool Sequencer::may_forget() const { return arrival_.judge(config_.forget_boottime_us).believed(); }

// Right before a marker, so that the flush behind it brings the horizons into the manifest and the log keeps nothing back. False:
// there is no room for the records, and a flush only to forget would forget nothing.
bool Sequencer::log_forgets() {
  if (forgettable_.empty() || !health() || !may_forget()) return true;
  std::vector<Bytes> metas(forgettable_.size());
  uint64_t bytes = 0;
  for (size_t i = 0; i < metas.size(); ++i) {
    encode_forget(forgettable_[i], metas[i]);
    bytes += metas[i].size() + limits::kLogAlignment;
  }
  if (Status room = log_->reserve(bytes); !room) {
    if (room.error().code != Code::kNoSpace) poison(room.error());
    return false;  // the next flush names them again
  }
  const TimeUs arrival_us = arrival_.next();
  std::vector<AppendRecord> records;
  for (const Bytes& meta : metas) {
    records.push_back(
        {.type = RecordType::kForget, .arrival_us = arrival_us, .reference_us = reference_us_, .meta = meta});
    records.back().payload_xxh3 = xxh3({});
  }
  Result<Lsn> first = log_->append(records);
  if (!first) {
    poison(first.error());
    return false;
  }
  newest_forget_us_ = arrival_us;
  for (ForgetRecord& record : std::exchange(forgettable_, {})) {
    auto logged = std::make_shared<LoggedBatch>();
    logged->forget = std::make_shared<const ForgetRecord>(std::move(record));
    log_alone(std::move(logged), (*first)++, arrival_us);
  }
  drain_log();
  return true;
}

// Memory, or the log, is full twice over: the next batch has to wait for the flush under way.
bool Sequencer::stalled() const {
  const uint64_t limit = 2 * config_.memtable_bytes_max;
  return flushing_ && (config_.memory_bytes() >= limit || logged_bytes_ >= limit);
}

// ... unless that flush waits for room on the disk: then producers are told instead of kept.
void Sequencer::refuse_for_space() {
  std::deque<PendingBatch> refused;
  {
    std::lock_guard lock(mutex_);
    refused.swap(batches_);
  }
  for (PendingBatch& pending : refused) pending.done(disk_is_full());
}

std::vector<PendingBatch> Sequencer::take_batches() {
  std::vector<PendingBatch> taken;
  uint64_t bytes = 0;
  std::lock_guard lock(mutex_);
  while (!batches_.empty()) {
    const PendingBatch& next = batches_.front();
    const uint64_t size = record_bytes_at_most(next);
    if (!taken.empty() && bytes + size > kGroupBytesSoft) break;
    bytes += size;
    taken.push_back(std::move(batches_.front()));
    batches_.pop_front();
  }
  return taken;
}

void Sequencer::append_group() {
  std::vector<PendingBatch> taken = take_batches();
  if (taken.empty()) return;
  if (Status healthy = health(); !healthy) {
    for (PendingBatch& pending : taken) pending.done(std::unexpected(healthy.error()));
    return;
  }
  fit_schema(taken);
  hold_for_clock(taken);
  if (taken.empty()) return;
  if (Status room = make_room(taken); !room) {
    for (PendingBatch& pending : taken) pending.done(std::unexpected(room.error()));
    return;
  }
  refuse_replayed_letters(taken);
  if (taken.empty()) return;
  const TimeUs arrival_us = arrival_.next();
  std::vector<Bytes> metas(taken.size());
  std::vector<std::shared_ptr<LoggedBatch>> ordered;
  std::vector<AppendRecord> records;
  for (size_t i = 0; i < taken.size(); ++i) {
    ordered.push_back(order(std::move(taken[i]), arrival_us, metas[i]));
    records.push_back(record_of(*ordered.back(), metas[i]));
  }
  Result<Lsn> first = log_->append(records);
  if (!first) {
    poison(first.error());
    for (auto& logged : ordered) logged->done(std::unexpected(first.error()));
    return;
  }
  last_arrival_us_ = arrival_us;
  for (const AppendRecord& record : records) logged_bytes_ += record.meta.size() + record.payload.size();
  const TimeUs appended_us = config_.clock->boottime_us();
  for (auto& logged : ordered) {
    logged->appended_us = appended_us;
    place(*logged, (*first)++);
    in_flight_.push_back(std::move(logged));
  }
}

// A dead letter is replayed once: the claim stands before its record, and nothing but a restart takes it back.
void Sequencer::refuse_replayed_letters(std::vector<PendingBatch>& batches) {
  std::erase_if(batches, [&](PendingBatch& pending) {
    if (pending.notes == nullptr || pending.notes->replays.empty()) return false;
    const Status claimed = config_.letters->claim(pending.notes->replays, dispatched_lsn_);
    if (!claimed) pending.done(std::unexpected(claimed.error()));
    return !claimed;
  });
}

// Before anything is given a code: what the log cannot take must not leave a trace.
Status Sequencer::make_room(const std::vector<PendingBatch>& batches) {
  if (const SpaceStatus space = space_status(); space.level == SpaceLevel::kHard) {
    log_lacks_space_ |= dispatched_lsn_ != flushed_lsn_;  // what is in memory goes to segments while there is room
    return below_hard_mark(space);
  }
  uint64_t bytes = 0;
  for (const PendingBatch& pending : batches) bytes += record_bytes_at_most(pending);
  Status room = log_->reserve(bytes);
  if (room) return {};
  if (room.error().code == Code::kNoSpace) {
    log_lacks_space_ = true;
    return disk_is_full();
  }
  poison(room.error());
  return health();
}

std::shared_ptr<LoggedBatch> Sequencer::order(PendingBatch pending, TimeUs arrival_us, Bytes& meta) {
  auto logged = std::make_shared<LoggedBatch>();
  logged->times = {.arrival_us = arrival_us, .reference_us = reference_us_, .replay = pending.replay};
  logged->submitted_us = pending.submitted_us;
  if (pending.verdict) {
    encode_verdict_meta(*pending.verdict->verdict, meta);
    logged->verdict = std::move(pending.verdict);
  } else if (pending.settlement) {
    meta = pending.settlement->meta;
    pending.schema = pending.settlement->schema;
    logged->settlement = std::move(pending.settlement);
  } else {
    order_batch(pending, *logged, meta);
  }
  logged->schema = std::move(pending.schema);
  logged->outcomes.resize(config_.shards);
  logged->shards_left.store(static_cast<uint32_t>(config_.shards), std::memory_order_relaxed);
  logged->done = std::move(pending.done);
  return logged;
}

void Sequencer::order_batch(PendingBatch& pending, LoggedBatch& logged, Bytes& meta) {
  resolve_codes(*pending.batch, logged.has_other_values);
  encode_batch_meta(describe(pending), pending.encoded_notes, meta);
  reference_us_ = std::max(reference_us_, newest_time_not_early(*pending.batch, logged.times.arrival_us));
  logged.rejected = static_cast<uint32_t>(pending.notes->rejected.size());
  logged.notes = std::move(pending.notes);
  logged.lateness_classes = std::move(pending.lateness_classes);
  logged.batch = std::move(pending.batch);
}

// Producers looked up what they could; what was new then may have been brought by another batch since, or is new now.
void Sequencer::resolve_codes(PreparedBatch& batch, bool& has_other) {
  for (size_t d = 0; d < batch.dimensions.size(); ++d) {
    PreparedBatch::Dimension& dimension = batch.dimensions[d];
    for (size_t i = 0; i < dimension.local_values.size(); ++i) {
      uint32_t& code = dimension.table_codes[i + 1];
      if (code == Dictionary::kNotFoundCode) code = dictionaries_[d]->add(dimension.local_values[i]);
      has_other |= code == kOtherCode;
    }
  }
}

BatchMeta Sequencer::describe(const PendingBatch& pending) {
  BatchMeta meta;
  meta.replay = pending.replay;
  meta.schema_version = pending.schema->version;
  const std::vector<size_t> dimensions = pending.schema->dimensions();
  for (size_t d = 0; d < dimensions.size(); ++d) {
    const Dictionary& dictionary = *dictionaries_[d];
    uint32_t& logged_size = logged_sizes_[pending.schema->columns[dimensions[d]].id];
    if (dictionary.size() == logged_size) continue;
    DictionaryAddition addition{pending.schema->columns[dimensions[d]].id, logged_size, {}};
    for (uint32_t code = logged_size; code < dictionary.size(); ++code) {
      addition.values.push_back(dictionary.value(code));
    }
    logged_size = dictionary.size();
    meta.additions.push_back(std::move(addition));
  }
  return meta;
}

// Blocking here is what makes groups: while the disk works, batches gather for the next append.
void Sequencer::poll() {
  if (Status status = log_->poll(true); !status) poison(status.error());
  std::lock_guard lock(mutex_);
  log_stats_ = log_->stats();
  clock_belief_.last_arrival_us = arrival_.last();
}

void Sequencer::dispatch_durable() {
  const Lsn durable = log_->durable_lsn();
  const TimeUs now_us = config_.clock->boottime_us();
  while (!in_flight_.empty() && in_flight_.front()->lsn <= durable) {
    std::shared_ptr<LoggedBatch> logged = std::move(in_flight_.front());
    in_flight_.pop_front();
    logged->durable_us = now_us;
    dispatched_lsn_ = logged->lsn;
    config_.dispatch(std::move(logged));
  }
}

// Nothing is acknowledged any more until a restart recovers (W20). What was on its way is in doubt; queries go on.
void Sequencer::poison(Error error) {
  Error reason{Code::kReadOnly,
               "the table accepts no writes until a restart, because of an error: " + error.to_string()};
  {
    std::lock_guard lock(mutex_);
    if (!health_) return;
    health_ = std::unexpected(reason);
  }
  dispatch_durable();
  for (auto& logged : std::exchange(in_flight_, {})) {
    logged->done(fail(Code::kIndeterminate, "this batch may or may not be stored: " + error.message));
  }
  for (FlushDone& done : std::exchange(waiting_flushes_, {})) done(std::unexpected(reason));
}

Status Sequencer::close_log() {
  TALLY_TRY(health());
  return log_->close();
}

}  // namespace tally

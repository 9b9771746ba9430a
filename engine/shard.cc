#include "engine/shard.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace tally {
namespace {

constexpr size_t kPrefetchDistance = 16;  // rows; far enough to hide a miss of ~100 ns behind the probes in between

// By lateness class of the schema; the last one is of the rows that no class takes.
std::vector<DecisionRules> decision_rules(const Schema& schema) {
  std::vector<DecisionRules> rules;
  const TimeUs retention = last_tier_retention_us(schema);
  for (size_t i = 0; i <= schema.lateness.size(); ++i)
    rules.push_back({.lateness_us = lateness_of(schema, i), .last_tier_retention_us = retention});
  return rules;
}

bool any_other_code(const PreparedBatch& batch, uint32_t row) {
  return std::any_of(batch.dimensions.begin(), batch.dimensions.end(),
                     [row](const PreparedBatch::Dimension& dimension) {
                       return dimension.table_codes[dimension.local_codes[row]] == kOtherCode;
                     });
}

}  // namespace

Shard::Shard(uint32_t index, uint32_t shards, const LatenessClasses& classes, StatePublisher& publisher,
             Lsn applied_lsn, DeadLetters* letters, uint32_t chunk_rows)
    : index_(index),
      shards_(shards),
      chunk_rows_(chunk_rows),
      classes_(classes),
      publisher_(publisher),
      letters_(letters),
      ids_(std::make_unique<RememberedIds>(index, shards, classes.durations_us())),
      retractions_([this](std::shared_ptr<const RetractionLog> log) {
        publisher_.update([&](PublishedState& state) { state.retractions[index_].push_back(std::move(log)); });
      }),
      applied_lsn_(applied_lsn) {}

Ledger Shard::ledger() const {
  std::lock_guard lock(ledger_mutex_);
  return ledger_;
}

Status Shard::load_ids(FileSystem& fs, const std::string& directory, std::span<const IdRunInfo> runs,
                       const HorizonMap& horizons) {
  auto ids = std::make_unique<RememberedIds>(index_, shards_, classes_.durations_us());
  TALLY_TRY(ids->load(fs, directory, runs));
  ids_ = std::move(ids);
  for (const auto& [place, horizon] : horizons) horizons_.advance(place.first, {place.second, horizon});
  remembered_.store(ids_->size(), std::memory_order_relaxed);
  return {};
}

void Shard::load_retractions(std::span<const Retraction> retractions, Lsn resolved_lsn) {
  std::vector<Retraction> own;
  for (const Retraction& retraction : retractions) {
    if (shard_of(retraction.key, shards_) == index_) own.push_back(retraction);
  }
  retractions_.load(std::move(own), resolved_lsn);
  retraction_count_.store(retractions_.size(), std::memory_order_relaxed);
}

Status Shard::apply(LoggedBatch& logged) {
  TALLY_CHECK(logged.lsn > applied_lsn_.load(std::memory_order_relaxed));
  LoggedBatch::Outcome& outcome = logged.outcomes[index_];
  if (health_) health_ = begin(logged);
  outcome.status = health_;
  TALLY_TRY(health_);
  if (logged.forget) {
    forget(logged);
  } else if (logged.new_schema) {
    change_schema(logged.new_schema);
  } else if (logged.clock_back) {
    // Nothing but its arrival.
  } else if (logged.verdict) {
    apply_verdict(logged);
  } else if (logged.settlement) {
    apply_settlement(logged, outcome);
  } else {
    apply_batch(logged, outcome);
  }
  add_memory(retractions_.take_added_bytes());
  newest_arrival_us_ = logged.times.arrival_us;
  remembered_.store(ids_->size(), std::memory_order_relaxed);
  retraction_count_.store(retractions_.size(), std::memory_order_relaxed);
  applied_lsn_.store(logged.lsn, std::memory_order_release);
  return {};
}

void Shard::add_memory(uint64_t bytes) {
  active_bytes_ += bytes;
  memory_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void Shard::apply_batch(LoggedBatch& logged, LoggedBatch::Outcome& outcome) {
  if (index_ == 0) {  // rows without an id belong to no shard: the first one keeps their count
    outcome.counts.received += logged.rejected;
    outcome.counts.rejected += logged.rejected;
  }
  decide_rows(logged, outcome);
  append_rows(logged, *logged.batch);
  if (letters_ != nullptr) keep_letters(logged, index_, *letters_);
  TALLY_CHECK(outcome.counts.balanced());
  std::lock_guard lock(ledger_mutex_);
  ledger_ += outcome.counts;
}

void Shard::forget(const LoggedBatch& logged) {
  const ForgetRecord& record = *logged.forget;
  ids_->forget(record.id);
  for (const NewestOfDay& newest : record.newest) {
    horizons_.advance(record.id.lateness_class, newest);
    for (uint32_t later = classes_.first_after(record.id.lateness_class); later < classes_.count(); ++later) {
      horizons_.advance(later, newest);
    }
  }
  retractions_.expire(record.id, logged.lsn, logged.times.arrival_us);
  forgets_.push_back(logged.forget);
}

void Shard::change_schema(const std::shared_ptr<const Schema>& schema) {
  publisher_.update([&](PublishedState& state) { state.schema = schema; });
  for (uint32_t i = classes_.add(*schema); i < classes_.count(); ++i) {
    ids_->add_class(classes_.durations_us()[i]);
    horizons_.start_class(i);
  }
}

// Verdicts wait as long as ids of their generation are remembered, also where there are none.
std::vector<ForgetRecord> Shard::forgettable(TimeUs arrival_us) const {
  std::vector<ForgetRecord> records;
  for (RememberedIds::Forgettable& candidate : ids_->candidates_to_forget(arrival_us)) {
    if (ids_->forgettable_from(candidate.id) >= arrival_us) continue;
    records.push_back({candidate.id, std::move(candidate.newest)});
  }
  for (const RememberedIds::GenerationId& id : retractions_.waiting_generations()) {
    auto same = [&id](const ForgetRecord& record) { return record.id == id; };
    if (ids_->forgettable_from(id) >= arrival_us || std::any_of(records.begin(), records.end(), same)) continue;
    records.push_back({id, {}});
  }
  return records;
}

// --- retractions ---------------------------------------------------------------------------------------------------

void Shard::apply_verdict(LoggedBatch& logged) {
  VerdictWork& work = *logged.verdict;
  const PreparedVerdict& verdict = *work.verdict;
  const std::vector<uint32_t>& rows = verdict.shard_rows[index_];
  const uint32_t longest_class = classes_.longest();
  const int64_t generation = ids_->generation_of(longest_class, logged.times.arrival_us);
  retractions_.expect(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t row = rows[i];
    if (retractions_.state_of(verdict.keys[row])) continue;
    work.fresh[index_].push_back(row);
    work.remembered[row] = ids_->find(i) != SeenIds::Probe::kNew;
    Retraction waiting;
    waiting.key = verdict.keys[row];
    waiting.remembered = work.remembered[row] != 0;
    waiting.set_id(verdict.kinds[row], verdict.ids[row]);
    waiting.lateness_class = longest_class;
    waiting.generation = generation;
    waiting.request = work.request;
    retractions_.add(std::move(waiting));
  }
}

void Shard::apply_settlement(LoggedBatch& logged, LoggedBatch::Outcome& outcome) {
  SettlementWork& work = *logged.settlement;
  const PreparedSettlement& settlement = *work.settlement;
  kept_rows_.clear();
  kept_kinds_.clear();
  for (uint32_t row : settlement.originals->shard_rows[index_]) {
    const Hash128& key = settlement.originals->id_hashes[row];
    if (!retractions_.waits(key)) continue;  // once per id
    retractions_.settle(key, RetractionState::kRetracted, settlement.original_lsns[row], logged.lsn,
                        logged.times.arrival_us);
    take_back(row, outcome);
  }
  for (uint32_t position : settlement.shard_gone[index_]) {
    const Hash128& key = settlement.gone[position];
    if (!retractions_.waits(key)) continue;
    retractions_.settle(key, RetractionState::kNotInRaw, 0, logged.lsn, logged.times.arrival_us);
  }
  retractions_.resolved(settlement.resolved_lsn);
  append_rows(logged, *settlement.originals);
  if (!work.asked.empty()) count_asked(work);
  std::lock_guard lock(ledger_mutex_);
  ledger_ += outcome.counts;
}

void Shard::count_asked(SettlementWork& work) const {
  for (const SettlementWork::Asked& asked : work.asked[index_]) {
    const std::optional<RetractionState> state = retractions_.state_of(asked.key);
    TALLY_CHECK(state);
    ++work.states[index_][asked.request][static_cast<size_t>(*state)];
  }
}

// The row goes to raw once more, as a retraction.
void Shard::take_back(uint32_t row, LoggedBatch::Outcome& outcome) {
  kept_rows_.push_back(row);
  kept_kinds_.push_back(RowKind::kRetraction);
  ++outcome.counts.retracted;
}

// --- batches -------------------------------------------------------------------------------------------------------

// Asks the runs about all of a record's rows at once.
Status Shard::begin(const LoggedBatch& logged) {
  if (logged.forget || logged.new_schema || logged.settlement || logged.clock_back) return {};
  if (!logged.verdict)
    return begin_ids(logged.batch->id_hashes, logged.batch->digests, logged.batch->shard_rows[index_]);
  const PreparedVerdict& verdict = *logged.verdict->verdict;
  return begin_ids(verdict.keys, {}, verdict.shard_rows[index_]);
}

// Without digests: whether an id is remembered is all that is asked.
Status Shard::begin_ids(std::span<const Hash128> keys, std::span<const uint32_t> digests,
                        std::span<const uint32_t> rows) {
  keys_.resize(rows.size());
  digests_.assign(rows.size(), 0);
  for (size_t i = 0; i < rows.size(); ++i) {
    keys_[i] = keys[rows[i]];
    if (!digests.empty()) digests_[i] = digests[rows[i]];
  }
  return ids_->begin_batch(keys_, digests_);
}

void Shard::decide_rows(LoggedBatch& logged, LoggedBatch::Outcome& outcome) {
  PreparedBatch& batch = *logged.batch;
  const std::vector<uint32_t>& rows = batch.shard_rows[index_];
  const std::vector<DecisionRules> rules_by_class = decision_rules(*logged.schema);
  kept_rows_.clear();
  kept_kinds_.clear();
  for (size_t i = 0; i < std::min(kPrefetchDistance, rows.size()); ++i) ids_->prefetch(i);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i + kPrefetchDistance < rows.size()) ids_->prefetch(i + kPrefetchDistance);
    const uint32_t row = rows[i];
    const TimeUs time = batch.times[row];
    DecisionRules rules = rules_by_class[logged.lateness_classes[row]];
    const uint32_t lateness_class = classes_.first() + logged.lateness_classes[row];
    rules.horizon_us = horizons_.of(lateness_class, time);
    const SeenIds::Probe probe = ids_->find(i);
    const Verdict verdict = decide(probe, time, logged.times, rules);
    if (verdict == Verdict::kAccepted) {
      ids_->insert(i, {.lateness_class = lateness_class, .event_us = time, .arrival_us = logged.times.arrival_us});
      newest_event_us_ = std::max(newest_event_us_, time);
      kept_rows_.push_back(row);
      kept_kinds_.push_back(RowKind::kEvent);
      if (retractions_.any_waiting() && retractions_.waits(keys_[i])) {
        retractions_.settle(keys_[i], RetractionState::kRetracted, logged.lsn, logged.lsn, logged.times.arrival_us);
        take_back(row, outcome);
      }
    } else if (verdict == Verdict::kDuplicate || verdict == Verdict::kConflict) {
      // In the bucket of its own time where an event of that time would be admitted, else of its arrival.
      if (decide(SeenIds::Probe::kNew, time, logged.times, rules) != Verdict::kAccepted) {
        batch.times[row] = logged.times.arrival_us;
      }
      kept_rows_.push_back(row);
      kept_kinds_.push_back(verdict == Verdict::kDuplicate ? RowKind::kDuplicate : RowKind::kConflict);
    }
    count(logged, row, verdict, outcome);
  }
}

void Shard::count(const LoggedBatch& logged, uint32_t row, Verdict verdict, LoggedBatch::Outcome& outcome) {
  Ledger& counts = outcome.counts;
  ++counts.received;
  switch (verdict) {
    case Verdict::kAccepted:
      ++counts.accepted;
      if (logged.times.arrival_us - logged.batch->times[row] > logged.schema->grace_us) ++counts.late;
      if (logged.has_other_values && any_other_code(*logged.batch, row)) ++counts.other_values;
      return;
    case Verdict::kDuplicate: ++counts.duplicates; break;
    case Verdict::kConflict: ++counts.conflicts; break;
    case Verdict::kTooLate: ++counts.too_late; break;
    case Verdict::kTooEarly:
    case Verdict::kPastRetention:
    case Verdict::kRejected: ++counts.rejected; break;
  }
  outcome.not_accepted.push_back({row, verdict});
}

void Shard::start_chunk(const LoggedBatch& logged) {
  // A chunk was filled since the last flush; small tables stay small.
  const bool busy = !active_.empty() && chunk_rows_ == limits::kChunkRows;
  auto chunk = std::make_shared<Chunk>(logged.schema, chunk_rows_, busy, orders_total_);
  active_.push_back(chunk);
  publisher_.update([&](PublishedState& state) {
    auto chunks = std::make_shared<ChunkList>(*state.chunks[index_]);
    chunks->push_back(std::move(chunk));
    state.chunks[index_] = std::move(chunks);
  });
}

// The last one of its version: events are of the version in force, retractions of their originals'.
Chunk& Shard::chunk_for(const LoggedBatch& logged) {
  auto last = std::find_if(active_.rbegin(), active_.rend(), [&](const std::shared_ptr<Chunk>& chunk) {
    return chunk->schema().version == logged.schema->version;
  });
  if (last != active_.rend() && (*last)->rows() < (*last)->capacity()) return **last;
  start_chunk(logged);
  return *active_.back();
}

void Shard::append_rows(const LoggedBatch& logged, const PreparedBatch& batch) {
  std::span<const uint32_t> rows(kept_rows_);
  std::span<const RowKind> kinds(kept_kinds_);
  while (!rows.empty()) {
    Chunk& chunk = chunk_for(logged);
    const uint64_t bytes_before = chunk.memory_bytes();
    const uint32_t fitted = chunk.append(batch, rows, kinds, logged.lsn, logged.times.arrival_us);
    add_memory(chunk.memory_bytes() - bytes_before);
    rows = rows.subspan(fitted);
    kinds = kinds.subspan(fitted);
  }
}

FrozenShard Shard::freeze(Lsn through, TimeUs arrival_us) {
  FrozenShard frozen;
  frozen.chunks.assign(active_.begin(), active_.end());
  active_.clear();
  frozen.bytes = std::exchange(active_bytes_, 0);
  frozen.newest_event_us = newest_event_us_;
  frozen.ledger = ledger();
  frozen.ids = ids_->freeze(through);
  frozen.horizons = horizons_.all();
  frozen.forgets = std::exchange(forgets_, {});
  frozen.forgettable = forgettable(arrival_us);
  frozen.retractions = retractions_.freeze();
  frozen.resolved_lsn = retractions_.resolved_lsn();
  frozen.health = health_;
  return frozen;
}

void Shard::release(const FrozenShard& flushed) {
  memory_bytes_.fetch_sub(flushed.bytes, std::memory_order_relaxed);
  for (const auto& chunk : flushed.chunks) chunk->release_orders();
}

void Shard::adopt(std::vector<SpilledIds> spilled) {
  for (SpilledIds& one : spilled) ids_->adopt(std::move(one));
}

void Shard::adopt(std::optional<MergedIds> merged) {
  if (merged) {
    ids_->adopt(*std::move(merged));
  } else {
    ids_->abandon_merge();
  }
}

}  // namespace tally

#include "engine/shard.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace tally {
namespace {

constexpr size_t kPrefetchDistance = 16;  // rows; far enough to hide a miss of ~100 ns behind the probes in between

// By lateness class; the last one is of the rows that no class takes.
std::vector<DecisionRules> decision_rules(const Schema& schema) {
  std::vector<DecisionRules> rules;
  const TimeUs retention = last_tier_retention_us(schema);
  for (size_t i = 0; i <= schema.lateness.size(); ++i)
    rules.push_back({.lateness_us = lateness_of(schema, i), .last_tier_retention_us = retention});
  return rules;
}

// How long each class remembers, by lateness class.
std::vector<TimeUs> durations_of(const Schema& schema) {
  std::vector<TimeUs> durations;
  for (size_t i = 0; i <= schema.lateness.size(); ++i) {
    durations.push_back(std::max(schema.within_us, lateness_of(schema, i)));
  }
  return durations;
}

bool any_other_code(const PreparedBatch& batch, uint32_t row) {
  return std::any_of(batch.dimensions.begin(), batch.dimensions.end(),
                     [row](const PreparedBatch::Dimension& dimension) {
                       return dimension.table_codes[dimension.local_codes[row]] == kOtherCode;
                     });
}

}  // namespace

Shard::Shard(uint32_t index, uint32_t shards, const Schema& schema, StatePublisher& publisher, Lsn applied_lsn)
    : index_(index),
      shards_(shards),
      durations_us_(durations_of(schema)),
      publisher_(publisher),
      ids_(std::make_unique<RememberedIds>(index, shards, durations_us_)),
      applied_lsn_(applied_lsn) {}

Ledger Shard::ledger() const {
  std::lock_guard lock(ledger_mutex_);
  return ledger_;
}

Status Shard::load_ids(FileSystem& fs, const std::string& directory, std::span<const IdRunInfo> runs,
                       const HorizonMap& horizons) {
  auto ids = std::make_unique<RememberedIds>(index_, shards_, durations_us_);
  TALLY_TRY(ids->load(fs, directory, runs));
  ids_ = std::move(ids);
  for (const auto& [place, horizon] : horizons) horizons_.advance(place.first, {place.second, horizon});
  remembered_.store(ids_->size(), std::memory_order_relaxed);
  return {};
}

Status Shard::apply(LoggedBatch& logged) {
  TALLY_CHECK(logged.lsn > applied_lsn_.load(std::memory_order_relaxed));
  LoggedBatch::Outcome& outcome = logged.outcomes[index_];
  if (health_ && !logged.forget) health_ = begin_ids(logged);
  outcome.status = health_;
  TALLY_TRY(health_);
  if (logged.forget) {
    forget(logged.forget);
  } else {
    apply_batch(logged, outcome);
  }
  newest_arrival_us_ = logged.times.arrival_us;
  remembered_.store(ids_->size(), std::memory_order_relaxed);
  applied_lsn_.store(logged.lsn, std::memory_order_release);
  return {};
}

void Shard::apply_batch(LoggedBatch& logged, LoggedBatch::Outcome& outcome) {
  if (index_ == 0) {  // rows without an id belong to no shard: the first one keeps their count
    outcome.counts.received += logged.rejected;
    outcome.counts.rejected += logged.rejected;
  }
  decide_rows(logged, outcome);
  append_rows(logged);
  TALLY_CHECK(outcome.counts.balanced());
  std::lock_guard lock(ledger_mutex_);
  ledger_ += outcome.counts;
}

void Shard::forget(const std::shared_ptr<const ForgetRecord>& record) {
  ids_->forget(record->id);
  for (const NewestOfDay& newest : record->newest) horizons_.advance(record->id.lateness_class, newest);
  forgets_.push_back(record);
}

std::vector<ForgetRecord> Shard::forgettable(TimeUs arrival_us) const {
  std::vector<ForgetRecord> records;
  for (RememberedIds::Forgettable& candidate : ids_->candidates_to_forget(arrival_us)) {
    if (ids_->forgettable_from(candidate.id) >= arrival_us) continue;
    records.push_back({candidate.id, std::move(candidate.newest)});
  }
  return records;
}

// Asks the runs about all of the batch's rows at once.
Status Shard::begin_ids(const LoggedBatch& logged) {
  const PreparedBatch& batch = *logged.batch;
  const std::vector<uint32_t>& rows = batch.shard_rows[index_];
  keys_.resize(rows.size());
  digests_.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    keys_[i] = batch.id_hashes[rows[i]];
    digests_[i] = batch.digests[rows[i]];
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
    const uint8_t lateness_class = logged.lateness_classes[row];
    DecisionRules rules = rules_by_class[lateness_class];
    rules.horizon_us = horizons_.of(lateness_class, time);
    const SeenIds::Probe probe = ids_->find(i);
    const Verdict verdict = decide(probe, time, logged.times, rules);
    if (verdict == Verdict::kAccepted) {
      ids_->insert(i, {.lateness_class = lateness_class, .event_us = time, .arrival_us = logged.times.arrival_us});
      newest_event_us_ = std::max(newest_event_us_, time);
      kept_rows_.push_back(row);
      kept_kinds_.push_back(RowKind::kEvent);
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
  auto chunk = std::make_shared<Chunk>(logged.schema, limits::kChunkRows);
  active_.push_back(chunk);
  publisher_.update([&](PublishedState& state) {
    auto chunks = std::make_shared<ChunkList>(*state.chunks[index_]);
    chunks->push_back(std::move(chunk));
    state.chunks[index_] = std::move(chunks);
  });
}

void Shard::append_rows(const LoggedBatch& logged) {
  std::span<const uint32_t> rows(kept_rows_);
  std::span<const RowKind> kinds(kept_kinds_);
  while (!rows.empty()) {
    if (active_.empty() || active_.back()->rows() == active_.back()->capacity()) start_chunk(logged);
    Chunk& chunk = *active_.back();
    const uint64_t bytes_before = chunk.memory_bytes();
    const uint32_t fitted = chunk.append(*logged.batch, rows, kinds, logged.lsn, logged.times.arrival_us);
    const uint64_t added = chunk.memory_bytes() - bytes_before;
    active_bytes_ += added;
    memory_bytes_.fetch_add(added, std::memory_order_relaxed);
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
  frozen.forgets = std::exchange(forgets_, {});
  frozen.forgettable = forgettable(arrival_us);
  frozen.health = health_;
  return frozen;
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

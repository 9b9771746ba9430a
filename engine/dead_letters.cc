#include "engine/dead_letters.h"

#include <algorithm>

#include "base/checksum.h"
#include "engine/batch_rows.h"
#include "engine/logged_batch.h"

namespace tally {

namespace {

// Of a mark while it is here: its place in a record, and in the set of those replayed.
constexpr uint64_t kMarkMemoryBytes = 64;

}  // namespace

DeadLetters::Record& DeadLetters::record(Lsn lsn, TimeUs arrival_us) {
  Record& record = records_[lsn];
  record.arrival_us = arrival_us;
  return record;
}

void DeadLetters::add(std::shared_ptr<const LetterBundle> bundle) {
  std::lock_guard lock(mutex_);
  memory_bytes_ += bundle->memory_bytes();
  record(bundle->lsn, bundle->arrival_us).bundles.push_back(std::move(bundle));
}

void DeadLetters::add_marks(std::span<const LetterId> letters, Lsn replayed_lsn, TimeUs arrival_us) {
  std::lock_guard lock(mutex_);
  memory_bytes_ += letters.size() * kMarkMemoryBytes;
  record(replayed_lsn, arrival_us).replays.assign(letters.begin(), letters.end());
  replayed_.insert(letters.begin(), letters.end());
}

uint64_t DeadLetters::Held::letters() const {
  uint64_t count = 0;
  for (const auto& bundle : bundles) count += bundle->letters.size();
  return count;
}

DeadLetters::Held DeadLetters::held(Lsn above, Lsn through) const {
  Held held;
  std::lock_guard lock(mutex_);
  for (auto at = records_.upper_bound(above); at != records_.end() && at->first <= through; ++at) {
    const auto& [lsn, record] = *at;
    if (held.empty()) {
      held.min_lsn = lsn;
      held.min_arrival_us = held.max_arrival_us = record.arrival_us;
    }
    held.max_lsn = lsn;
    held.min_arrival_us = std::min(held.min_arrival_us, record.arrival_us);
    held.max_arrival_us = std::max(held.max_arrival_us, record.arrival_us);
    held.bundles.insert(held.bundles.end(), record.bundles.begin(), record.bundles.end());
    for (const LetterId& id : record.replays) held.marks.push_back({id, lsn});
  }
  std::ranges::sort(held.marks, {}, &LetterMark::letter);
  held.released_through = released_through_;
  return held;
}

void DeadLetters::release(Lsn through) {
  std::lock_guard lock(mutex_);
  const auto end = records_.upper_bound(through);
  for (auto at = records_.begin(); at != end; ++at) {
    for (const auto& bundle : at->second.bundles) memory_bytes_ -= bundle->memory_bytes();
    memory_bytes_ -= at->second.replays.size() * kMarkMemoryBytes;
  }
  records_.erase(records_.begin(), end);
  released_through_ = std::max(released_through_, through);
}

uint64_t DeadLetters::memory_bytes() const {
  std::lock_guard lock(mutex_);
  return memory_bytes_;
}

bool DeadLetters::knows_replays() const {
  std::lock_guard lock(mutex_);
  return knows_replays_;
}

void DeadLetters::learn_replays(std::span<const LetterMark> marks) {
  std::lock_guard lock(mutex_);
  for (const LetterMark& mark : marks) replayed_.insert(mark.letter);
  knows_replays_ = true;
}

void DeadLetters::dropped(Lsn through) {
  std::lock_guard lock(mutex_);
  dropped_through_ = std::max(dropped_through_, through);
  replayed_.erase(replayed_.begin(), replayed_.upper_bound(LetterId{dropped_through_, UINT32_MAX}));
}

Status DeadLetters::claim(std::span<const LetterId> letters, Lsn newest_lsn) {
  std::lock_guard lock(mutex_);
  TALLY_TRY(check_claim(letters, newest_lsn));
  replayed_.insert(letters.begin(), letters.end());
  return {};
}

Status DeadLetters::check_claim(std::span<const LetterId> letters, Lsn newest_lsn) const {
  if (!knows_replays_) return fail(Code::kInternal, "dead letters are replayed before those replayed are known");
  constexpr const char* kNothing = ": nothing of this batch was logged";
  std::set<LetterId> named;
  for (const LetterId& id : letters) {
    if (!named.insert(id).second) {
      return fail(Code::kInvalidArgument, "dead letter " + to_string(id) + " is named twice" + kNothing);
    }
    if (replayed_.contains(id)) {
      return fail(Code::kAlreadyExists, "dead letter " + to_string(id) + " was replayed before" + kNothing);
    }
    if (id.lsn <= dropped_through_ || id.lsn > newest_lsn) {
      return fail(Code::kNotFound, "there is no dead letter " + to_string(id) + " (any more)" + kNothing);
    }
  }
  return {};
}

std::vector<RowsPayload> extract_rows(const Schema& schema, const PreparedBatch& batch,
                                      std::span<const uint32_t> rows) {
  std::vector<RowsPayload> payloads;
  const BatchRows source(schema, batch);
  BatchBuilder builder(schema);
  auto finish = [&] {
    RowsPayload& last = payloads.back();
    // A handful of rows is smaller without, and what is written is compressed once more.
    last.payload =
        builder.finish(last.rows.size() < 16 ? BatchBuilder::Compression::kNone : BatchBuilder::Compression::kLz4);
    last.payload_xxh3 = xxh3(last.payload);
  };
  for (uint32_t row : rows) {
    if (payloads.empty()) payloads.emplace_back();
    source.copy(row, builder);
    Status added = builder.end_row();
    if (!added && added.error().code == Code::kLimitExceeded && builder.rows() > 0) {
      finish();
      payloads.emplace_back();
      source.copy(row, builder);
      added = builder.end_row();
    }
    TALLY_CHECK(added.has_value());  // it was a row of a batch of this schema
    payloads.back().rows.push_back(row);
  }
  if (!payloads.empty()) finish();
  return payloads;
}

namespace {

std::shared_ptr<LetterBundle> new_bundle(const LoggedBatch& logged) {
  auto bundle = std::make_shared<LetterBundle>();
  bundle->lsn = logged.lsn;
  bundle->arrival_us = logged.times.arrival_us;
  return bundle;
}

bool is_refused(const RowVerdict& row) {
  return row.verdict == Verdict::kTooLate || row.verdict == Verdict::kTooEarly ||
         row.verdict == Verdict::kPastRetention;
}

void keep_refused(const LoggedBatch& logged, size_t shard, DeadLetters& letters) {
  std::vector<uint32_t> rows;
  std::vector<Verdict> verdicts;
  for (const RowVerdict& row : logged.outcomes[shard].not_accepted) {
    if (!is_refused(row)) continue;
    rows.push_back(row.row);
    verdicts.push_back(row.verdict);
  }
  size_t next = 0;
  for (RowsPayload& part : extract_rows(*logged.schema, *logged.batch, rows)) {
    auto bundle = new_bundle(logged);
    bundle->source.name = logged.notes->source.name;
    for (uint32_t row : part.rows) {
      bundle->letters.push_back({row, verdicts[next++], source_row_of(logged.notes->source_rows, row)});
    }
    bundle->payload = std::move(part.payload);
    bundle->payload_xxh3 = part.payload_xxh3;
    letters.add(std::move(bundle));
  }
}

void keep_invalid(const LoggedBatch& logged, DeadLetters& letters) {
  if (logged.notes->rejected.empty()) return;
  auto bundle = new_bundle(logged);
  bundle->source = logged.notes->source;
  bundle->rejected = logged.notes->rejected;
  uint32_t row = logged.batch->rows;
  for (const RejectedRow& rejected : bundle->rejected) {
    bundle->letters.push_back({row++, Verdict::kRejected, rejected.source_row});
  }
  letters.add(std::move(bundle));
}

}  // namespace

void keep_letters(const LoggedBatch& logged, size_t shard, DeadLetters& letters) {
  keep_refused(logged, shard, letters);
  if (shard != 0) return;
  keep_invalid(logged, letters);
  if (!logged.notes->replays.empty()) letters.add_marks(logged.notes->replays, logged.lsn, logged.times.arrival_us);
}

}  // namespace tally

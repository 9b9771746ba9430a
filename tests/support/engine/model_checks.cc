#include <algorithm>

#include "tests/support/engine/model_session.h"

namespace tally::model {

// --- calls ------------------------------------------------------------------------------------------------------------

Run::Call Run::begin_call() const {
  return {.arrival_us = table_.arrival.next(table_.clock), .last_before_us = table_.arrival.last_us(), .answer = {}};
}

void Run::send(Batch batch, Random& random) {
  Call call = begin_call();
  batch.arrival_us = call.arrival_us;
  call.batch = &batch;
  call.spelling = random.next();
  belief_.decide(batch, before_);
  const bool full = belief_.remembered() >= table_.remembered_ids_max();
  const bool waits = table_.arrival.suspended(table_.clock) && belief_.waits_for_clock(batch, table_.clock.wall_us());
  Result<BatchResult> answer = table_.send(batch, call.spelling);
  result_.rows += batch.rows.size();
  if (answer) call.answer = *answer;
  for (const Row& row : batch.rows) sent_.push_back(row);
  if (batches_.size() < 200) {
    batches_.push_back(batch);
  } else {
    batches_[random.below(200)] = batch;
  }
  if (interrupted(call, random)) return;
  if (full || waits) {
    if (answer || answer.error().code != Code::kRetryLater) {
      return fail(full ? "a table full of ids took a batch" : "a batch that waits for the clock was taken");
    }
    call.batch = nullptr;
    return observe(call);  // it may have forgotten some
  }
  if (!answer) return fail("send", answer.error());
  observe(call);
}

bool Run::interrupted(Call& call, Random& random) {
  if (failed()) return true;
  if (!table_.disk.crashed()) return false;
  recover(call, random);
  return true;
}

bool Run::answered_so(const Call& call, const Decision& decision) const {
  if (!same_counts(call.answer->counts, decision.counts)) return false;
  size_t next = 0;
  const std::vector<RowVerdict>& answered = call.answer->not_accepted;
  for (size_t i = 0; i < decision.verdicts.size(); ++i) {
    if (decision.verdicts[i] == Verdict::kAccepted) continue;
    if (next == answered.size() || answered[next].row != i || answered[next].verdict != decision.verdicts[i]) {
      return false;
    }
    ++next;
  }
  return next == answered.size();
}

// Generations that nothing but waiting retractions stood in, and that were forgotten as the retractions say.
bool Run::add_ended(const Call& call, const Snapshot& snapshot, std::vector<Belief::GenerationId>& missing) {
  const std::vector<uint32_t> waiting = belief_.waiting_alone(call.arrival_us);
  if (waiting.empty()) return true;
  Result<std::vector<Retraction>> all = snapshot.retractions();
  if (!all) {
    fail("retractions", all.error());
    return false;
  }
  for (const Retraction& one : *all) {
    if (one.state != RetractionState::kNeverCame) continue;
    const std::optional<uint32_t> id = read_id(one.id_kind, one.slot());
    if (!id || std::find(waiting.begin(), waiting.end(), *id) == waiting.end()) continue;
    const Belief::GenerationId generation = belief_.waits_in(*id);
    if (std::find(missing.begin(), missing.end(), generation) == missing.end()) missing.push_back(generation);
  }
  return true;
}

// Which of the decisions that could have been made of the call's batch was: before, between or after what was forgotten.
bool Run::decide(Call& call, const Snapshot& snapshot, bool compare_rows) {
  const ManifestState& manifest = snapshot.manifest();
  std::vector<Belief::GenerationId> missing;
  if (seen_ == nullptr || &manifest != &seen_->manifest()) {
    missing = belief_.missing_in(manifest);
    if (!add_ended(call, snapshot, missing)) return false;
  }
  std::vector<const Decision*> candidates = {&before_};
  if (!missing.empty()) {
    note("forgotten: " + std::to_string(missing.size()) + " generations");
    if (!table_.may_forget() && call.batch != nullptr) fail("ids were forgotten while the clock said not to");
    // Named at a marker before this call, and so perhaps forgotten before its batch; the others at one within it.
    std::vector<Belief::GenerationId> early, late;
    for (const auto& id : missing) (belief_.kept_until(id) < call.last_before_us ? early : late).push_back(id);
    auto forget = [&](const std::vector<Belief::GenerationId>& ids, Decision& decision) {
      if (ids.empty()) return;
      if (std::string wrong = belief_.forget(ids, call.arrival_us); !wrong.empty()) fail(std::move(wrong));
      if (call.batch == nullptr) return;
      belief_.decide(*call.batch, decision);
      candidates.push_back(&decision);
    };
    forget(early, between_);
    forget(late, after_);
    if (failed()) return false;
  }
  if (call.batch == nullptr) return true;
  Lsn lsn = 0;
  if (call.answer) {
    lsn = call.answer->lsn;
    std::erase_if(candidates, [&](const Decision* decision) { return !answered_so(call, *decision); });
    if (candidates.empty()) {
      fail("another answer than is believed: " + to_string(call.answer->counts) + " instead of " +
           to_string(before_.counts));
      for (size_t i = 0; i < call.batch->rows.size() && options_.trace; ++i) {
        note("  row " + std::to_string(i) + " " + to_string(call.batch->rows[i]) + ": believed " +
             std::string(verdict_name(before_.verdicts[i])));
      }
      for (const RowVerdict& row : call.answer->not_accepted) {
        note("  answered row " + std::to_string(row.row) + ": " + std::string(verdict_name(row.verdict)));
      }
      return false;
    }
  } else {
    std::erase_if(candidates, [&](const Decision* decision) {
      Ledger ledger = belief_.ledger();
      ledger += decision->counts;
      return !same_counts(ledger, snapshot.ledger());
    });
    if (candidates.empty()) {
      fail("a batch in doubt was decided in another way: " + to_string(snapshot.ledger()) + " after " +
           to_string(belief_.ledger()) + " and then " + to_string(before_.counts));
      return false;
    }
  }
  if (candidates.size() > 1 || compare_rows) {
    const ScannedRows scanned = scan_rows(snapshot, !call.answer);
    if (!scanned.wrong.empty()) fail(scanned.wrong);
    if (!call.answer) {
      for (const StoredBelief& row : scanned.rows) lsn = std::max(lsn, row.lsn);
    }
    std::erase_if(candidates, [&](const Decision* decision) {
      RowSum sum = belief_.sum();
      sum += belief_.sum_of(*call.batch, *decision, lsn);
      return sum != scanned.sum;
    });
    if (candidates.empty()) {
      (void)belief_.take(*call.batch, before_, lsn);
      fail("other rows than are believed: " + difference(snapshot));
      return false;
    }
  }
  const Decision& decision = *candidates.front();
  for (Verdict verdict : decision.verdicts) ++result_.verdicts[static_cast<size_t>(verdict)];
  if (std::string wrong = belief_.take(*call.batch, decision, lsn); !wrong.empty()) fail(std::move(wrong));
  return !failed();
}

// After a call that ended well.
void Run::observe(Call& call) {
  std::shared_ptr<const Snapshot> snapshot = table_.snapshot();
  if (snapshot == nullptr) return fail(table_.wrong);
  if (!decide(call, *snapshot, false)) return;
  const ManifestState& manifest = snapshot->manifest();
  if (call.batch != nullptr || call.taken_back != nullptr || call.lateness != nullptr) {
    table_.arrival.set_last(call.arrival_us);
    certain_last_us_.reset();
  } else if (manifest.newest_arrival_us != table_.arrival.last_us() &&
             manifest.newest_arrival_us > table_.arrival.last_us()) {
    if (manifest.newest_arrival_us != call.arrival_us) return fail("a record arrived at another time than the clock's");
    table_.arrival.set_last(call.arrival_us);
  }
  if (!same_counts(snapshot->ledger(), belief_.ledger()) || !snapshot->ledger().balanced()) {
    return fail("the ledger says " + to_string(snapshot->ledger()) + " instead of " + to_string(belief_.ledger()));
  }
  if (seen_ != nullptr && &manifest == &seen_->manifest()) return;
  if (std::string wrong = belief_.compare(manifest); !wrong.empty()) return fail(std::move(wrong));
  if (const uint64_t ids = table_.table().stats().remembered_ids; ids != belief_.remembered()) {
    return fail(std::to_string(ids) + " ids are remembered instead of " + std::to_string(belief_.remembered()));
  }
  seen_ = std::move(snapshot);
}

// --- power failures ---------------------------------------------------------------------------------------------------

// What the request of a call has changed, once it is known to be in the table.
bool Run::believe_taken_back(const Call& call, const Snapshot& snapshot) {
  std::optional<ScannedRows> scanned;
  auto chosen = [&](uint32_t id) -> std::optional<Row> {
    if (!scanned) scanned = scan_rows(snapshot, true);
    for (const StoredBelief& row : scanned->rows) {
      if (row.kind == RowKind::kRetraction && row.row.id == id) return row.row;
    }
    return std::nullopt;
  };
  std::string wrong = belief_.take_back(*call.taken_back, call.arrival_us, chosen);
  if (!wrong.empty()) fail(std::move(wrong));
  return !failed();
}

bool Run::present_after_crash(const Call& call, const Snapshot& snapshot) {
  if (call.taken_back != nullptr) {
    const uint64_t there = table_.table().stats().retractions;
    const uint64_t fresh = belief_.fresh_retractions(*call.taken_back);
    if (there == belief_.retractions() + fresh) return fresh > 0 || call.taken_back_answered;
    if (there != belief_.retractions()) fail("a request to take back is there in part");
    if (call.taken_back_answered) fail("an answered request to take back is lost");
    return false;
  }
  if (call.lateness != nullptr) return table_.schema_version() == belief_.rules().firsts.size() + 1;
  if (call.batch == nullptr) return false;
  const uint64_t received = snapshot.ledger().received;
  const uint64_t before = belief_.ledger().received;
  const uint64_t sent = call.batch->rows.size() + call.batch->rejected;
  if (received == before + sent) return true;
  if (call.answer) {
    fail("an acknowledged batch is lost");
  } else if (received != before) {
    fail("of a batch in doubt of " + std::to_string(sent) + " rows, " + std::to_string(received - before) +
         " are there");
  }
  return false;
}

void Run::recover(Call call, Random& random) {
  seen_ = held_ = nullptr;
  Status opened;
  do {
    ++result_.power_failures;
    const Fate fate = kAllFates[random.below(kAllFates.size())];
    note("power failure: " + std::string(fate_name(fate)));
    table_.drop();
    table_.disk.crash(fate, random.next());
    table_.clock.reboot(up_to(random, 10 * kMicrosPerMinute));
    if (random.chance(0.3)) table_.disk.crash_at(random.between(1, 40));
    opened = table_.open(static_cast<uint32_t>(random.between(1, 3)));
  } while (table_.disk.crashed());
  if (!opened) return fail("open after a power failure", opened.error());
  std::shared_ptr<const Snapshot> snapshot = table_.snapshot();
  if (snapshot == nullptr) return fail(table_.wrong);
  const bool present = present_after_crash(call, *snapshot);
  if (failed() || (present && call.taken_back != nullptr && !believe_taken_back(call, *snapshot))) return;
  if (present && call.lateness != nullptr) {
    belief_.set_lateness(*call.lateness);
    table_.keep_version();
  }
  if (table_.schema_version() != belief_.rules().firsts.size()) return fail("another version of the schema");
  const Batch* batch = call.batch;
  if (!present) call.batch = nullptr;
  note(batch == nullptr ? "recovered"
       : present        ? "recovered: the batch is there"
                        : "recovered: the batch is not there");
  if (!decide(call, *snapshot, true)) return;
  const TimeUs newest = snapshot->manifest().newest_arrival_us;
  const TimeUs last = table_.arrival.last_us();
  const TimeUs now = table_.arrival.next(table_.clock);
  const bool between = certain_last_us_ && newest >= *certain_last_us_ && newest <= last;
  if (call.taken_back != nullptr) {
    // The look-ups of a request that a crash left are logged when the table opens.
    if (newest < last && !between) return fail("after a power failure the newest arrival is one that was before");
    if (newest > std::max(now, call.arrival_us))
      return fail("after a power failure the newest arrival is of the future");
    certain_last_us_ = newest;
    table_.arrival.set_last(std::max(now, newest));
  } else {
    if (newest != call.arrival_us && (present || (newest != last && !between))) {
      return fail("after a power failure the newest arrival is one of no record");
    }
    table_.arrival.set_last(newest);
    certain_last_us_.reset();
  }
  if (snapshot->manifest().reference_us != belief_.reference_us()) return fail("another reference time");
  Call nothing{.arrival_us = table_.arrival.last_us(), .last_before_us = newest, .answer = {}};
  observe(nothing);
  if (!failed()) verify();
  if (!failed() && batch != nullptr && random.chance(0.7)) send(*batch, random);
  if (!failed() && certain_last_us_) send({.rejected = 1, .rows = {}}, random);  // so that the newest arrival is known
}

void Run::reopen(Random& random) {
  Call call = begin_call();
  call.arrival_us = call.last_before_us;
  const Status opened = table_.open(static_cast<uint32_t>(random.between(1, 3)));
  if (interrupted(call, random)) return;
  if (!opened) return fail("open", opened.error());
  observe(call);
}

// --- looking ----------------------------------------------------------------------------------------------------------

std::string Run::difference(const Snapshot& snapshot) const {
  ScannedRows scanned = scan_rows(snapshot, true);
  std::vector<StoredBelief> believed = belief_.stored();
  std::sort(scanned.rows.begin(), scanned.rows.end());
  std::sort(believed.begin(), believed.end());
  std::vector<StoredBelief> missing, extra;
  std::set_difference(believed.begin(), believed.end(), scanned.rows.begin(), scanned.rows.end(),
                      std::back_inserter(missing));
  std::set_difference(scanned.rows.begin(), scanned.rows.end(), believed.begin(), believed.end(),
                      std::back_inserter(extra));
  std::string text = std::to_string(missing.size()) + " rows missing, " + std::to_string(extra.size()) + " too many";
  for (size_t i = 0; i < std::min<size_t>(missing.size(), 3); ++i) text += "\n    missing " + missing[i].to_string();
  for (size_t i = 0; i < std::min<size_t>(extra.size(), 3); ++i) text += "\n    too many " + extra[i].to_string();
  return text;
}

void Run::compare_rows(const Snapshot& snapshot, const RowSum& expected, std::string_view what) {
  const ScannedRows scanned = scan_rows(snapshot, false);
  if (!scanned.wrong.empty()) return fail(scanned.wrong);
  if (scanned.sum != expected) fail(std::string(what) + ": " + difference(snapshot));
}

void Run::verify() {
  std::shared_ptr<const Snapshot> snapshot = table_.snapshot();
  if (snapshot == nullptr) return fail(table_.wrong);
  compare_rows(*snapshot, belief_.sum(), "other rows than are believed");
  const Table::Stats stats = table_.table().stats();
  if (stats.remembered_ids != belief_.remembered()) fail("another number of ids is remembered");
  if (stats.retractions != belief_.retractions()) fail("another number of verdicts is kept");
}

}  // namespace tally::model

#include "tests/support/engine/model_run.h"

#include <algorithm>
#include <span>

#include "tests/support/engine/model_table.h"

namespace tally::model {
namespace {

// How a row comes to be. Runs weigh them differently, so that each is at times most of what happens.
enum RowOrigin : uint8_t {
  kOnTime,
  kAtEdge,  // of lateness or of what is too early, by a microsecond
  kLate,
  kEarly,
  kAtHorizon,
  kAtRetention,
  kRetry,
  kRetryOtherTime,
  kConflict,
  kInBatch,
  kOrigins
};

class Run {
 public:
  explicit Run(const RunOptions& options);
  RunResult run();

 private:
  using Action = void (Run::*)(Random&);
  struct Operation {
    std::string_view name;
    unsigned weight;
    Action act;
  };
  static std::span<const Operation> operations();

  // What an engine call was about to do when it ended, well or not.
  struct Call {
    TimeUs arrival_us = 0;         // of whatever it logged
    TimeUs last_before_us = 0;     // arrival before it
    const Batch* batch = nullptr;  // that it sent, if any
    uint64_t spelling = 0;
    std::optional<BatchResult> answer;
    const std::vector<uint32_t>* taken_back = nullptr;  // ids that it asked to take back, if any
    bool taken_back_answered = false;
    const std::vector<Rules::Class>* lateness = nullptr;  // classes that it was to set, if any
  };

  // --- the operations ---
  void send_rows(Random& random);
  void replay_rows(Random& random);
  void send_again(Random& random);
  void take_back(Random& random);
  void set_lateness(Random& random);
  void pass_little(Random& random);
  void pass_window(Random& random);
  void pass_windows(Random& random);
  void pass_to_edge(Random& random);
  void jump_clock(Random& random);
  void flush(Random& random);
  void settle(Random& random);
  void restart(Random& random);
  void kill(Random& random);
  void cut_power(Random& random);
  void arm_power(Random& random);
  void look(Random& random);
  void hold(Random& random);

  // --- rows ---
  void random_rows(Random& random, Batch& batch);
  Row make_row(Random& random, const Batch& batch);
  Row new_row(Random& random);
  Row earlier(Random& random) const;
  TimeUs lateness_of(const Row& row) const;

  // --- calls and their checks ---
  void send(Batch batch, Random& random);
  Call begin_call() const;
  bool interrupted(Call& call, Random& random);
  void observe(Call& call);
  bool add_ended(const Call& call, const Snapshot& snapshot, std::vector<Belief::GenerationId>& missing);
  bool decide(Call& call, const Snapshot& snapshot, bool compare_rows);
  bool answered_so(const Call& call, const Decision& decision) const;
  void recover(Call call, Random& random);
  bool present_after_crash(const Call& call, const Snapshot& snapshot);
  void reopen(Random& random);
  void verify();
  bool believe_taken_back(const Call& call, const Snapshot& snapshot);
  void compare_rows(const Snapshot& snapshot, const RowSum& expected, std::string_view what);
  std::string difference(const Snapshot& snapshot) const;
  void fail(std::string what) {
    if (result_.failure.empty()) result_.failure = std::move(what);
  }
  void fail(std::string_view doing, const Error& error) { fail(std::string(doing) + ": " + error.to_string()); }
  bool failed() const { return !result_.failure.empty(); }
  void note(std::string text) {
    if (options_.trace) result_.trace.push_back(std::to_string(action_) + " " + std::move(text));
  }

  const RunOptions options_;
  SeededRandomScope seeded_;
  Random random_;
  ModelTable table_;
  Belief belief_;
  std::shared_ptr<const Snapshot> seen_;  // whose manifest was compared last
  std::shared_ptr<const Snapshot> held_;
  RowSum held_sum_;
  std::vector<Row> sent_;
  std::vector<Batch> batches_;
  uint32_t next_id_ = 1;
  uint64_t rows_max_;
  unsigned origin_weights_[kOrigins] = {};
  std::vector<unsigned> weights_;
  uint64_t action_ = 0;
  // Recovery may have settled retractions, in a record of its own: the newest arrival is then one of these two or between.
  std::optional<TimeUs> certain_last_us_;
  Decision before_, after_, between_;
  RunResult result_;
};

// The operation table. A weight is what a run starts from; it then drops some and prefers others.
std::span<const Run::Operation> Run::operations() {
  static constexpr Operation kTable[] = {
      {"send", 300, &Run::send_rows},
      {"replay", 60, &Run::replay_rows},
      {"again", 40, &Run::send_again},
      {"take back", 40, &Run::take_back},
      {"set lateness", 2, &Run::set_lateness},
      {"little", 60, &Run::pass_little},
      {"window", 30, &Run::pass_window},
      {"windows", 8, &Run::pass_windows},
      {"edge", 6, &Run::pass_to_edge},
      {"jump", 6, &Run::jump_clock},
      {"flush", 30, &Run::flush},
      {"settle", 6, &Run::settle},
      {"restart", 4, &Run::restart},
      {"kill", 2, &Run::kill},
      {"cut", 2, &Run::cut_power},
      {"arm", 6, &Run::arm_power},
      {"look", 6, &Run::look},
      {"hold", 3, &Run::hold},
  };
  return kTable;
}

Run::Run(const RunOptions& options)
    : options_(options),
      seeded_(options.seed),
      random_(options.seed),
      table_(options.seed, random_),
      belief_(table_.shape().rules),
      rows_max_(random_.chance(0.2) ? random_.between(100, 600) : random_.between(1, 100)) {
  static constexpr unsigned kUsual[kOrigins] = {40, 6, 4, 3, 4, 2, 18, 5, 6, 5};
  static constexpr unsigned kFactors[] = {0, 1, 1, 1, 4};
  for (size_t i = 0; i < kOrigins; ++i) origin_weights_[i] = kUsual[i] * kFactors[random_.below(5)];
  origin_weights_[kOnTime] += 5;
  for (const Operation& operation : operations()) {
    weights_.push_back(operation.weight * kFactors[random_.below(5)]);
  }
  weights_[0] += 100;
}

// --- rows -------------------------------------------------------------------------------------------------------------

size_t draw(Random& random, std::span<const unsigned> weights) {
  uint64_t sum = 0;
  for (unsigned weight : weights) sum += weight;
  uint64_t at = random.below(sum);
  size_t chosen = 0;
  while (at >= weights[chosen]) at -= weights[chosen++];
  return chosen;
}

TimeUs up_to(Random& random, TimeUs limit) {
  return limit <= 0 ? 0 : static_cast<TimeUs>(random.below(static_cast<uint64_t>(limit)));
}
TimeUs about(Random& random) { return static_cast<TimeUs>(random.below(3)) - 1; }

TimeUs Run::lateness_of(const Row& row) const {
  const Rules& rules = belief_.rules();
  return rules.classes[rules.class_of(kind_of(row))].lateness_us;
}

Row Run::new_row(Random& random) { return {next_id_++, static_cast<uint8_t>(random.below(kContents)), 0}; }

Row Run::earlier(Random& random) const {
  const uint64_t recent = std::min<uint64_t>(sent_.size(), 300);
  return random.chance(0.5) ? sent_[sent_.size() - 1 - random.below(recent)] : sent_[random.below(sent_.size())];
}

Row Run::make_row(Random& random, const Batch& batch) {
  auto origin = static_cast<RowOrigin>(draw(random, origin_weights_));
  bool repeats = origin == kRetry || origin == kRetryOtherTime || origin == kConflict;
  if ((repeats && sent_.empty()) || (origin == kInBatch && batch.rows.empty()) ||
      (origin == kAtHorizon && belief_.horizons().empty())) {
    origin = kOnTime;
    repeats = false;
  }
  const TimeUs arrival_us = batch.arrival_us;
  Row row = repeats              ? earlier(random)
            : origin == kInBatch ? batch.rows[random.below(batch.rows.size())]
                                 : new_row(random);
  const TimeUs on_time_us = arrival_us - up_to(random, lateness_of(row) + 1);
  switch (origin) {
    case kOnTime: row.time_us = random.chance(0.5) ? on_time_us : arrival_us - up_to(random, kMicrosPerMinute); break;
    case kAtEdge:
      row.time_us =
          about(random) + (random.chance(0.6) ? arrival_us - lateness_of(row) : arrival_us + 5 * kMicrosPerMinute);
      break;
    case kLate: row.time_us = arrival_us - lateness_of(row) - up_to(random, 3 * lateness_of(row)); break;
    case kEarly: row.time_us = arrival_us + up_to(random, 10 * kMicrosPerMinute); break;
    case kAtHorizon: {
      auto at = belief_.horizons().begin();
      std::advance(at, static_cast<ptrdiff_t>(random.below(belief_.horizons().size())));
      row.time_us = at->second + about(random);
      break;
    }
    case kAtRetention: row.time_us = belief_.reference_us() - belief_.rules().retention_us + about(random); break;
    case kRetryOtherTime: row.time_us = random.chance(0.4) ? row.time_us + about(random) : on_time_us; break;
    case kConflict: row.time_us = random.chance(0.5) ? row.time_us : on_time_us; [[fallthrough]];
    case kInBatch:
      if (origin == kInBatch && random.chance(0.6)) break;
      row.content = static_cast<uint8_t>((row.content + 1 + random.below(kContents - 1)) % kContents);
      break;
    default: break;
  }
  return row;
}

void Run::random_rows(Random& random, Batch& batch) {
  const uint64_t rows = random.chance(0.02) ? 0 : random.between(1, rows_max_);
  for (uint64_t i = 0; i < rows; ++i) batch.rows.push_back(make_row(random, batch));
  if (rows == 0 || random.chance(0.05)) batch.rejected = static_cast<uint32_t>(random.between(1, 3));
}

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
  if (full) {
    if (answer || answer.error().code != Code::kRetryLater) return fail("a table full of ids took a batch");
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

// --- the operations ---------------------------------------------------------------------------------------------------

void Run::send_rows(Random& random) {
  table_.clock.advance(up_to(random, kMicrosPerSecond));
  Batch batch{.arrival_us = table_.arrival.next(table_.clock), .rows = {}};
  random_rows(random, batch);
  send(std::move(batch), random);
}

void Run::replay_rows(Random& random) {
  Batch batch{.arrival_us = table_.arrival.next(table_.clock), .replay = true, .rows = {}};
  random_rows(random, batch);
  send(std::move(batch), random);
}

void Run::send_again(Random& random) {
  if (batches_.empty()) return;
  Batch batch = batches_[random.below(batches_.size())];
  batch.replay = random.chance(0.6);
  send(std::move(batch), random);
}

// Of rows that were sent, counted or not, and of some to come.
void Run::take_back(Random& random) {
  std::vector<uint32_t> ids;
  for (uint64_t i = 0, count = random.between(1, 8); i < count; ++i) {
    const uint64_t what = random.below(10);
    if (what < 6 && !sent_.empty()) {
      ids.push_back(earlier(random).id);
    } else if (what < 8) {
      ids.push_back(next_id_ + static_cast<uint32_t>(random.below(60)));
    } else if (!ids.empty()) {
      ids.push_back(ids[random.below(ids.size())]);
    }
  }
  if (ids.empty()) return;
  Call call = begin_call();
  call.taken_back = &ids;
  const RetractResult believed = belief_.believe_retract(ids);
  Result<RetractResult> answer = table_.retract(ids, random.next());
  result_.rows += ids.size();
  if (answer) call.taken_back_answered = true;
  if (interrupted(call, random)) return;
  if (!answer) return fail("retract", answer.error());
  if (answer->received != believed.received || answer->retracted != believed.retracted ||
      answer->waiting != believed.waiting || answer->unresolved != 0 || answer->repeated != believed.repeated) {
    return fail("another answer to a retraction: retracted " + std::to_string(answer->retracted) + " waiting " +
                std::to_string(answer->waiting) + " unresolved " + std::to_string(answer->unresolved) + " repeated " +
                std::to_string(answer->repeated) + " instead of " + std::to_string(believed.retracted) + ", " +
                std::to_string(believed.waiting) + ", 0, " + std::to_string(believed.repeated));
  }
  std::shared_ptr<const Snapshot> snapshot = table_.snapshot();
  if (snapshot == nullptr) return fail(table_.wrong);
  if (believe_taken_back(call, *snapshot)) observe(call);
}

void Run::set_lateness(Random& random) {
  Schema next = *table_.table().schema();
  ++next.version;
  const auto before = next.lateness;
  const std::vector<Rules::Class> classes = random_lateness(next, random);
  if (next.lateness == before || belief_.rules().firsts.size() > 8) return;
  Call call = begin_call();
  call.lateness = &classes;
  const Status altered = table_.alter(next);
  if (interrupted(call, random)) return;
  if (!altered) return fail("set lateness", altered.error());
  belief_.set_lateness(classes);
  table_.keep_version();
  observe(call);
}

void Run::pass_little(Random& random) { table_.clock.advance(up_to(random, belief_.rules().within_us / 10)); }
void Run::pass_window(Random& random) { table_.clock.advance(up_to(random, belief_.rules().within_us)); }
void Run::pass_windows(Random& random) {
  TimeUs longest = 0;
  for (uint32_t i = 0; i < belief_.rules().classes.size(); ++i) {
    longest = std::max(longest, belief_.rules().remembered_us(i));
  }
  table_.clock.advance(up_to(random, 2 * longest));
}

// To where a generation must still be remembered, or need not be any more, by a microsecond; then what is due is forgotten.
void Run::pass_to_edge(Random& random) {
  const std::vector<TimeUs> ends = belief_.kept_until();
  if (ends.empty()) return;
  const TimeUs ahead = ends[random.below(ends.size())] + about(random) - table_.arrival.next(table_.clock);
  if (ahead <= 0) return;
  table_.clock.advance(ahead);
  if (random.chance(0.7)) settle(random);
}

void Run::jump_clock(Random& random) {
  const TimeUs by = up_to(random, random.chance(0.5) ? 10 * kMicrosPerMinute : 2 * kMicrosPerHour);
  const TimeUs held_back = table_.arrival.last_us() - table_.clock.wall_us();
  table_.clock.jump_wall(held_back > kMicrosPerHour ? held_back : random.chance(0.5) ? by : -by);
}

void Run::flush(Random& random) {
  Call call = begin_call();
  const Status flushed = table_.flush();
  if (interrupted(call, random)) return;
  if (!flushed) return fail("flush", flushed.error());
  observe(call);
  if (!failed() && seen_->manifest().reference_us != belief_.reference_us()) fail("flush: another reference time");
}

// Nothing that can be forgotten stays: what one marker names, the next one forgets.
void Run::settle(Random& random) {
  const uint64_t failures = result_.power_failures;
  const TimeUs arrival_us = table_.arrival.next(table_.clock);
  if (belief_.remembered() + 2 >= table_.remembered_ids_max()) return;
  for (int i = 0; i < 2 && !failed(); ++i) {
    Row row = new_row(random);
    row.time_us = arrival_us;
    send({.rows = {row}}, random);
    if (!failed()) flush(random);
  }
  if (failed() || result_.power_failures != failures || !table_.may_forget()) return;
  if (!belief_.all_forgotten_by(arrival_us)) fail("ids that were due are still remembered");
}

void Run::restart(Random& random) {
  Call call = begin_call();
  seen_ = held_ = nullptr;
  const Status closed = table_.close();
  if (interrupted(call, random)) return;
  if (!closed) return fail("close", closed.error());
  {
    // What the last flush forgot, before other clocks count.
    std::shared_ptr<const Snapshot> snapshot = table_.snapshot();
    if (snapshot == nullptr) return fail(table_.wrong);
  }
  observe(call);
  seen_ = nullptr;
  if (!failed()) reopen(random);
}

void Run::kill(Random& random) {
  seen_ = held_ = nullptr;
  table_.disk.kill_process();
  table_.drop();
  reopen(random);
}

void Run::cut_power(Random& random) {
  Call call = begin_call();
  call.arrival_us = call.last_before_us;
  recover(call, random);
}

void Run::arm_power(Random& random) {
  const uint64_t changes = random.chance(0.7) ? random.between(1, 12) : random.between(1, 60);
  note("the power fails at change " + std::to_string(changes));
  table_.disk.crash_at(changes);
}

void Run::look(Random&) { verify(); }

void Run::hold(Random& random) {
  if (held_ != nullptr) compare_rows(*held_, held_sum_, "a snapshot has changed");
  held_ = random.chance(0.3) ? nullptr : table_.snapshot();
  held_sum_ = belief_.sum();
}

RunResult Run::run() {
  if (Status created = table_.create(); !created) fail("create", created.error());
  for (; action_ < options_.actions && !failed(); ++action_) {
    if (options_.left_out != nullptr && (*options_.left_out)[action_]) continue;
    Random random(options_.seed * 0x9E3779B97F4A7C15u + action_);
    const Operation& operation = operations()[draw(random, weights_)];
    note(std::string(operation.name));
    (this->*operation.act)(random);
    ++result_.operations;
  }
  if (!failed()) {
    table_.disk.crash_at(0);
    verify();
  }
  if (!failed() && held_ != nullptr) compare_rows(*held_, held_sum_, "a snapshot has changed");
  result_.failed_action = action_;
  result_.operations += result_.rows;
  result_.forgotten_ids = belief_.forgotten();
  return std::move(result_);
}

}  // namespace

void RunResult::add(const RunResult& other) {
  operations += other.operations;
  rows += other.rows;
  forgotten_ids += other.forgotten_ids;
  power_failures += other.power_failures;
  for (size_t i = 0; i < std::size(verdicts); ++i) verdicts[i] += other.verdicts[i];
  failed_action = other.failed_action;
  failure = other.failure;
}

RunResult run_model(const RunOptions& options) { return Run(options).run(); }

}  // namespace tally::model

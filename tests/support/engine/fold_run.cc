#include "tests/support/engine/fold_run.h"

#include <algorithm>

#include "base/checksum.h"
#include "tests/support/engine/fold_session.h"

namespace tally::folds {

// A weight is what a run starts from; it then drops some operations and prefers others.
std::span<const Run::Operation> Run::operations() {
  static constexpr Operation kTable[] = {
      {"send", 300, &Run::send_rows},
      {"history", 40, &Run::send_history},
      {"take back", 60, &Run::take_back},
      {"flush", 50, &Run::flush},
      {"background", 10, &Run::run_background},
      {"little", 40, &Run::pass_little},
      {"day", 25, &Run::pass_day},
      {"days", 4, &Run::pass_days},
      {"jump", 6, &Run::jump_clock},
      {"add dimension", 4, &Run::add_dimension},
      {"drop dimension", 3, &Run::drop_dimension},
      {"add measure", 4, &Run::add_measure},
      {"drop measure", 3, &Run::drop_measure},
      {"add rollup", 6, &Run::add_rollup},
      {"drop rollup", 4, &Run::drop_rollup},
      {"set retention", 4, &Run::set_retention},
      {"set grace", 2, &Run::set_grace},
      {"restart", 5, &Run::restart},
      {"kill", 2, &Run::kill},
      {"cut", 2, &Run::cut_power},
      {"arm", 8, &Run::arm_power},
      {"ask", 60, &Run::ask_some},
      {"hold", 5, &Run::hold},
  };
  return kTable;
}

namespace {

size_t draw(Random& random, std::span<const unsigned> weights) {
  uint64_t sum = 0;
  for (unsigned weight : weights) sum += weight;
  uint64_t at = random.below(sum);
  size_t chosen = 0;
  while (at >= weights[chosen]) at -= weights[chosen++];
  return chosen;
}

// Of a copy: what else a seed draws stays as it is.
uint32_t random_chunk_rows(Random random) {
  constexpr uint32_t kRows[] = {limits::kChunkRows, 8, 64, 512};
  return kRows[random.below(4)];
}

TableOptions random_options(Random& random) {
  TableOptions options;
  options.threads = false;
  options.shards = static_cast<uint32_t>(random.between(1, 3));
  options.memtable_bytes_max = random.chance(0.5) ? 512 * limits::kMiB : random.between(16, 128) * limits::kKiB;
  options.log_file_bytes = 64 * limits::kKiB;
  options.forget_boottime_us = 0;
  constexpr uint32_t kBlockRows[] = {16, 64, 2048};
  options.segment_block_rows = kBlockRows[random.below(3)];
  options.chunk_rows = random_chunk_rows(random);
  BackgroundPolicy& policy = options.background_policy;
  // Days that are closed before they end are folded again and again as rows come.
  policy.close_after_us = random.chance(0.4) ? -30 * kMicrosPerDay : kMicrosPerHour;
  policy.late_files = 1 + random.below(4);
  policy.join_files = 2 + random.below(4);
  policy.join_bytes_min = random.chance(0.5) ? limits::kMiB : 4 * limits::kKiB;
  if (random.chance(0.3)) policy.join_bytes_max = random.between(1, 64) * limits::kKiB;
  return options;
}

}  // namespace

Run::Run(const RunOptions& options)
    : options_(options),
      seeded_(options.seed),
      random_(options.seed),
      disk_(options.seed),
      table_options_(random_options(random_)),
      rows_max_(random_.chance(0.3) ? random_.between(1, 8) : random_.between(20, 120)) {
  constexpr TimeUs kWindows[] = {2 * kMicrosPerHour, 12 * kMicrosPerHour, 30 * kMicrosPerHour};
  within_us_ = kWindows[random_.below(3)];
  constexpr unsigned kFactors[] = {0, 1, 1, 1, 4};
  for (const Operation& operation : operations()) weights_.push_back(operation.weight * kFactors[random_.below(5)]);
  weights_[0] += 100;
}

// --- rows -------------------------------------------------------------------------------------------------------------

Row Run::new_row(Random& random, TimeUs time_us) {
  Row row{.time_us = time_us, .id = next_id_++};
  for (size_t slot = 0; slot < kSlots; ++slot) {
    if (shadow_.column_of(slot) == 0 || random.chance(0.15)) continue;
    row.values[slot] = static_cast<uint8_t>(1 + random.below(slot == 0 ? kValues : 3));
  }
  row.amount = static_cast<uint8_t>(random.chance(0.97) ? 3 + random.below(kAmounts - 3) : random.below(3));
  row.user = static_cast<uint8_t>(random.below(kUsers));
  return row;
}

// Retries come while their time is still admitted, so that they stand in the bucket of it: within the window, and within what
// the table keeps, which may be less once a rollup is gone.
std::optional<Row> Run::make_row(Random& random, bool history) {
  const TimeUs now = now_us();
  if (history) return new_row(random, now - up_to(random, 25 * kMicrosPerDay));
  if (!sent_.empty() && random.chance(0.12)) {
    const uint64_t recent = std::min<uint64_t>(sent_.size(), 200);
    const Sent& before = sent_[sent_.size() - 1 - random.below(recent)];
    const TimeUs oldest = std::min(before.arrival_us, before.row.time_us);
    const TimeUs admitted_us = std::min(within_us_ * 9 / 10, last_tier_retention_us(*table_->schema()));
    if (before.row.version != version_ || now - oldest > admitted_us) return std::nullopt;
    Row row = before.row;
    if (random.chance(0.3)) row.amount = static_cast<uint8_t>(3 + (row.amount + 1) % (kAmounts - 3));
    return row;
  }
  const TimeUs age = random.chance(0.6) ? up_to(random, 10 * kMicrosPerMinute) : up_to(random, within_us_ * 11 / 10);
  return new_row(random, now - age);
}

IngestBatch Run::encode(const Schema& schema, const std::vector<Row>& rows, bool replay) const {
  auto position = [&](std::string_view name) {
    return static_cast<size_t>(schema.find_column(name) - schema.columns.data());
  };
  const size_t amount = position("amount"), user = position("user");
  size_t dimensions[kSlots] = {};
  for (size_t slot = 0; slot < kSlots; ++slot) {
    if (const uint32_t id = shadow_.column_of(slot)) {
      dimensions[slot] = static_cast<size_t>(schema.find_column(id) - schema.columns.data());
    }
  }
  BatchBuilder builder(schema);
  for (const Row& row : rows) {
    builder.set_time(row.time_us);
    builder.set_id("e" + std::to_string(row.id));
    for (size_t slot = 0; slot < kSlots; ++slot) {
      if (row.values[slot] != 0) builder.set_string(dimensions[slot], value_text(row.values[slot]));
    }
    if (const auto value = amount_of(row.amount)) builder.set_int64(amount, *value);
    if (row.user != 0) builder.set_string(user, user_text(row.user));
    TALLY_CHECK(builder.end_row().has_value());
  }
  IngestBatch batch;
  batch.payload = builder.finish();
  batch.payload_xxh3 = xxh3(batch.payload);
  batch.replay = replay;
  return batch;
}

void Run::send(std::vector<Row> rows, bool replay, Random& random) {
  if (rows.empty()) return;
  for (Row& row : rows) row.version = version_;
  const TimeUs arrival_us = now_us();
  IngestBatch batch = encode(*table_->schema(), rows, replay);
  for (const Row& row : rows) sent_.push_back({row, arrival_us});
  for (Row& row : rows) row.late = arrival_us - row.time_us > grace_us_;
  result_.rows += rows.size();
  if (const auto before = table_->snapshot()) known_lsn_ = (*before)->lsn();
  const Result<BatchResult> answer = table_->ingest(std::move(batch));
  Doubt doubt;
  if (answer) {
    take(std::move(rows), *answer);
  } else {
    doubt.batch = std::move(rows);
  }
  if (interrupted(doubt, random)) return;
  const bool waits =
      !answer && jumped_us_ != 0 && answer.error().code == Code::kRetryLater;  // for the clock to be settled
  if (!answer && !waits) fail("send", answer.error());
}

void Run::take(std::vector<Row> rows, const BatchResult& answer) {
  shadow_.settle_values(rows);
  size_t next = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    Verdict verdict = Verdict::kAccepted;
    if (next < answer.not_accepted.size() && answer.not_accepted[next].row == i) {
      verdict = answer.not_accepted[next++].verdict;
    }
    ++result_.verdicts[static_cast<size_t>(verdict)];
    Row& row = rows[i];
    if (verdict == Verdict::kDuplicate || verdict == Verdict::kConflict) {
      row.kind = verdict == Verdict::kDuplicate ? RowKind::kDuplicate : RowKind::kConflict;
      shadow_.add(row);
    }
    if (verdict != Verdict::kAccepted) continue;
    shadow_.add(row);
    counted_[row.id] = row;
    newest_us_ = std::max(newest_us_, row.time_us);
  }
  ledger_ += answer.counts;
}

void Run::send_rows(Random& random) {
  clock_.advance(up_to(random, kMicrosPerSecond));
  std::vector<Row> rows;
  std::vector<uint32_t> ids;
  for (uint64_t i = 0, count = random.between(1, rows_max_); i < count; ++i) {
    const std::optional<Row> row = make_row(random, false);
    if (!row || std::ranges::find(ids, row->id) != ids.end()) continue;
    ids.push_back(row->id);
    rows.push_back(*row);
  }
  send(std::move(rows), random.chance(0.1), random);
}

void Run::send_history(Random& random) {
  std::vector<Row> rows;
  for (uint64_t i = 0, count = random.between(1, rows_max_); i < count; ++i) rows.push_back(*make_row(random, true));
  send(std::move(rows), true, random);
}

void Run::take_back(Random& random) {
  if (counted_.empty()) return;
  auto event = counted_.lower_bound(static_cast<uint32_t>(random.below(next_id_)));
  if (event == counted_.end()) event = counted_.begin();
  Row row = event->second;
  row.kind = RowKind::kRetraction;
  row.late = false;
  ++result_.rows;
  const auto answer = table_->retract({.ids = {"e" + std::to_string(row.id)}, .by = "model", .reason = ""});
  Doubt doubt;
  if (!answer) {
    doubt.taken_back = row;
  } else if (answer->retracted == 1) {
    shadow_.add(row);
    ++ledger_.retracted;
  } else if (answer->unresolved + answer->waiting != 1) {
    fail("a retraction of a counted event has another answer");
  } else if (row.time_us > now_us() - shortest_.at({0, Tier::kRaw})) {
    // Only of an event that raw, or even the table's memory, has let go.
    fail("an event that raw has is not found there");
  }
  if (answer || disk_.crashed()) counted_.erase(event);
  if (interrupted(doubt, random)) return;
  if (!answer) fail("retract", answer.error());
}

// --- time and the background --------------------------------------------------------------------------------------------

void Run::flush(Random& random) {
  const Status flushed = table_->flush();
  if (interrupted({}, random)) return;
  if (!flushed) fail("flush", flushed.error());
}

void Run::run_background(Random& random) {
  const Status done = table_->run_background();
  if (interrupted({}, random)) return;
  if (!done) fail("background", done.error());
}

void Run::pass_little(Random& random) { clock_.advance(up_to(random, 2 * kMicrosPerHour)); }
void Run::pass_day(Random& random) { clock_.advance(up_to(random, 30 * kMicrosPerHour)); }
void Run::pass_days(Random& random) { clock_.advance(up_to(random, 10 * kMicrosPerDay)); }

// Ahead by hours or by years: not believed, until it comes back.
void Run::jump_clock(Random& random) {
  if (jumped_us_ != 0) return end_jump();
  jumped_us_ = kMicrosPerHour + 1 + up_to(random, random.chance(0.5) ? 5 * kMicrosPerDay : 800 * kMicrosPerDay);
  clock_.jump_wall(jumped_us_);
}

void Run::end_jump() {
  clock_.jump_wall(-jumped_us_);
  jumped_us_ = 0;
}

void Run::arm_power(Random& random) {
  const uint64_t changes = random.chance(0.6) ? random.between(1, 15) : random.between(1, 120);
  note("the power fails at change " + std::to_string(changes));
  disk_.crash_at(changes);
}

RunResult Run::run() {
  if (Status made = init_database(disk_, "/db"); !made) fail("init", made.error());
  if (Status opened = open(table_options_.shards); !opened) fail("create", opened.error());
  for (; action_ < options_.actions && !failed(); ++action_) {
    if (options_.left_out != nullptr && (*options_.left_out)[action_]) continue;
    Random random(options_.seed * 0x9E3779B97F4A7C15u + action_);
    const Operation& operation = operations()[draw(random, weights_)];
    note(std::string(operation.name));
    (this->*operation.act)(random);
    ++result_.operations;
    if (failed() || !random.chance(0.25)) continue;
    if (auto snapshot = look()) ask(*snapshot, random);
  }
  if (!failed()) check_files();
  result_.failed_action = action_;
  result_.operations += result_.rows + result_.counted["questions"];
  return std::move(result_);
}

RunResult run_folds(const RunOptions& options) { return Run(options).run(); }

}  // namespace tally::folds

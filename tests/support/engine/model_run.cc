#include "tests/support/engine/model_run.h"

#include <algorithm>

#include "tests/support/engine/model_session.h"

namespace tally::model {

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
      {"confirm the clock", 2, &Run::confirm_clock},
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

namespace {

size_t draw(Random& random, std::span<const unsigned> weights) {
  uint64_t sum = 0;
  for (unsigned weight : weights) sum += weight;
  uint64_t at = random.below(sum);
  size_t chosen = 0;
  while (at >= weights[chosen]) at -= weights[chosen++];
  return chosen;
}

}  // namespace

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

// `tally clock confirm`.
void Run::confirm_clock(Random& random) {
  Call call = begin_call();
  const Status confirmed = table_.table().confirm_clock();
  if (interrupted(call, random)) return;
  const bool behind = table_.arrival.behind(table_.clock) && !table_.arrival.ahead(table_.clock);
  if (confirmed.has_value() == behind) return fail("confirm: a clock that is behind, or one that is not, was taken");
  if (confirmed) table_.arrival.confirm(table_.clock);
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

void RunResult::add(const RunResult& other) {
  operations += other.operations;
  rows += other.rows;
  forgotten_ids += other.forgotten_ids;
  power_failures += other.power_failures;
  for (size_t i = 0; i < std::size(verdicts); ++i) verdicts[i] += other.verdicts[i];
  for (const auto& [what, count] : other.counted) counted[what] += count;
  failed_action = other.failed_action;
  failure = other.failure;
}

RunResult run_model(const RunOptions& options) { return Run(options).run(); }

}  // namespace tally::model

// The sequencer's part in what is believed of the clock: `tally clock confirm` and `back`, and the batches that wait for them.
#include "base/checksum.h"
#include "base/timestamp.h"
#include "engine/sequencer.h"

namespace tally {
namespace {

// Some row would be refused at that arrival, and not at what the wall clock reads.
bool refused_by_arrival_alone(const PendingBatch& pending, TimeUs arrival_us, TimeUs wall_us) {
  std::vector<DecisionRules> rules;
  for (size_t i = 0; i <= pending.schema->lateness.size(); ++i) {
    rules.push_back({.lateness_us = lateness_of(*pending.schema, i), .last_tier_retention_us = INT64_MAX});
  }
  const auto verdict_at = [&](size_t row, TimeUs at_us) {
    return decide(SeenIds::Probe::kNew, pending.batch->times[row],
                  {.arrival_us = at_us, .reference_us = 0, .replay = pending.replay},
                  rules[pending.lateness_classes[row]]);
  };
  for (size_t row = 0; row < pending.batch->times.size(); ++row) {
    if (verdict_at(row, arrival_us) == Verdict::kAccepted) continue;
    if (verdict_at(row, wall_us) == Verdict::kAccepted) return true;
  }
  return false;
}

}  // namespace

ClockBelief Sequencer::clock_belief() const {
  std::lock_guard lock(mutex_);
  return clock_belief_;
}

ClockStatus Sequencer::clock_status() const {
  return judge_clock(*config_.clock, clock_belief(), config_.forget_boottime_us);
}

void Sequencer::change_clock() {
  ClockChange change = std::move(waiting_clock_changes_.front());
  waiting_clock_changes_.erase(waiting_clock_changes_.begin());
  const Status changed = change.back ? log_clock_back() : confirm_clock();
  publish_clock();
  if (!changed || !change.back) return change.done(changed);
  waiting_flushes_.push_back(in_force(std::move(change.done)));
  place_marker();
}

Status Sequencer::confirm_clock() {
  TALLY_TRY(health());
  const ClockStatus now = arrival_.judge(0);
  if (now.state == ClockState::kBehind) {
    return fail(Code::kInvalidArgument,
                "the wall clock reads " + format_timestamp(now.wall_us) + ", and the newest record arrived at " +
                    format_timestamp(now.last_arrival_us) + ": confirm cannot take that back, `tally clock back` does");
  }
  arrival_.confirm();
  return {};
}

// Below the newest FORGET record arrival cannot go: rows that were live then would stand behind its horizons.
Status Sequencer::log_clock_back() {
  TALLY_TRY(health());
  const ClockStatus now = arrival_.judge(0);
  if (now.wall_us >= now.last_arrival_us) {
    return fail(Code::kInvalidArgument, "no record has arrived after " + format_timestamp(now.wall_us) +
                                            ", what the wall clock reads: there is nothing to go back from");
  }
  if (now.wall_us < newest_forget_us_) {
    return fail(Code::kInvalidArgument, "ids were forgotten at " + format_timestamp(newest_forget_us_) +
                                            ": arrival cannot go back to " + format_timestamp(now.wall_us) +
                                            ", where rows may carry them; it waits until the wall clock is there");
  }
  drain_log();
  TALLY_TRY(health());
  if (Status room = log_->reserve(limits::kLogAlignment); !room) {
    if (room.error().code != Code::kNoSpace) poison(room.error());
    return room;
  }
  arrival_.go_back();
  // What may be forgotten was named by an arrival that is taken back; the flush behind the record names it by the right one.
  forgettable_.clear();
  forgetting_ = false;
  const AppendRecord record{.type = RecordType::kClockBack,
                            .arrival_us = arrival_.last(),
                            .reference_us = reference_us_,
                            .meta = {},
                            .payload = {},
                            .payload_xxh3 = xxh3({})};
  Result<Lsn> lsn = log_->append({&record, 1});
  if (!lsn) {
    poison(lsn.error());
    return std::unexpected(lsn.error());
  }
  auto logged = std::make_shared<LoggedBatch>();
  logged->clock_back = arrival_back_ = true;
  log_alone(std::move(logged), *lsn, record.arrival_us);
  drain_log();
  return health();
}

void Sequencer::publish_clock() {
  std::lock_guard lock(mutex_);
  clock_belief_ = arrival_.belief();
}

// While the wall clock is not believed, and may be right: a row that it would admit is not refused for good. Its batch waits for
// the one who knows; whatever arrival admits goes on.
void Sequencer::hold_for_clock(std::vector<PendingBatch>& batches) {
  const ClockStatus now = arrival_.judge(0);
  if (!now.suspended()) return;
  std::erase_if(batches, [&](PendingBatch& pending) {
    if (pending.batch == nullptr || !refused_by_arrival_alone(pending, now.arrival_us, now.wall_us)) return false;
    pending.done(fail(Code::kRetryLater, "the wall clock is " + std::string(clock_state_name(now.state)) +
                                             " and not believed; at the arrival of now, " +
                                             format_timestamp(now.arrival_us) +
                                             ", rows of this batch would be refused that it would admit: nothing of it "
                                             "was logged (`tally clock show` says what to do)"));
    return true;
  });
}

}  // namespace tally

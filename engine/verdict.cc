#include "engine/verdict.h"

#include "base/limits.h"

namespace tally {
namespace {

// a - b, held at the lowest value instead of wrapping: any event time may have been sent.
TimeUs minus(TimeUs a, TimeUs b) {
  TimeUs result;
  return __builtin_sub_overflow(a, b, &result) ? INT64_MIN : result;
}
TimeUs plus(TimeUs a, TimeUs b) {
  TimeUs result;
  return __builtin_add_overflow(a, b, &result) ? INT64_MAX : result;
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAccepted: return "accepted";
    case Verdict::kDuplicate: return "duplicate";
    case Verdict::kConflict: return "conflict";
    case Verdict::kTooLate: return "too_late";
    case Verdict::kTooEarly: return "too_early";
    case Verdict::kPastRetention: return "past_retention";
    case Verdict::kRejected: return "rejected";
  }
  return "unknown";
}

Verdict decide(SeenIds::Probe seen, TimeUs event_us, const RecordTimes& times, const DecisionRules& rules) {
  if (seen == SeenIds::Probe::kSameDigest) return Verdict::kDuplicate;
  if (seen == SeenIds::Probe::kOtherDigest) return Verdict::kConflict;
  if (event_us > plus(times.arrival_us, limits::kFutureSkewUs)) return Verdict::kTooEarly;
  bool late = event_us < minus(times.arrival_us, rules.lateness_us);
  if (late && !times.replay) return Verdict::kTooLate;
  if (rules.horizon_us != INT64_MIN && event_us <= rules.horizon_us) return Verdict::kTooLate;
  if (event_us < minus(times.reference_us, rules.last_tier_retention_us)) {
    return Verdict::kPastRetention;
  }
  return Verdict::kAccepted;
}

}  // namespace tally

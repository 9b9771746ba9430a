#include "engine/verdict.h"

#include <doctest/doctest.h>

#include "base/limits.h"

using namespace tally;
using Probe = SeenIds::Probe;

TEST_CASE("verdicts: every rule at its edge") {
  constexpr TimeUs kNow = 1'700'000'000 * kMicrosPerSecond;
  constexpr TimeUs kLate = 72 * kMicrosPerHour;
  constexpr TimeUs kKept = 730 * kMicrosPerDay;
  constexpr TimeUs kSkew = limits::kFutureSkewUs;
  struct Case {
    const char* what;
    Probe seen;
    TimeUs event_us;
    bool replay;
    Verdict want;
  };
  const Case cases[] = {
      {"on time", Probe::kNew, kNow, false, Verdict::kAccepted},
      {"the newest possible", Probe::kNew, kNow + kSkew, false, Verdict::kAccepted},
      {"too early", Probe::kNew, kNow + kSkew + 1, false, Verdict::kTooEarly},
      {"too early, replayed", Probe::kNew, kNow + kSkew + 1, true, Verdict::kTooEarly},
      {"the oldest possible", Probe::kNew, kNow - kLate, false, Verdict::kAccepted},
      {"too late", Probe::kNew, kNow - kLate - 1, false, Verdict::kTooLate},
      {"history, replayed", Probe::kNew, kNow - kLate - 1, true, Verdict::kAccepted},
      {"the oldest history", Probe::kNew, kNow - kKept, true, Verdict::kAccepted},
      {"past retention", Probe::kNew, kNow - kKept - 1, true, Verdict::kPastRetention},
      {"past retention, live", Probe::kNew, kNow - kKept - 1, false, Verdict::kTooLate},
      {"a retry", Probe::kSameDigest, kNow, false, Verdict::kDuplicate},
      {"a retry, however old", Probe::kSameDigest, kNow - kKept - 1, false, Verdict::kDuplicate},
      {"a retry from the future", Probe::kSameDigest, kNow + kKept, false, Verdict::kDuplicate},
      {"a conflict", Probe::kOtherDigest, kNow - kKept - 1, true, Verdict::kConflict},
      {"the lowest time", Probe::kNew, INT64_MIN, false, Verdict::kTooLate},
      {"the lowest time, replayed", Probe::kNew, INT64_MIN, true, Verdict::kPastRetention},
      {"the highest time", Probe::kNew, INT64_MAX, false, Verdict::kTooEarly},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    RecordTimes times{.arrival_us = kNow, .reference_us = kNow, .replay = c.replay};
    DecisionRules rules{.lateness_us = kLate, .last_tier_retention_us = kKept};
    CHECK(decide(c.seen, c.event_us, times, rules) == c.want);
  }
}

TEST_CASE("retention is counted from the reference time, not from arrival") {
  constexpr TimeUs kYear = 365 * kMicrosPerDay;
  RecordTimes times{.arrival_us = 50 * kYear, .reference_us = 45 * kYear, .replay = true};
  DecisionRules rules{.lateness_us = kMicrosPerDay, .last_tier_retention_us = 2 * kYear};
  CHECK(decide(Probe::kNew, 43 * kYear, times, rules) == Verdict::kAccepted);
  CHECK(decide(Probe::kNew, 43 * kYear - 1, times, rules) == Verdict::kPastRetention);
}

TEST_CASE("sums of extreme times do not wrap") {
  RecordTimes times{.arrival_us = INT64_MAX, .reference_us = INT64_MIN, .replay = true};
  DecisionRules rules{.lateness_us = INT64_MAX, .last_tier_retention_us = INT64_MAX};
  CHECK(decide(Probe::kNew, INT64_MAX, times, rules) == Verdict::kAccepted);
  CHECK(decide(Probe::kNew, INT64_MIN, times, rules) == Verdict::kAccepted);
}

TEST_CASE("verdicts have the names of the wire") {
  CHECK(verdict_name(Verdict::kAccepted) == "accepted");
  CHECK(verdict_name(Verdict::kTooLate) == "too_late");
  CHECK(verdict_name(Verdict::kPastRetention) == "past_retention");
}

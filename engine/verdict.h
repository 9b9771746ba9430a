// The pure decision on one row (architecture.md, Apply): a function of the record it came in and of what its shard
// remembers; it reads no clock and no background state, so that a replay decides the same.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "engine/seen_ids.h"

namespace tally {

enum class Verdict : uint8_t {
  kAccepted = 0,
  kDuplicate = 1,      // same id, same content: already counted
  kConflict = 2,       // same id, other content: not counted, worth a look
  kTooLate = 3,        // older than the lateness allows: send with replay if it is history; or at or before the horizon
  kTooEarly = 4,       // event time ahead of arrival by more than limits::kFutureSkewUs
  kPastRetention = 5,  // older than anything the table keeps
  kRejected = 6,       // the row itself is invalid (decided before it came here)
};
std::string_view verdict_name(Verdict verdict);  // "accepted", "duplicate", ..., as on the wire and in files

struct RecordTimes {
  TimeUs arrival_us = 0;
  TimeUs reference_us = 0;
  bool replay = false;  // waives the lateness check alone
};

struct DecisionRules {
  TimeUs lateness_us = 0;             // of the row's class
  TimeUs last_tier_retention_us = 0;  // the longest; rows older than reference - this are past retention
  TimeUs horizon_us = INT64_MIN;      // of the row's class and day (horizons.h): ids up to it may be forgotten
};

// Order matters: what is remembered is answered as duplicate or conflict however old it is.
Verdict decide(SeenIds::Probe seen, TimeUs event_us, const RecordTimes& times, const DecisionRules& rules);

}  // namespace tally

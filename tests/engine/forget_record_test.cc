#include "engine/forget_record.h"

#include <doctest/doctest.h>

#include "base/bytes.h"
#include "engine/horizons.h"
#include "engine/verdict.h"

using namespace tally;

TEST_CASE("FORGET record: as the example of the header has it, and back; cut or changed it is refused") {
  const ForgetRecord record{.id = {.lateness_class = 1, .generation = 5}, .newest = {{0, 9}}};
  Bytes bytes;
  encode_forget(record, bytes);
  CHECK(hex(bytes) == "01000000010000000500000000000000010000000000000009" + std::string(14, '0'));
  const ForgetRecord decoded = decode_forget(bytes).value();
  CHECK(decoded.id == record.id);
  CHECK(decoded.newest == record.newest);
  for (size_t length = 0; length < bytes.size(); ++length) CHECK_FALSE(decode_forget(ByteSpan(bytes).first(length)));
  Bytes longer = bytes;
  longer.push_back(0);
  CHECK_FALSE(decode_forget(longer));
  Bytes newer = bytes;
  newer[0] = 2;
  CHECK(decode_forget(newer).error().code == Code::kUnsupported);
  Bytes other_day = bytes;
  other_day[20] = 1;
  CHECK(decode_forget(other_day).error().code == Code::kCorruption);
}

TEST_CASE("horizons: by class and day, forward only") {
  Horizons horizons;
  CHECK(horizons.of(0, 0) == Horizons::kNone);
  horizons.advance(1, {0, 50});
  horizons.advance(1, {0, 40});
  horizons.advance(1, {2, 2 * kMicrosPerDay + 7});
  CHECK(horizons.of(1, 0) == 50);
  CHECK(horizons.of(1, 51) == 50);
  CHECK(horizons.of(1, kMicrosPerDay) == Horizons::kNone);
  CHECK(horizons.of(1, 2 * kMicrosPerDay) == 2 * kMicrosPerDay + 7);
  CHECK(horizons.of(1, 3 * kMicrosPerDay) == Horizons::kNone);
  CHECK(horizons.of(0, 0) == Horizons::kNone);
  CHECK(horizons.of(2, 0) == Horizons::kNone);
}

TEST_CASE("verdict: at or before the horizon a new row is too late, a known one is what it was") {
  const RecordTimes times{.arrival_us = 100, .reference_us = 100, .replay = true};
  const DecisionRules rules{.lateness_us = 10, .last_tier_retention_us = 1'000, .horizon_us = 50};
  CHECK(decide(SeenIds::Probe::kNew, 50, times, rules) == Verdict::kTooLate);
  CHECK(decide(SeenIds::Probe::kNew, 51, times, rules) == Verdict::kAccepted);
  CHECK(decide(SeenIds::Probe::kSameDigest, 50, times, rules) == Verdict::kDuplicate);
  CHECK(decide(SeenIds::Probe::kOtherDigest, 50, times, rules) == Verdict::kConflict);
}

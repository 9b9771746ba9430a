// Spans of time as text, as PostgreSQL reads them: '72 hours', '7 days', '5 minutes', '30 s', '1 day 12:30:00', '1.5 hours',
// '-1 week'. Units in any case, singular, plural or short: us, ms, s, sec, m, min, h, hr, d, w, mon, y and their long names.
// A day is 24 hours (everything is UTC); months and years have no fixed length and stay apart. A bare number is refused.
// Errors are kInvalidArgument and quote the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"

namespace tally {

struct Interval {
  int64_t months = 0;
  TimeUs us = 0;
  bool operator==(const Interval&) const = default;
};

Result<Interval> parse_interval(std::string_view text);

// For what must have a fixed length (windows, retention, lateness): refuses months and years, says "30 days" instead.
Result<TimeUs> parse_duration(std::string_view text);

// "7 days", "1 hour 30 minutes", "0.25 seconds"; parses back to the same value.
std::string format_duration(TimeUs duration);
std::string format_interval(Interval interval);

}  // namespace tally

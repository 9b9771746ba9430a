// Timestamps as text: microseconds since 1970-01-01T00:00:00Z, proleptic Gregorian calendar, no time zones but offsets.
//
// Read     2019-11-24T00:01:03.979311Z    2019-11-24 00:01:03+09:00    2019-11-24 00:01    2019-11-24
//          'T', 't' or a blank between date and time; seconds and their fraction may be missing; a fraction of more than six
//          digits must go on with zeros; second 60 is the next minute's first (a leap second). Offsets: Z, UTC, +09,
//          +0900, +09:00; none means UTC. Years 0001 to 9999.
//          1574553663    1574553663979    1574553663979311    1574553663.979311
//          epoch seconds below 1e11, milliseconds below 1e14, microseconds below 1e17, by magnitude; a fraction as far as
//          microseconds reach. (So milliseconds before 1973-03-03 read as seconds.)
// Written  2019-11-24T00:01:03.979311Z, and 2019-11-24T00:01:03Z where the fraction is zero.
// Errors are kInvalidArgument, quote the text and say what is wrong with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"

namespace tally {

Result<TimeUs> parse_timestamp(std::string_view text);      // any of the forms above
Result<TimeUs> parse_iso_timestamp(std::string_view text);  // for SQL literals: no epoch numbers
Result<TimeUs> epoch_to_us(int64_t epoch);                  // s, ms or us by magnitude

std::string format_timestamp(TimeUs time);
void append_timestamp(std::string& out, TimeUs time);

// The calendar, for date_trunc and partitions (Howard Hinnant's algorithms).
struct CivilDate {
  int64_t year = 1970;
  unsigned month = 1;  // 1 to 12
  unsigned day = 1;    // 1 to 31
  bool operator==(const CivilDate&) const = default;
};
int64_t days_from_civil(CivilDate date);  // days since 1970-01-01
CivilDate civil_from_days(int64_t days);
unsigned days_in_month(int64_t year, unsigned month);

// Rounds towards the past, before 1970 too. `unit` above 0.
constexpr TimeUs floor_to(TimeUs time, TimeUs unit) {
  TimeUs within = time % unit;
  return time - (within < 0 ? within + unit : within);
}

}  // namespace tally

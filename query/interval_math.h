// Arithmetic of intervals and moments. Everything is UTC: a day is 24 hours; months stay apart, since they have no fixed
// length. nullopt is overflow.
#pragma once

#include <optional>

#include "base/interval.h"
#include "query/numeric.h"

namespace tally {

std::optional<Interval> add(const Interval& a, const Interval& b);
std::optional<Interval> multiply(const Interval& interval, int64_t factor);
// Months first, the day cut to the month's last: 31 January + 1 month is 28 or 29 February.
std::optional<TimeUs> add(TimeUs time, const Interval& interval);
// Length for comparisons, with months of 30 days.
Int128 approximate_us(const Interval& interval);

Int128 pack(const Interval& interval);
Interval unpack_interval(Int128 packed);

}  // namespace tally

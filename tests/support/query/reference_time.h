// Buckets of time by their definition: the civil time cut to the width, and the moment at which it was that time. Of cctz only
// the offset at a moment is asked; the rest is looked for step by step, unlike in query/time_bucket.cc.
#pragma once

#include <optional>
#include <string>

#include "base/interval.h"

namespace tally::reference {

// date_trunc's unit as a width.
std::optional<Interval> width_of_unit(const std::string& unit);

// The begin of the bucket of `width` that `time` lies in; `zone` empty: UTC.
TimeUs bucket_begin(const Interval& width, const std::string& zone, TimeUs time);
// The begin of the bucket behind the one that begins at `begin`.
TimeUs next_bucket(const Interval& width, const std::string& zone, TimeUs begin);

// Months first, the day cut to the month's last; nullopt: outside 64 bits.
std::optional<TimeUs> add_interval(TimeUs time, const Interval& interval);

}  // namespace tally::reference

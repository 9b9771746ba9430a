// Where the lines of a chart's axes stand and what is written beside them. Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace tally {

// Ends at round numbers, and includes zero unless the values are all far from it compared with how they vary.
struct ValueAxis {
  double from = 0;
  double to = 1;
  double step = 1;  // 1, 2 or 5 times a power of ten
};
ValueAxis value_axis(double smallest, double largest, size_t steps_max);
std::string axis_label(double value, double step);  // as many digits as the step has; thousands grouped

struct TimeTick {
  TimeUs at = 0;
  std::string label;  // 2019, 2019-11, 11-24, 06:00 or 06:00:30: what changes from tick to tick
};
// At most `ticks_max` round moments (UTC) within [from, to].
std::vector<TimeTick> time_ticks(TimeUs from, TimeUs to, size_t ticks_max);

// Four significant digits, thousands grouped: 1,234 0.005172 12.5
std::string short_number(double value);

}  // namespace tally

#include "tools/shell/chart_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/timestamp.h"
#include "tools/shell/result_text.h"

namespace tally {

namespace {

constexpr double kNearZero = 0.5;  // the smallest value is above this share of the largest: zero may be left out

// The smallest of 1, 2, 5 times a power of ten that is not below `rough`.
double round_step(double rough) {
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

constexpr std::array kTimeSteps{kMicrosPerSecond,    5 * kMicrosPerSecond, 15 * kMicrosPerSecond, 30 * kMicrosPerSecond,
                                kMicrosPerMinute,    5 * kMicrosPerMinute, 15 * kMicrosPerMinute, 30 * kMicrosPerMinute,
                                kMicrosPerHour,      2 * kMicrosPerHour,   3 * kMicrosPerHour,    6 * kMicrosPerHour,
                                12 * kMicrosPerHour, kMicrosPerDay,        2 * kMicrosPerDay,     7 * kMicrosPerDay,
                                14 * kMicrosPerDay};

TimeUs month_begin(int64_t month_number) {  // months since year 0
  return days_from_civil({month_number / 12, static_cast<unsigned>(month_number % 12) + 1, 1}) * kMicrosPerDay;
}

std::vector<TimeTick> month_ticks(TimeUs from, TimeUs to, size_t ticks_max) {
  for (const int64_t step : {1, 3, 6, 12, 24, 60, 120, 600, 1200}) {
    std::vector<TimeTick> ticks;
    const CivilDate first = civil_from_days(floor_to(from, kMicrosPerDay) / kMicrosPerDay);
    int64_t month = first.year * 12 + first.month - 1;
    month -= month % step;
    for (; month_begin(month) <= to; month += step) {
      if (month_begin(month) < from) continue;
      ticks.push_back({month_begin(month), fmt::format("{:04}-{:02}", month / 12, month % 12 + 1)});
      if (ticks.size() > ticks_max) break;
    }
    if (ticks.size() <= ticks_max) return ticks;
  }
  return {};
}

std::string time_label(TimeUs at, TimeUs step) {
  const std::string text = format_timestamp(at);  // 2019-11-24T06:00:00Z
  if (step >= kMicrosPerDay || at % kMicrosPerDay == 0) return text.substr(5, 5);
  return step >= kMicrosPerMinute ? text.substr(11, 5) : text.substr(11, 8);
}

}  // namespace

ValueAxis value_axis(double smallest, double largest, size_t steps_max) {
  if (smallest > 0 && smallest <= kNearZero * largest) smallest = 0;
  if (largest < 0 && largest >= kNearZero * smallest) largest = 0;
  if (smallest == largest) {
    if (smallest > 0)
      smallest = 0;
    else if (largest < 0)
      largest = 0;
    else
      largest = 1;
  }
  ValueAxis axis;
  axis.step = round_step((largest - smallest) / static_cast<double>(std::max<size_t>(steps_max, 1)));
  axis.from = std::floor(smallest / axis.step + 1e-9) * axis.step;
  axis.to = std::ceil(largest / axis.step - 1e-9) * axis.step;
  return axis;
}

std::string axis_label(double value, double step) {
  const int digits = std::clamp(static_cast<int>(-std::floor(std::log10(step) + 1e-9)), 0, 12);
  if (std::abs(value) < step / 1000) value = 0;
  return grouped_digits(fmt::format("{:.{}f}", value, digits));
}

std::vector<TimeTick> time_ticks(TimeUs from, TimeUs to, size_t ticks_max) {
  if (ticks_max == 0) return {};
  for (const TimeUs step : kTimeSteps) {
    const TimeUs first = floor_to(from + step - 1, step);
    if (first > to) return {{from, time_label(from, kMicrosPerSecond)}};
    if (static_cast<size_t>((to - first) / step) + 1 > ticks_max) continue;
    std::vector<TimeTick> ticks;
    for (TimeUs at = first; at <= to; at += step) ticks.push_back({at, time_label(at, step)});
    return ticks;
  }
  return month_ticks(from, to, ticks_max);
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return fmt::format("{}", value);
  if (value == 0) return "0";
  const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value))));
  std::string text = fmt::format("{:.{}f}", value, std::clamp(3 - magnitude, 0, 15));
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  return grouped_digits(text);
}

}  // namespace tally

#include "tests/support/query/reference_time.h"

#include <cctz/time_zone.h>

#include <chrono>
#include <map>

#include "base/decimal.h"

namespace tally::reference {
namespace {

int64_t floor_divide(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

int64_t offset_us(const std::string& zone, TimeUs time) {
  static std::map<std::string, cctz::time_zone> zones;
  if (zone.empty()) return 0;
  auto found = zones.find(zone);
  if (found == zones.end()) {
    found = zones.emplace(zone, cctz::time_zone()).first;
    if (!cctz::load_time_zone(zone, &found->second)) return 0;
  }
  const auto moment = cctz::time_point<cctz::seconds>(cctz::seconds(floor_divide(time, kMicrosPerSecond)));
  return int64_t{found->second.lookup(moment).offset} * kMicrosPerSecond;
}

int64_t civil(const std::string& zone, TimeUs time) { return time + offset_us(zone, time); }

// Civil time cut to the width: weeks begin on Mondays, months count from January 2000.
int64_t cut(const Interval& width, int64_t local) {
  using namespace std::chrono;
  constexpr sys_days kMonday = 2000y / January / 3;
  if (width.months == 0) {
    const int64_t since = kMonday.time_since_epoch().count() * kMicrosPerDay;
    return since + floor_divide(local - since, width.us) * width.us;
  }
  const year_month_day day{sys_days{days{floor_divide(local, kMicrosPerDay)}}};
  const int64_t months = (int{day.year()} - 2000) * 12 + static_cast<int64_t>(unsigned{day.month()}) - 1;
  const year_month first = 2000y / January;
  const int64_t begin = floor_divide(months, width.months) * width.months;
  const sys_days start = (first + std::chrono::months{begin}) / 1;
  return start.time_since_epoch().count() * kMicrosPerDay;
}

}  // namespace

std::optional<Interval> width_of_unit(const std::string& unit) {
  static const std::map<std::string, Interval> units{{"microsecond", {0, 1}},
                                                     {"millisecond", {0, 1'000}},
                                                     {"second", {0, kMicrosPerSecond}},
                                                     {"minute", {0, kMicrosPerMinute}},
                                                     {"hour", {0, kMicrosPerHour}},
                                                     {"day", {0, kMicrosPerDay}},
                                                     {"week", {0, 7 * kMicrosPerDay}},
                                                     {"month", {1, 0}},
                                                     {"quarter", {3, 0}},
                                                     {"year", {12, 0}}};
  auto found = units.find(unit);
  if (found == units.end()) return std::nullopt;
  return found->second;
}

TimeUs bucket_begin(const Interval& width, const std::string& zone, TimeUs time) {
  const int64_t local = cut(width, civil(zone, time));
  if (zone.empty()) return local;
  // The latest moment not after `time` whose clock reads `local`: under one of the offsets of the days around,
  // none of which lasts less than some weeks.
  std::optional<TimeUs> begin;
  const TimeUs about = local - offset_us(zone, time);
  for (TimeUs near = about - 2 * kMicrosPerDay; near <= about + 2 * kMicrosPerDay; near += 4 * kMicrosPerHour) {
    const TimeUs candidate = local - offset_us(zone, near);
    const bool reads_so = civil(zone, candidate) == local;
    if (reads_so && candidate <= time && (!begin || candidate > *begin)) begin = candidate;
  }
  if (begin) return *begin;
  // The clocks skipped it: the moment at which they did.
  TimeUs before = about - 2 * kMicrosPerDay, behind = time;
  while (behind - before > 1) {
    const TimeUs middle = before + (behind - before) / 2;
    (civil(zone, middle) >= local ? behind : before) = middle;
  }
  return behind;
}

TimeUs next_bucket(const Interval& width, const std::string& zone, TimeUs begin) {
  // Quarters of an hour are enough: no zone changes its clocks at another time since 1970.
  const TimeUs step = width.months == 0 && width.us < kMicrosPerHour / 4 ? width.us : kMicrosPerHour / 4;
  for (TimeUs time = begin;; time += step) {
    const TimeUs found = bucket_begin(width, zone, time);
    if (found != begin) return found;
  }
}

std::optional<TimeUs> add_interval(TimeUs time, const Interval& interval) {
  using namespace std::chrono;
  const int64_t day = floor_divide(time, kMicrosPerDay);
  Int128 result = static_cast<Int128>(time) + interval.us;
  if (interval.months != 0) {
    if (interval.months > 3'600'000 || interval.months < -3'600'000) return std::nullopt;
    const year_month_day date{sys_days{days{day}}};
    const int64_t count = int64_t{int{date.year()}} * 12 + unsigned{date.month()} - 1 + interval.months;
    const int64_t year_number = floor_divide(count, 12);
    if (year_number > 32'000 || year_number < -32'000)
      return std::nullopt;  // beyond std::chrono, and not asked by any test
    const year_month target =
        year{static_cast<int>(year_number)} / month{static_cast<unsigned>(count - year_number * 12) + 1};
    const std::chrono::day last = (target / std::chrono::last).day();
    const sys_days moved = target / std::min(date.day(), last);
    result += static_cast<Int128>(moved.time_since_epoch().count() - day) * kMicrosPerDay;
  }
  if (result > INT64_MAX || result < INT64_MIN) return std::nullopt;
  return static_cast<TimeUs>(result);
}

}  // namespace tally::reference

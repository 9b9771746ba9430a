#include "query/interval_math.h"

#include <algorithm>
#include <bit>

#include "base/timestamp.h"

namespace tally {
namespace {

constexpr int64_t kMonthsPerYear = 12;
constexpr int64_t kMonthsMax = 300'000 * kMonthsPerYear;  // beyond what 64 bits of microseconds reach

}  // namespace

std::optional<Interval> add(const Interval& a, const Interval& b) {
  Interval sum;
  if (__builtin_add_overflow(a.months, b.months, &sum.months)) return std::nullopt;
  if (__builtin_add_overflow(a.us, b.us, &sum.us)) return std::nullopt;
  return sum;
}

std::optional<Interval> multiply(const Interval& interval, int64_t factor) {
  Interval product;
  if (__builtin_mul_overflow(interval.months, factor, &product.months)) return std::nullopt;
  if (__builtin_mul_overflow(interval.us, factor, &product.us)) return std::nullopt;
  return product;
}

std::optional<TimeUs> add(TimeUs time, const Interval& interval) {
  Int128 result = static_cast<Int128>(time) + interval.us;
  if (interval.months != 0) {
    if (interval.months > kMonthsMax || interval.months < -kMonthsMax) return std::nullopt;
    int64_t day_number = time / kMicrosPerDay - (time % kMicrosPerDay < 0 ? 1 : 0);
    CivilDate day = civil_from_days(day_number);
    int64_t months = day.year * kMonthsPerYear + (day.month - 1) + interval.months;
    day.year = months / kMonthsPerYear - (months % kMonthsPerYear < 0 ? 1 : 0);
    day.month = static_cast<unsigned>(months - day.year * kMonthsPerYear) + 1;
    day.day = std::min(day.day, days_in_month(day.year, day.month));
    result += static_cast<Int128>(days_from_civil(day) - day_number) * kMicrosPerDay;
  }
  if (result > INT64_MAX || result < INT64_MIN) return std::nullopt;
  return static_cast<TimeUs>(result);
}

Int128 approximate_us(const Interval& interval) {
  return static_cast<Int128>(interval.months) * 30 * kMicrosPerDay + interval.us;
}

Int128 pack(const Interval& interval) { return std::bit_cast<Int128>(interval); }
Interval unpack_interval(Int128 packed) { return std::bit_cast<Interval>(packed); }

}  // namespace tally

#include "query/time_bucket.h"

#include <cctz/time_zone.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/timestamp.h"
#include "query/numeric.h"

namespace tally {
namespace {

constexpr int64_t kMondayUs = 10'959 * kMicrosPerDay;  // 2000-01-03

int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

using ZoneTime = cctz::time_point<cctz::seconds>;

ZoneTime to_zone_time(TimeUs time) { return ZoneTime(cctz::seconds(floor_divide(time, kMicrosPerSecond))); }

class CctzZone final : public TimeZone {
 public:
  explicit CctzZone(cctz::time_zone zone) : zone_(std::move(zone)) {}

  int64_t to_local(TimeUs time) const override {
    int64_t offset_us = zone_.lookup(to_zone_time(time)).offset * kMicrosPerSecond, local;
    return __builtin_add_overflow(time, offset_us, &local) ? time : local;  // the ends of time have no zone
  }

  TimeUs begin_of(int64_t local, TimeUs not_after) const override {
    const int64_t seconds = floor_divide(local, kMicrosPerSecond);
    const int64_t rest = local % kMicrosPerSecond, fraction = rest < 0 ? rest + kMicrosPerSecond : rest;
    auto found = zone_.lookup(cctz::civil_second() + seconds);
    if (found.kind == cctz::time_zone::civil_lookup::SKIPPED) return moment(found.trans, 0);
    const TimeUs later = moment(found.post, fraction);
    return later <= not_after ? later : moment(found.pre, fraction);
  }

  bool changes_only_at(TimeUs width, TimeUs from, TimeUs to) const override {
    constexpr int kChangesMax = 1'000;  // of 500 years
    auto whole = [&](ZoneTime at) { return zone_.lookup(at).offset * kMicrosPerSecond % width == 0; };
    ZoneTime at = to_zone_time(from);
    if (!whole(at)) return false;
    cctz::time_zone::civil_transition change;
    for (int i = 0; i < kChangesMax; ++i) {
      if (!zone_.next_transition(at, &change)) return true;
      at = zone_.lookup(change.to).pre;
      if (at > to_zone_time(to)) return true;
      if (at.time_since_epoch().count() * kMicrosPerSecond % width != 0 || !whole(at)) return false;
    }
    return false;
  }

 private:
  // Seconds reach beyond the ends of time that microseconds have.
  static TimeUs moment(ZoneTime time, int64_t fraction) {
    const Int128 us = static_cast<Int128>(time.time_since_epoch().count()) * kMicrosPerSecond + fraction;
    return static_cast<TimeUs>(std::clamp<Int128>(us, INT64_MIN, INT64_MAX));
  }

  cctz::time_zone zone_;
};

struct TruncUnit {
  std::string_view name;
  Interval width;
};

constexpr std::array kTruncUnits = std::to_array<TruncUnit>({
    {"microsecond", {0, 1}},
    {"millisecond", {0, 1000}},
    {"second", {0, kMicrosPerSecond}},
    {"minute", {0, kMicrosPerMinute}},
    {"hour", {0, kMicrosPerHour}},
    {"day", {0, kMicrosPerDay}},
    {"week", {0, 7 * kMicrosPerDay}},
    {"month", {1, 0}},
    {"quarter", {3, 0}},
    {"year", {12, 0}},
});

}  // namespace

Result<std::shared_ptr<const TimeZone>> TimeZone::load(const std::string& name) {
  if (name == "UTC" || name == "utc" || name == "Z") return std::shared_ptr<const TimeZone>();
  cctz::time_zone zone;
  // A path or "localtime" would make answers depend on the machine.
  bool plain = !name.empty() && name.front() != '/' && name.front() != '.' && name.find("..") == std::string::npos &&
               name.find('\0') == std::string::npos && name != "localtime" && name.size() <= 64;
  if (!plain || !cctz::load_time_zone(name, &zone)) {
    return fail(Code::kNotFound, "unknown time zone \"" + name.substr(0, 64) + "\"");
  }
  return std::shared_ptr<const TimeZone>(std::make_shared<CctzZone>(std::move(zone)));
}

Result<Bucketer> Bucketer::of_width(const Interval& width, std::shared_ptr<const TimeZone> zone) {
  Bucketer bucketer;
  bucketer.zone_ = std::move(zone);
  if (width.months != 0) {
    if (width.us != 0) {
      return fail(Code::kInvalidArgument, "a bucket is a number of months, or of days and hours, not both");
    }
    bucketer.months_ = width.months;
  } else {
    bucketer.us_ = width.us;
  }
  constexpr int64_t kMonthsMax = 1'000'000;
  if (bucketer.months_ > kMonthsMax) return fail(Code::kInvalidArgument, "the bucket is too wide");
  if (bucketer.months_ < 0 || bucketer.us_ < 0 || (bucketer.months_ == 0 && bucketer.us_ == 0)) {
    return fail(Code::kInvalidArgument, "a bucket must be longer than nothing");
  }
  return bucketer;
}

Result<Bucketer> Bucketer::of_unit(std::string_view unit, std::shared_ptr<const TimeZone> zone) {
  for (const TruncUnit& known : kTruncUnits) {
    if (unit == known.name) return of_width(known.width, std::move(zone));
  }
  return fail(Code::kInvalidArgument, "unknown unit of time \"" + std::string(unit.substr(0, 64)) + "\"");
}

int64_t Bucketer::floor_local(int64_t local) const {
  if (months_ == 0) {
    // In 128 bits: at the ends of time neither difference nor product may wrap.
    Int128 since = static_cast<Int128>(local) - kMondayUs;
    Int128 rest = since % us_;
    if (rest < 0) rest += us_;
    Int128 begin = static_cast<Int128>(local) - rest;
    return begin < INT64_MIN ? INT64_MIN : static_cast<int64_t>(begin);
  }
  constexpr int64_t kMonth2000 = 2000 * 12;
  CivilDate day = civil_from_days(floor_divide(local, kMicrosPerDay));
  int64_t months = day.year * 12 + static_cast<int64_t>(day.month) - 1 - kMonth2000;
  months = floor_divide(months, months_) * months_ + kMonth2000;
  int64_t year = floor_divide(months, 12);
  Int128 begin =
      static_cast<Int128>(days_from_civil({year, static_cast<unsigned>(months - year * 12) + 1, 1})) * kMicrosPerDay;
  return begin < INT64_MIN ? INT64_MIN : static_cast<int64_t>(begin);
}

// A local midnight (or hour) away is nearly always right; where the clocks change it is looked for.
TimeUs Bucketer::next(TimeUs start) const {
  constexpr int64_t kLongestMonthUs = 31 * kMicrosPerDay, kClockChangeUs = 2 * kMicrosPerDay;
  const int64_t width = months_ == 0 ? us_ : months_ * kLongestMonthUs;
  TimeUs guess, behind;
  if (__builtin_add_overflow(start, width, &guess) || __builtin_add_overflow(guess, kClockChangeUs, &behind)) {
    return INT64_MAX;
  }
  if (begin(guess) == guess && begin(guess - 1) == start) return guess;
  TimeUs inside = start;  // begin(inside) is start, begin(behind) is later
  while (behind - inside > 1) {
    const TimeUs middle = inside + (behind - inside) / 2;
    (begin(middle) == start ? inside : behind) = middle;
  }
  return behind;
}

}  // namespace tally

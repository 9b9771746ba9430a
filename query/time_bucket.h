// Which bucket of time a moment lies in: time_bucket() and date_trunc(), in UTC or in a time zone.
//
// Buckets of up to a day are aligned to midnight, weeks to Monday (2000-01-03), months to January 2000, in the zone's own
// civil time. In a zone the result is the moment at which the bucket begins: a day of 23 or 25 hours is one bucket, an
// hour that the clocks repeat is two, and a begin that the clocks skip is the moment of the skip.
// Threads: a Bucketer is immutable.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/interval.h"
#include "base/status.h"

namespace tally {

class TimeZone {
 public:
  // An IANA name ("Europe/Berlin") or "UTC". kNotFound where the machine's zone files do not have it.
  static Result<std::shared_ptr<const TimeZone>> load(const std::string& name);
  virtual ~TimeZone() = default;
  virtual int64_t to_local(TimeUs time) const = 0;  // microseconds of civil time
  // The latest moment at or before `not_after` whose civil time is `local`, or at which the clocks skipped over it.
  virtual TimeUs begin_of(int64_t local, TimeUs not_after) const = 0;
  // Whether between the two the clocks change only at multiples of `width`, and by such.
  virtual bool changes_only_at(TimeUs width, TimeUs from, TimeUs to) const = 0;
};

class Bucketer {
 public:
  // Errors name what a width may be.
  static Result<Bucketer> of_width(const Interval& width, std::shared_ptr<const TimeZone> zone);
  static Result<Bucketer> of_unit(std::string_view unit, std::shared_ptr<const TimeZone> zone);

  TimeUs begin(TimeUs time) const {
    if (zone_ == nullptr) return floor_local(time);
    return zone_->begin_of(floor_local(zone_->to_local(time)), time);
  }
  // Where the bucket behind the one that begins at `begin` begins; INT64_MAX: nowhere before the end of time.
  TimeUs next(TimeUs begin) const;
  // Whether between the two every bucket begins at a multiple of `width`, a divisor of a day.
  bool cuts_only_at(TimeUs width, TimeUs from, TimeUs to) const {
    return (months_ != 0 || us_ % width == 0) && (zone_ == nullptr || zone_->changes_only_at(width, from, to));
  }
  bool utc() const { return zone_ == nullptr; }
  // Of buckets in UTC that all have one width: it, in microseconds; else 0. They begin at multiples of it from origin().
  int64_t fixed_width() const { return zone_ == nullptr && months_ == 0 ? us_ : 0; }
  TimeUs origin() const { return floor_local(0); }

 private:
  int64_t floor_local(int64_t local) const;

  int64_t months_ = 0;  // either months or microseconds
  int64_t us_ = 0;
  std::shared_ptr<const TimeZone> zone_;  // nullptr: UTC
};

}  // namespace tally

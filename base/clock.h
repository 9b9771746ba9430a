// Time comes in through this interface alone. Microseconds since 1970-01-01T00:00:00Z throughout.
#pragma once

#include <cstdint>
#include <string>

namespace tally {

using TimeUs = int64_t;

inline constexpr TimeUs kMicrosPerSecond = 1'000'000;
inline constexpr TimeUs kMicrosPerMinute = 60 * kMicrosPerSecond;
inline constexpr TimeUs kMicrosPerHour = 60 * kMicrosPerMinute;
inline constexpr TimeUs kMicrosPerDay = 24 * kMicrosPerHour;

// Days since 1970-01-01, rounding down also before it.
constexpr int32_t utc_day(TimeUs time) {
  return static_cast<int32_t>(time / kMicrosPerDay - (time % kMicrosPerDay < 0 ? 1 : 0));
}

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimeUs wall_us() const = 0;          // may jump
  virtual TimeUs boottime_us() const = 0;      // CLOCK_BOOTTIME: never goes back within a boot, counts while suspended
  virtual std::string boot_id() const = 0;     // changes with every boot; boottime_us compares only within one
  virtual void sleep_us(TimeUs duration) = 0;  // a manual clock advances itself instead
};

// The machine's clock. Lives as long as the process; safe from every thread.
Clock& system_clock();

}  // namespace tally

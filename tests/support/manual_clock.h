// A clock that stands still until told otherwise; sleeping advances it. Threads: safe from several.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace tally {

class ManualClock final : public Clock {
 public:
  static constexpr TimeUs kStartWall = 1'700'000'000 * kMicrosPerSecond;  // 2023-11-14T22:13:20Z
  static constexpr TimeUs kStartBoottime = 1'000 * kMicrosPerSecond;

  explicit ManualClock(TimeUs wall_us = kStartWall, TimeUs boottime_us = kStartBoottime)
      : wall_us_(wall_us), boottime_us_(boottime_us) {}

  TimeUs wall_us() const override { return wall_us_; }
  TimeUs boottime_us() const override { return boottime_us_; }
  std::string boot_id() const override;
  void sleep_us(TimeUs duration) override { advance(duration); }

  void advance(TimeUs duration) {  // time passes: both clocks
    wall_us_ += duration;
    boottime_us_ += duration;
  }
  void set_wall(TimeUs wall_us) { wall_us_ = wall_us; }  // somebody sets the clock
  void jump_wall(TimeUs difference) { wall_us_ += difference; }
  // The machine boots again after `down` of wall time: boottime starts from 0, boot_id() is another.
  void reboot(TimeUs down = 0);

 private:
  std::atomic<TimeUs> wall_us_;
  std::atomic<TimeUs> boottime_us_;
  std::atomic<uint64_t> boot_{1};
};

}  // namespace tally

// By lateness class and UTC day of event time: the newest event time among ids ever forgotten there. No new row at or before it
// is admitted, so that a retry whose id may be gone is never counted again. Moved by FORGET records alone.
// Threads: none of its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "base/clock.h"
#include "engine/event_id.h"
#include "engine/id_run.h"

namespace tally {

// As a manifest keeps them: by class and day.
using HorizonMap = std::map<std::pair<uint32_t, int32_t>, TimeUs>;

class Horizons {
 public:
  static constexpr TimeUs kNone = INT64_MIN;

  void advance(uint32_t lateness_class, const NewestOfDay& newest) {
    if (lateness_class >= classes_.size()) classes_.resize(lateness_class + 1);
    Class& of = classes_[lateness_class];
    of.newest_us = std::max(of.newest_us, newest.event_us);
    TimeUs& horizon = of.by_day.try_emplace(newest.day, newest.event_us).first->second;
    horizon = std::max(horizon, newest.event_us);
  }
  // A class more takes over the newest of all before it, day by day.
  void start_class(uint32_t lateness_class) {
    for (const Class& before : std::vector<Class>(classes_)) {
      for (const auto& [day, event_us] : before.by_day) advance(lateness_class, {day, event_us});
    }
  }
  HorizonMap all() const {
    HorizonMap all;
    for (uint32_t i = 0; i < classes_.size(); ++i) {
      for (const auto& [day, event_us] : classes_[i].by_day) all[{i, day}] = event_us;
    }
    return all;
  }
  // Of the day of `event_us`; kNone also where it lies behind every horizon, as a row on time does.
  TimeUs of(uint32_t lateness_class, TimeUs event_us) const {
    if (lateness_class >= classes_.size() || event_us > classes_[lateness_class].newest_us) return kNone;
    const auto& by_day = classes_[lateness_class].by_day;
    auto found = by_day.find(utc_day(event_us));
    return found == by_day.end() ? kNone : found->second;
  }

 private:
  struct Class {
    TimeUs newest_us = kNone;
    std::map<int32_t, TimeUs> by_day;
  };
  std::vector<Class> classes_;
};

}  // namespace tally

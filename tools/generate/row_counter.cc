#include "tools/generate/row_counter.h"

#include <algorithm>
#include <limits>

namespace tally {

namespace {

constexpr uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}
constexpr uint64_t combine(uint64_t seed, uint64_t value) {
  return mix(seed * 0x9E3779B97F4A7C15u + value + 0x632BE59BD9B4E019u);
}

int64_t floor_divide(TimeUs time, TimeUs unit) { return time >= 0 ? time / unit : -((-time + unit - 1) / unit); }

}  // namespace

RowCounter::RowCounter()
    : grains_{{"minute x 8 dimensions", 0, 49'900'000},
              {"hour x 8 dimensions", 0, 48'200'000},
              {"day x 8 dimensions", 0, 41'700'000},
              {"day x advertiser x campaign x country x device x os", 0, 8'300'000},
              {"hour x country x device x os", 0, 2'000'000},
              {"day x campaign", 0, 600'000}} {}

void RowCounter::add(const AdEvent& event) {
  int64_t day = floor_divide(event.event_us, kMicrosPerDay);
  auto minute = static_cast<uint64_t>(floor_divide(event.event_us, kMicrosPerMinute));
  auto hour = static_cast<uint64_t>(floor_divide(event.event_us, kMicrosPerHour));
  uint64_t place = (static_cast<uint64_t>(event.country) * kAdDevices + event.device) * kAdSystems + event.os;
  uint64_t campaign = event.campaign;  // names its advertiser
  uint64_t narrow = combine(campaign, place);
  uint64_t chosen =
      static_cast<uint64_t>(event.publisher) << 16 | static_cast<uint64_t>(event.ad_group) << 8 | event.creative;
  uint64_t wide = combine(narrow, chosen);
  auto& sets = open_[day].fingerprints;
  sets[0].push_back(combine(wide, minute));
  sets[1].push_back(combine(wide, hour));
  sets[2].push_back(wide);
  sets[3].push_back(narrow);
  sets[4].push_back(combine(place, hour));
  sets[5].push_back(campaign);
  if (open_.size() > 3) close_days_before(floor_divide(event.arrival_us, kMicrosPerDay) - 2);
}

void RowCounter::close_days_before(int64_t day) {
  while (!open_.empty() && open_.begin()->first < day) {
    for (size_t i = 0; i < kGrains; ++i) {
      auto& values = open_.begin()->second.fingerprints[i];
      std::sort(values.begin(), values.end());
      auto end = std::unique(values.begin(), values.end());
      grains_[i].rows += static_cast<uint64_t>(end - values.begin());
    }
    open_.erase(open_.begin());
  }
}

const std::vector<RowCounter::Grain>& RowCounter::finish() {
  close_days_before(std::numeric_limits<int64_t>::max());
  return grains_;
}

}  // namespace tally

// The world that ad traffic takes place in: who advertises, where each campaign runs, on which devices. It hangs on the seed
// alone and never changes; draw() fills an event's dimensions, type and money from the caller's random numbers.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "tools/generate/ad_profile.h"
#include "tools/generate/alias_table.h"

namespace tally {

class AdWorld {
 public:
  explicit AdWorld(uint64_t seed);
  // Sets everything but times, id and user.
  void draw(Random& random, AdEvent& event) const;

 private:
  static constexpr uint32_t kTargetsMax = 8;
  // The countries of a campaign, each with the upper end of its share of 2^32.
  struct Targets {
    std::array<uint32_t, kTargetsMax> upper{};
    std::array<uint8_t, kTargetsMax> country{};
  };
  // Skewed amounts: quantiles of a log-normal distribution with straight lines between them.
  struct Amounts {
    static constexpr uint32_t kSteps = 1'024;
    std::array<int64_t, kSteps + 1> quantiles{};
    Amounts(double median_micros, double sigma);
    int64_t pick(uint64_t word) const;
  };

  static Targets draw_targets(Random& random, const AliasTable& countries);

  AliasTable advertisers_;
  AliasTable campaigns_;
  AliasTable creatives_;
  AliasTable publishers_;
  AliasTable regions_;
  AliasTable devices_;
  std::vector<AliasTable> systems_;  // by device
  std::vector<Targets> targets_;     // by campaign
  std::array<Amounts, 3> costs_;     // by AdEventType
  Amounts revenue_;
};

}  // namespace tally

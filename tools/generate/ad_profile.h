// Ad traffic from a seed: the `ad` profile, of which every figure of ours speaks. An AdProfile hands out AdEvents in order
// of arrival; nothing is allocated per event. The same options give the same events on every run; another start moves all
// times by the difference and changes nothing else.
//
// What is fixed: arrival even over the days (or a daily rhythm), event time = arrival - exp(2 s) up to 60 s; 94 / 5 / 1 %
// impressions / clicks / conversions; advertiser Zipf(1.0) over 2,000; campaign Zipf(1.0) among its advertiser's 10; 3 ad
// groups and 10 creatives a campaign; publisher Zipf(1.1) over 5,000; a campaign targets 1-8 countries drawn from Zipf(1.1)
// over 200; 5 regions a country; os depends on device; user = floor(10 M * u^2.5), permuted; ids are UUIDs, version 4.
//
// What was chosen so that rollups have the row counts they are known by (tools/bench/profile_bench.cc measures them):
// a campaign's countries are drawn with repetition and used in proportion 1 / place; creatives Zipf(0.5), each in one of the
// three ad groups; the shares of devices, and of systems on each device, of kDevices in ad_profile.cc.
//
// Threads: one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/status.h"

namespace tally {

enum class AdEventType : uint8_t { kImpression, kClick, kConversion };

// Codes count from 0; tools/generate/ad_text.h spells them.
struct AdEvent {
  TimeUs arrival_us = 0;
  TimeUs event_us = 0;
  std::array<uint8_t, 16> id{};  // a UUID
  int64_t cost_micros = 0;
  int64_t revenue_micros = 0;  // of conversions alone
  uint32_t user = 0;           // below kAdUsers
  uint16_t advertiser = 0;
  uint16_t campaign = 0;  // advertiser * 10 + its own number
  uint16_t publisher = 0;
  uint8_t ad_group = 0;  // within the campaign
  uint8_t creative = 0;  // within the campaign
  uint8_t country = 0;
  uint8_t region = 0;  // within the country
  uint8_t device = 0;
  uint8_t os = 0;
  AdEventType type = AdEventType::kImpression;
  bool resent = false;  // the whole event again: a duplicate
};

inline constexpr uint32_t kAdAdvertisers = 2'000;
inline constexpr uint32_t kAdCampaignsEach = 10;
inline constexpr uint32_t kAdCampaigns = kAdAdvertisers * kAdCampaignsEach;
inline constexpr uint32_t kAdGroupsEach = 3;
inline constexpr uint32_t kAdCreativesEach = 10;
inline constexpr uint32_t kAdPublishers = 5'000;
inline constexpr uint32_t kAdCountries = 200;
inline constexpr uint32_t kAdRegionsEach = 5;
inline constexpr uint32_t kAdDevices = 5;
inline constexpr uint32_t kAdSystems = 8;
inline constexpr uint32_t kAdUsers = 10'000'000;

struct AdProfileOptions {
  uint64_t events = 1'000'000;  // distinct; events sent again come on top
  uint32_t days = 30;
  uint32_t minutes = 0;  // above 0: instead of days
  uint64_t seed = 1;
  TimeUs start_us = 0;           // of the first arrival; a UTC midnight
  double duplicate_percent = 0;  // sent again whole after exp(60 s), up to 10 minutes
  double late_percent = 0;       // arriving 1 to 25 hours after the rest
  bool rhythm = false;           // four times as much at 20:00 UTC as at 08:00
};

class AdProfile {
 public:
  static Status check(const AdProfileOptions& options);  // kInvalidArgument names the option
  explicit AdProfile(const AdProfileOptions& options);   // checked before
  ~AdProfile();

  bool next(AdEvent& event);  // false at the end

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tally

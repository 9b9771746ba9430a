#include "tools/generate/ad_world.h"

#include <cmath>

namespace tally {

namespace {

// Shares of phone, desktop, tablet, tv, other, and of the systems on each: android, ios, windows, macos, linux, chromeos,
// tizen, webos. Every pair happens, if only by kStray.
struct Device {
  double share;
  std::array<double, kAdSystems> systems;
};
constexpr std::array<Device, kAdDevices> kDevices = {{
    {0.55, {0.68, 0.31, 0.01, 0, 0, 0, 0, 0}},
    {0.30, {0, 0, 0.68, 0.20, 0.07, 0.05, 0, 0}},
    {0.08, {0.45, 0.50, 0.05, 0, 0, 0, 0, 0}},
    {0.05, {0.30, 0.10, 0, 0, 0, 0, 0.35, 0.25}},
    {0.02, {0.10, 0, 0.10, 0, 0.30, 0.10, 0.20, 0.20}},
}};
constexpr double kStray = 0.0013;

constexpr double kCreativeExponent = 0.5;
constexpr std::array<double, kAdRegionsEach> kRegionShares = {0.40, 0.25, 0.15, 0.12, 0.08};
constexpr double kMicros = 1e6;

AliasTable device_table() {
  std::array<double, kAdDevices> shares{};
  for (uint32_t i = 0; i < kAdDevices; ++i) shares[i] = kDevices[i].share;
  return AliasTable(shares);
}

std::vector<AliasTable> system_tables() {
  std::vector<AliasTable> tables;
  for (const Device& device : kDevices) {
    auto shares = device.systems;
    for (double& share : shares) share += kStray;
    tables.emplace_back(shares);
  }
  return tables;
}

// The standard normal quantile, by bisection: it runs a few thousand times, at the start.
double normal_quantile(double probability) {
  double low = -9, high = 9;
  for (int round = 0; round < 60; ++round) {
    double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < probability ? low : high) = middle;
  }
  return low;
}

}  // namespace

AdWorld::Amounts::Amounts(double median_micros, double sigma) {
  for (uint32_t i = 0; i <= kSteps; ++i) {
    double probability = (i + 0.25) / (kSteps + 0.5);
    quantiles[i] = std::llround(median_micros * std::exp(sigma * normal_quantile(probability)));
  }
}

int64_t AdWorld::Amounts::pick(uint64_t word) const {
  uint64_t step = word >> 54;  // 10 bits
  auto part = static_cast<int64_t>(word >> 34 & 0xFFFFF);
  return quantiles[step] + (((quantiles[step + 1] - quantiles[step]) * part) >> 20);
}

AdWorld::AdWorld(uint64_t seed)
    : advertisers_(zipf_weights(kAdAdvertisers, 1.0)),
      campaigns_(zipf_weights(kAdCampaignsEach, 1.0)),
      creatives_(zipf_weights(kAdCreativesEach, kCreativeExponent)),
      publishers_(zipf_weights(kAdPublishers, 1.1)),
      regions_(kRegionShares),
      devices_(device_table()),
      systems_(system_tables()),
      costs_{Amounts(0.002 * kMicros, 0.8), Amounts(0.25 * kMicros, 0.7), Amounts(1.5 * kMicros, 0.6)},
      revenue_(30 * kMicros, 1.0) {
  Random random = Random(seed).fork(1);
  AliasTable countries(zipf_weights(kAdCountries, 1.1));
  targets_.reserve(kAdCampaigns);
  for (uint32_t i = 0; i < kAdCampaigns; ++i) targets_.push_back(draw_targets(random, countries));
}

AdWorld::Targets AdWorld::draw_targets(Random& random, const AliasTable& countries) {
  Targets targets;
  auto count = static_cast<uint32_t>(random.between(1, kTargetsMax));
  double total = 0, sum = 0;
  for (uint32_t i = 0; i < count; ++i) total += 1.0 / (i + 1);
  for (uint32_t i = 0; i < kTargetsMax; ++i) {
    if (i < count) targets.country[i] = static_cast<uint8_t>(countries.pick(random.next()));
    sum += 1.0 / (i + 1);
    targets.upper[i] = i + 1 < count ? static_cast<uint32_t>(sum / total * 0x1.0p32) : UINT32_MAX;
  }
  return targets;
}

void AdWorld::draw(Random& random, AdEvent& event) const {
  event.advertiser = static_cast<uint16_t>(advertisers_.pick(random.next()));
  event.campaign = static_cast<uint16_t>(event.advertiser * kAdCampaignsEach + campaigns_.pick(random.next()));
  event.creative = static_cast<uint8_t>(creatives_.pick(random.next()));
  event.ad_group = static_cast<uint8_t>(event.creative % kAdGroupsEach);
  event.publisher = static_cast<uint16_t>(publishers_.pick(random.next()));

  const Targets& targets = targets_[event.campaign];
  uint64_t word = random.next();
  auto place = static_cast<uint32_t>(word >> 32);
  uint32_t i = 0;
  while (place > targets.upper[i]) ++i;  // the last bound is the largest word there is
  event.country = targets.country[i];
  event.region = static_cast<uint8_t>(regions_.pick(random.next()));
  event.device = static_cast<uint8_t>(devices_.pick(random.next()));
  event.os = static_cast<uint8_t>(systems_[event.device].pick(random.next()));

  uint32_t kind = static_cast<uint32_t>(word) % 100;
  event.type = kind < 94 ? AdEventType::kImpression : kind < 99 ? AdEventType::kClick : AdEventType::kConversion;
  event.cost_micros = costs_[static_cast<size_t>(event.type)].pick(random.next());
  event.revenue_micros = event.type == AdEventType::kConversion ? revenue_.pick(random.next()) : 0;
}

}  // namespace tally

#include "engine/frequency_sketch.h"

#include <algorithm>
#include <bit>

namespace tally {

namespace {

constexpr size_t kPlacesMin = 1024;
constexpr uint64_t kUsesOfAKey = 10;  // in a sample, as the paper has it

// Odd, and without a pattern: a row's own way to spread a hash.
constexpr uint64_t kSpread[] = {0x9E3779B97F4A7C15u, 0xC2B2AE3D27D4EB4Fu, 0x165667B19E3779F9u, 0xD6E8FEB86659FD93u};

}  // namespace

FrequencySketch::FrequencySketch(size_t keys)
    : mask_(std::bit_ceil(std::max(keys, kPlacesMin)) - 1),
      counters_(kRows * (mask_ + 1)),
      sample_(kUsesOfAKey * (mask_ + 1)) {}

size_t FrequencySketch::place(uint64_t hash, size_t row) const {
  return row * (mask_ + 1) + ((hash * kSpread[row]) >> 32 & mask_);
}

// The smallest counters alone: the others have counted a neighbour already.
void FrequencySketch::count(uint64_t hash) {
  const uint32_t least = estimate(hash);
  if (least < kCountMax) {
    for (size_t row = 0; row < kRows; ++row) {
      uint8_t& counter = counters_[place(hash, row)];
      if (counter == least) ++counter;
    }
  }
  if (++counted_ >= sample_) halve();
}

uint32_t FrequencySketch::estimate(uint64_t hash) const {
  uint8_t least = kCountMax;
  for (size_t row = 0; row < kRows; ++row) least = std::min(least, counters_[place(hash, row)]);
  return least;
}

void FrequencySketch::halve() {
  for (uint8_t& counter : counters_) counter /= 2;
  counted_ /= 2;
}

}  // namespace tally

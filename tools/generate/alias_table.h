// Draws from a discrete distribution in constant time (Walker 1977, built as Vose 1991 does): one random word a draw.
//
//   AliasTable advertisers(zipf_weights(2000, 1.0));
//   uint32_t advertiser = advertisers.pick(random.next());
//
// Immutable after construction; safe from every thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tally {

class AliasTable {
 public:
  explicit AliasTable(std::span<const double> weights);  // at least one, none negative, not all zero

  uint32_t size() const { return static_cast<uint32_t>(slots_.size()); }
  // `word` is uniform over 64 bits: the upper half chooses the slot, the lower half between slot and alias.
  uint32_t pick(uint64_t word) const {
    uint32_t slot = static_cast<uint32_t>(((word >> 32) * slots_.size()) >> 32);
    return static_cast<uint32_t>(word) < slots_[slot].threshold ? slot : slots_[slot].alias;
  }

 private:
  struct Slot {
    uint32_t threshold = UINT32_MAX;  // chance of keeping the slot, in 2^-32
    uint32_t alias = 0;
  };
  std::vector<Slot> slots_;
};

// Weights 1 / rank^exponent for ranks 1 to `count`.
std::vector<double> zipf_weights(uint32_t count, double exponent);

}  // namespace tally

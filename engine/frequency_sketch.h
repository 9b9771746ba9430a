// About how often keys were asked for of late, in a fixed number of bytes: a count-min sketch of counters that end at 15 and are
// halved as a whole once as many uses were counted as a sample has, so that what is no longer asked for is forgotten.
// Source: Einziger, Friedman, Manes: TinyLFU, a highly efficient cache admission policy (ACM Transactions on Storage 13, 2017).
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tally {

class FrequencySketch {
 public:
  // For about so many keys that are alive at a time. Takes 4 bytes for each, 4 KiB at least.
  explicit FrequencySketch(size_t keys);

  // `hash`: of the key, all of its bits spread.
  void count(uint64_t hash);
  // 0 to 15. Never less than what was counted since the counters were last halved; more where keys collide in all places.
  uint32_t estimate(uint64_t hash) const;

 private:
  static constexpr size_t kRows = 4;
  static constexpr uint8_t kCountMax = 15;

  size_t place(uint64_t hash, size_t row) const;
  void halve();

  size_t mask_;                    // of a row's places
  std::vector<uint8_t> counters_;  // row after row
  uint64_t counted_ = 0;           // since the last halving, and half of what was before
  uint64_t sample_;
};

}  // namespace tally

// What the integers of a block are like: enough to know what each encoding would need without trying it.
// T, here and in all encodings of integers, is uint8_t (kinds), uint32_t (codes) or int64_t; each stands for its value as
// int64_t, in which predicates are asked and bases stored.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include "base/status.h"

namespace tally {

struct IntStats {
  size_t rows = 0;
  int64_t min = 0;
  int64_t max = 0;
  size_t runs = 1;  // of equal neighbours
  size_t longest_run = 1;
  int64_t min_step = 0;  // from one row to the next, modulo 2^64
  int64_t max_step = 0;
};

// At least one value.
template <class T>
IntStats int_stats(std::span<const T> values) {
  TALLY_CHECK(!values.empty());
  IntStats stats{.rows = values.size(), .min = static_cast<int64_t>(values[0]), .max = static_cast<int64_t>(values[0])};
  if (values.size() > 1) stats.min_step = INT64_MAX, stats.max_step = INT64_MIN;
  size_t run_begin = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    auto value = static_cast<int64_t>(values[i]);
    auto step = static_cast<int64_t>(static_cast<uint64_t>(value) - static_cast<uint64_t>(values[i - 1]));
    stats.min = std::min(stats.min, value);
    stats.max = std::max(stats.max, value);
    stats.min_step = std::min(stats.min_step, step);
    stats.max_step = std::max(stats.max_step, step);
    if (step == 0) continue;
    ++stats.runs;
    stats.longest_run = std::max(stats.longest_run, i - run_begin);
    run_begin = i;
  }
  stats.longest_run = std::max(stats.longest_run, values.size() - run_begin);
  return stats;
}

template <class T>
constexpr bool int_fits(int64_t value) {
  if constexpr (sizeof(T) == 8) return true;
  return value >= 0 && static_cast<uint64_t>(value) <= std::numeric_limits<T>::max();
}

}  // namespace tally

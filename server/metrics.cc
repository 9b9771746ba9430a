#include "server/metrics.h"

namespace tally {

void DurationHistogram::observe(TimeUs us) {
  size_t bucket = 0;
  while (bucket < kBuckets && us > bound_us(bucket)) ++bucket;
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_us_.fetch_add(us, std::memory_order_relaxed);
}

DurationHistogram::Reading DurationHistogram::read() const {
  Reading reading;
  for (size_t i = 0; i < counts_.size(); ++i) {
    reading.counts[i] = counts_[i].load(std::memory_order_relaxed);
    reading.count += reading.counts[i];
  }
  reading.sum_us = sum_us_.load(std::memory_order_relaxed);
  return reading;
}

}  // namespace tally

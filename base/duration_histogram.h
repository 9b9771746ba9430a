// Durations counted in buckets whose bounds grow by a factor of two to a power. Threads: any; counting is two relaxed atomic
// additions, and a reading may fall between them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "base/clock.h"

namespace tally {

// Bounds are FirstUs, FirstUs << Shift, FirstUs << 2 * Shift, ...; a duration belongs to the first bucket whose bound is not below
// it, or to the one above all of them. A negative one counts as 0.
template <TimeUs FirstUs, unsigned Shift, size_t Buckets>
class BasicDurationHistogram {
 public:
  static constexpr size_t kBuckets = Buckets;  // and one above them
  static constexpr TimeUs kFirstUs = FirstUs;
  static constexpr TimeUs bound_us(size_t bucket) { return FirstUs << (bucket * Shift); }
  static constexpr size_t bucket_of(TimeUs us) {
    size_t bucket = 0;
    while (bucket < Buckets && us > bound_us(bucket)) ++bucket;
    return bucket;
  }

  // Many durations, counted by one thread before they are added at once.
  struct Reading {
    std::array<uint64_t, Buckets + 1> counts{};  // not cumulated
    uint64_t count = 0;
    TimeUs sum_us = 0;
    void observe(TimeUs us) {
      ++counts[bucket_of(us)];
      ++count;
      sum_us += us < 0 ? 0 : us;
    }
  };
  void observe(TimeUs us) {
    counts_[bucket_of(us)].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(us < 0 ? 0 : us, std::memory_order_relaxed);
  }
  void add(const Reading& many) {
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (many.counts[i] != 0) counts_[i].fetch_add(many.counts[i], std::memory_order_relaxed);
    }
    sum_us_.fetch_add(many.sum_us, std::memory_order_relaxed);
  }
  Reading read() const {
    Reading reading;
    for (size_t i = 0; i < counts_.size(); ++i) {
      reading.counts[i] = counts_[i].load(std::memory_order_relaxed);
      reading.count += reading.counts[i];
    }
    reading.sum_us = sum_us_.load(std::memory_order_relaxed);
    return reading;
  }

 private:
  std::array<std::atomic<uint64_t>, Buckets + 1> counts_{};
  std::atomic<int64_t> sum_us_{0};
};

// From 250 us to 131 s, doubling: p50 to p99.9 of what is promised in milliseconds can be told.
using DurationHistogram = BasicDurationHistogram<250, 1, 20>;
// From 1 ms to 3 days, by fours: how old things are.
using AgeHistogram = BasicDurationHistogram<1'000, 2, 15>;

}  // namespace tally

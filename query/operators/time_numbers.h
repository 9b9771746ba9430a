// Numbers the buckets of time that rows lie in, from 0, in the order in which buckets first appear. Buckets of one width in UTC
// are found by a multiplication and a table; any others by their begin.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "query/time_bucket.h"
#include "query/vector.h"

namespace tally {

class TimeNumbers {
 public:
  explicit TimeNumbers(const Bucketer& bucketer);  // which must outlive it

  // numbers[i]: of times[rows[i]].
  void find_or_add(const TimeUs* times, Selection rows, uint32_t* numbers);
  uint32_t find_or_add(TimeUs time);
  // Whether the bucket of every time in [min, max] has a number for which `holds` is true. False where widths differ, where a
  // bucket has its begin from elsewhere, and of more than kCoveredMax buckets: asking is not to take longer than reading a block.
  bool covers(TimeUs min, TimeUs max, const std::function<bool(uint32_t number)>& holds) const;
  uint32_t size() const { return static_cast<uint32_t>(begins_.size()); }
  TimeUs begin(uint32_t number) const { return begins_[number]; }
  uint64_t memory_bytes() const;

 private:
  static constexpr uint64_t kWindowMax = 1 << 20;  // buckets
  static constexpr size_t kCoveredMax = 4'096;
  bool find_or_add_places(const TimeUs* times, uint32_t count, uint32_t* numbers);
  uint32_t add(TimeUs time);
  uint32_t* window_place(TimeUs begin);

  const Bucketer& bucketer_;
  const uint64_t width_;          // 0: of many widths
  const uint64_t reciprocal_;     // floor(2^64 / width_)
  TimeUs window_from_ = 0;        // where a bucket begins
  std::vector<uint32_t> window_;  // by bucket from there on: its number and 1, or 0
  std::vector<TimeUs> begins_;
  std::unordered_map<TimeUs, uint32_t> numbers_;  // by begin, of buckets that never are in the window
  TimeUs last_begin_ = 0, last_end_ = 0;          // of the bucket found last, where widths differ
  uint32_t last_ = 0;
};

}  // namespace tally

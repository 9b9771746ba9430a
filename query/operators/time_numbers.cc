#include "query/operators/time_numbers.h"

#include <algorithm>

namespace tally {

TimeNumbers::TimeNumbers(const Bucketer& bucketer)
    : bucketer_(bucketer),
      width_(static_cast<uint64_t>(bucketer.fixed_width())),
      reciprocal_(width_ == 0 ? 0 : UINT64_MAX / width_) {}

void TimeNumbers::find_or_add(const TimeUs* times, Selection rows, uint32_t* numbers) {
  for (size_t i = 0; i < rows.size(); ++i) numbers[i] = find_or_add(times[rows[i]]);
}

// The product with the reciprocal is the quotient or hardly less, which a comparison mends.
uint32_t TimeNumbers::find_or_add(TimeUs time) {
  if (width_ == 0) {
    if (time >= last_begin_ && time < last_end_) return last_;
    return add(time);
  }
  const uint64_t since = static_cast<uint64_t>(time) - static_cast<uint64_t>(window_from_);  // huge before the window
  uint64_t bucket = static_cast<uint64_t>((static_cast<unsigned __int128>(since) * reciprocal_) >> 64);
  while (since - bucket * width_ >= width_) ++bucket;
  if (bucket < window_.size() && window_[bucket] != 0) [[likely]]
    return window_[bucket] - 1;
  return add(time);
}

uint32_t TimeNumbers::add(TimeUs time) {
  const TimeUs begin = bucketer_.begin(time);
  const auto [found, added] = numbers_.try_emplace(begin, size());
  if (added) begins_.push_back(begin);
  const uint32_t number = found->second;
  if (width_ != 0) {
    widen(begin, number);
  } else {
    last_begin_ = begin;
    last_end_ = bucketer_.next(begin);
    last_ = number;
  }
  return number;
}

// Makes room in the window for the bucket that begins there. Times too far apart for one window are found by their begin.
void TimeNumbers::widen(TimeUs begin, uint32_t number) {
  const __int128 width = static_cast<__int128>(width_);
  if ((static_cast<__int128>(begin) - bucketer_.origin()) % width != 0) return;  // cut off by the begin of time
  if (window_.empty()) window_from_ = begin;
  const __int128 at = (static_cast<__int128>(begin) - window_from_) / width;
  const __int128 first = std::min<__int128>(at, 0), size = static_cast<__int128>(window_.size());
  const __int128 buckets = std::max<__int128>(at + 1, size) - first;
  if (buckets > static_cast<__int128>(kWindowMax)) return;
  if (first < 0) {
    const size_t before = static_cast<size_t>(-first);
    window_.insert(window_.begin(), before, 0);
    window_from_ = begin;
  }
  if (window_.size() < static_cast<size_t>(buckets)) window_.resize(static_cast<size_t>(buckets));
  window_[static_cast<size_t>(at - first)] = number + 1;
}

uint64_t TimeNumbers::memory_bytes() const {
  constexpr uint64_t kNodeBytes = 48;  // about what the map takes for a bucket
  return window_.capacity() * sizeof(uint32_t) + begins_.capacity() * (sizeof(TimeUs) + kNodeBytes);
}

}  // namespace tally

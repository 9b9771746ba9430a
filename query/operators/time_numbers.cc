#include "query/operators/time_numbers.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "engine/column_loops.h"

namespace tally {
namespace {

// Buckets from one begin to another; nullopt: no whole number of them, or more than 2^31.
std::optional<int64_t> places_between(TimeUs from, TimeUs to, int64_t width) {
  int64_t since = 0;
  if (!__builtin_sub_overflow(to, from, &since)) [[likely]] {
    const int64_t places = since / width;
    return places * width == since && std::abs(places / 2) < 1 << 30 ? std::optional(places) : std::nullopt;
  }
  const __int128 far = static_cast<__int128>(to) - from, places = far / width;
  if (places * width != far || places < -INT32_MAX || places > INT32_MAX) return std::nullopt;
  return static_cast<int64_t>(places);
}

}  // namespace

TimeNumbers::TimeNumbers(const Bucketer& bucketer)
    : bucketer_(bucketer),
      width_(static_cast<uint64_t>(bucketer.fixed_width())),
      reciprocal_(width_ == 0 ? 0 : UINT64_MAX / width_) {}

void TimeNumbers::find_or_add(const TimeUs* times, Selection rows, uint32_t* numbers) {
  constexpr uint32_t kPiece = 1'024;
  if (!rows.is_all() || width_ == 0) {
    for (size_t i = 0; i < rows.size(); ++i) numbers[i] = find_or_add(times[rows[i]]);
    return;
  }
  const auto size = static_cast<uint32_t>(rows.size());
  for (uint32_t at = 0; at < size; at += kPiece) {
    const uint32_t count = std::min(kPiece, size - at);
    if (find_or_add_places(times + at, count, numbers + at)) continue;
    for (uint32_t i = at; i < at + count; ++i) numbers[i] = find_or_add(times[i]);
  }
}

// By their places in the window, computed beforehand. False: it says nothing of some of them.
bool TimeNumbers::find_or_add_places(const TimeUs* times, uint32_t count, uint32_t* numbers) {
  const auto width = static_cast<int64_t>(width_);
  if (window_.empty() || !column_kernels().bucket_places(times, count, window_from_, width, numbers)) return false;
  const TimeUs from = window_from_;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t place = numbers[i];
    if (place < window_.size() && window_[place] != 0) [[likely]] {
      numbers[i] = window_[place] - 1;
    } else {
      numbers[i] = add(times[i]);
      if (window_from_ != from) return false;
    }
  }
  return true;
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

bool TimeNumbers::covers(TimeUs min, TimeUs max, const std::function<bool(uint32_t number)>& holds) const {
  const __int128 end = static_cast<__int128>(window_from_) + static_cast<__int128>(window_.size()) * width_;
  if (window_.empty() || min < window_from_ || max >= end || max < min) return false;
  const auto place = [this](TimeUs time) {
    return static_cast<size_t>((static_cast<uint64_t>(time) - static_cast<uint64_t>(window_from_)) / width_);
  };
  const size_t first = place(min), last = place(max);
  if (last - first >= kCoveredMax) return false;
  for (size_t at = first; at <= last; ++at) {
    if (window_[at] == 0 || !holds(window_[at] - 1)) return false;
  }
  return true;
}

uint32_t TimeNumbers::add(TimeUs time) {
  const TimeUs begin = bucketer_.begin(time);
  if (uint32_t* const place = width_ == 0 ? nullptr : window_place(begin)) {
    begins_.push_back(begin);
    return (*place = size()) - 1;
  }
  const auto [found, added] = numbers_.try_emplace(begin, size());
  if (added) begins_.push_back(begin);
  if (width_ == 0) {
    last_begin_ = begin;
    last_end_ = bucketer_.next(begin);
    last_ = found->second;
  }
  return found->second;
}

// Makes room in the window for the bucket that begins there. nullptr: it is too far from the others for one window, and stays so
// as the window only grows; or it has another begin than its width would have it, cut off by the begin of time.
uint32_t* TimeNumbers::window_place(TimeUs begin) {
  if (window_.empty()) {
    const __int128 since_origin = static_cast<__int128>(begin) - bucketer_.origin();
    if (since_origin % static_cast<__int128>(width_) != 0) return nullptr;
    window_from_ = begin;
  }
  const std::optional<int64_t> place = places_between(window_from_, begin, static_cast<int64_t>(width_));
  if (!place || std::abs(*place) > static_cast<int64_t>(kWindowMax)) return nullptr;
  const int64_t at = *place;
  const int64_t first = std::min<int64_t>(at, 0), size = static_cast<int64_t>(window_.size());
  const int64_t buckets = std::max(at + 1, size) - first;
  if (buckets > static_cast<int64_t>(kWindowMax)) return nullptr;
  if (first < 0) {
    window_.insert(window_.begin(), static_cast<size_t>(-first), 0);
    window_from_ = begin;
  }
  if (window_.size() < static_cast<size_t>(buckets)) window_.resize(static_cast<size_t>(buckets));
  return &window_[static_cast<size_t>(at - first)];
}

uint64_t TimeNumbers::memory_bytes() const {
  constexpr uint64_t kNodeBytes = 48;  // about what the map takes for a bucket
  return window_.capacity() * sizeof(uint32_t) + begins_.capacity() * sizeof(TimeUs) + numbers_.size() * kNodeBytes;
}

}  // namespace tally

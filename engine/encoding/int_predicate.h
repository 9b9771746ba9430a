// What a query asks of an integer or code: to lie in a range, or to be one of a set. NULL is no integer: what it means is
// for whoever knows where the NULLs are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace tally {

class IntPredicate {
 public:
  // Both ends included; first > last matches nothing.
  static IntPredicate range(int64_t first, int64_t last) { return {first, last, {}}; }
  static IntPredicate equals(int64_t value) { return {value, value, {}}; }
  // In any order, repeated or not; none matches nothing.
  static IntPredicate any_of(std::vector<int64_t> values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    if (values.empty()) return range(1, 0);
    // Values without a gap are a range, which is cheaper.
    uint64_t width = static_cast<uint64_t>(values.back()) - static_cast<uint64_t>(values.front());
    int64_t first = values.front(), last = values.back();
    if (width == values.size() - 1) values.clear();
    return {first, last, std::move(values)};
  }

  // Nothing outside [first, last] matches; of a range everything inside does.
  int64_t first() const { return first_; }
  int64_t last() const { return last_; }
  bool is_range() const { return values_.empty(); }
  std::span<const int64_t> values() const { return values_; }  // ascending; empty of a range

  bool matches(int64_t value) const {
    if (value < first_ || value > last_) return false;
    return values_.empty() || std::binary_search(values_.begin(), values_.end(), value);
  }

 private:
  IntPredicate(int64_t first, int64_t last, std::vector<int64_t> values)
      : first_(first), last_(last), values_(std::move(values)) {}

  int64_t first_;
  int64_t last_;
  std::vector<int64_t> values_;
};

}  // namespace tally

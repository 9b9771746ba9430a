#include "query/operators/order_positions.h"

#include <algorithm>
#include <numeric>

#include "query/evaluate.h"

namespace tally {
namespace {

// A row by its first key where that is a word: most comparisons need no more.
struct Place {
  int64_t word = 0;
  uint32_t row = 0;
};

class Order {
 public:
  Order(std::span<const OrderKey> order_by, std::span<const Vector> keys) : order_by_(order_by), keys_(keys) {}

  std::vector<Place> places(uint32_t size) {
    std::vector<Place> made(size);
    for (uint32_t row = 0; row < size; ++row) made[row].row = row;
    if (!set_words(made)) {
      for (Place& place : made) place.word = 0;
      return made;
    }
    by_word_ = 1;
    if (order_by_[0].descending) {
      for (Place& place : made) place.word = ~place.word;  // turns the order of words round
    }
    return made;
  }

  bool operator()(const Place& a, const Place& b) const {
    if (a.word != b.word) return a.word < b.word;
    for (size_t i = by_word_; i < keys_.size(); ++i) {
      const OrderKey& key = order_by_[i];
      const bool a_null = keys_[i].is_null(a.row), b_null = keys_[i].is_null(b.row);
      if (a_null && b_null) continue;
      if (a_null || b_null) return a_null == key.nulls_first;
      const int order = compare_values(keys_[i], a.row, keys_[i], b.row);
      if (order != 0) return key.descending ? order > 0 : order < 0;
    }
    return a.row < b.row;
  }

 private:
  // false: the first key's values do not order as words of 64 bits.
  bool set_words(std::vector<Place>& places) const {
    const Vector& values = keys_[0];
    if (values.may_have_nulls() || values.constant) return false;
    if (values.type == SqlType::kTimestamp) {
      for (Place& place : places) place.word = values.times[place.row];
      return true;
    }
    if (!is_numeric(values.type) || !values.uniform_numbers()) return false;
    for (Place& place : places) {
      place.word = static_cast<int64_t>(values.numbers[place.row]);
      if (place.word != values.numbers[place.row]) return false;
    }
    return true;
  }

  const std::span<const OrderKey> order_by_;
  const std::span<const Vector> keys_;
  size_t by_word_ = 0;  // keys that the words stand for
};

}  // namespace

std::vector<uint32_t> order_positions(std::span<const OrderKey> order_by, std::span<const Vector> keys, uint32_t size,
                                      uint64_t keep) {
  std::vector<uint32_t> rows(static_cast<size_t>(std::min<uint64_t>(size, keep)));
  if (keys.empty()) {
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
  }
  Order order(order_by, keys);
  std::vector<Place> places = order.places(size);
  if (!std::ranges::is_sorted(places, order)) {
    const auto end = places.begin() + static_cast<ptrdiff_t>(rows.size());
    if (end != places.end()) std::nth_element(places.begin(), end, places.end(), order);
    std::sort(places.begin(), end, order);
  }
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = places[i].row;
  return rows;
}

}  // namespace tally

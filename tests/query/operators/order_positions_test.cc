// Rows put in order by positions, against a stable sort of all of them by values.
#include "query/operators/order_positions.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

OrderKey order_key(bool descending, bool nulls_first) {
  OrderKey key;
  key.descending = descending;
  key.nulls_first = nulls_first;
  return key;
}

std::vector<uint32_t> sorted_by_values(const std::vector<OrderKey>& order, const std::vector<Vector>& keys,
                                       uint32_t size, size_t keep) {
  std::vector<uint32_t> rows(size);
  std::iota(rows.begin(), rows.end(), 0);
  std::ranges::stable_sort(rows, [&](uint32_t a, uint32_t b) {
    for (size_t i = 0; i < keys.size(); ++i) {
      const Datum x = keys[i].datum(a), y = keys[i].datum(b);
      if (x.is_null() && y.is_null()) continue;
      if (x.is_null() || y.is_null()) return x.is_null() == order[i].nulls_first;
      const int sign = compare_datums(x, y);
      if (sign != 0) return order[i].descending ? sign > 0 : sign < 0;
    }
    return false;
  });
  rows.resize(std::min<size_t>(keep, size));
  return rows;
}

Vector times(std::vector<int64_t> values) {
  Vector made = Vector::of(SqlType::kTimestamp, static_cast<uint32_t>(values.size()));
  made.times = std::move(values);
  return made;
}

Vector numbers(const std::vector<Int128>& values) {
  Vector made = Vector::of(SqlType::kInt64, static_cast<uint32_t>(values.size()));
  made.numbers = values;
  return made;
}

TEST_CASE("order by position: without keys rows are in order; equal keys leave them in theirs") {
  CHECK(order_positions({}, {}, 5, 3) == std::vector<uint32_t>{0, 1, 2});
  CHECK(order_positions({}, {}, 2, UINT64_MAX) == std::vector<uint32_t>{0, 1});
  std::vector<OrderKey> order;
  order.push_back(order_key(true, false));
  const std::vector<Vector> keys{times({7, 9, 7, 9})};
  CHECK(order_positions(order, keys, 4, UINT64_MAX) == std::vector<uint32_t>{1, 3, 0, 2});
  CHECK(order_positions(order, keys, 4, 3) == std::vector<uint32_t>{1, 3, 0});
  CHECK(order_positions(order, keys, 4, 0).empty());
  CHECK(order_positions(order, std::vector<Vector>{times({})}, 0, 3).empty());
}

TEST_CASE("order by position: the ends of 64 bits, and numbers beyond them") {
  std::vector<OrderKey> up, down;
  up.push_back(order_key(false, false));
  down.push_back(order_key(true, false));
  const std::vector<Vector> within{numbers({INT64_MAX, 0, INT64_MIN, -1})};
  CHECK(order_positions(up, within, 4, 9) == std::vector<uint32_t>{2, 3, 1, 0});
  CHECK(order_positions(down, within, 4, 9) == std::vector<uint32_t>{0, 1, 3, 2});
  const std::vector<Vector> beyond{numbers({Int128{1} << 64, 0, -(Int128{1} << 100), 1})};
  CHECK(order_positions(up, beyond, 4, 9) == std::vector<uint32_t>{2, 1, 3, 0});
  CHECK(order_positions(down, beyond, 4, 2) == std::vector<uint32_t>{0, 3});
}

Vector random_keys(Random& random, uint32_t size) {
  const uint64_t kind = random.below(5), most = uint64_t{1} << (1 + random.below(40));
  if (kind == 0) return Vector::of_null(size);
  Vector made = Vector::of(kind == 1 ? SqlType::kTimestamp : kind == 2 ? SqlType::kString : SqlType::kDecimal, size);
  const bool wide = random.chance(0.2), scales = random.chance(0.2), nulls = random.chance(0.3);
  static const std::vector<std::string> kTexts{"", "a", "ab", "b", "ba"};
  for (uint32_t i = 0; i < size; ++i) {
    const int64_t value = static_cast<int64_t>(random.below(most)) - static_cast<int64_t>(most / 2);
    if (kind == 1) {
      made.times[i] = value;
    } else if (kind == 2) {
      made.strings[i] = kTexts[random.below(kTexts.size())];
    } else {
      const uint8_t scale = scales ? static_cast<uint8_t>(random.below(3)) : uint8_t{2};
      made.set_number(i, {wide ? Int128{value} * INT64_MAX : Int128{value}, scale});
    }
    if (nulls && random.chance(0.2)) made.set_null(i);
  }
  if (random.chance(0.3) && kind == 1) std::ranges::sort(made.times);
  return made;
}

TEST_CASE("order by position: keys of any type, NULLs, directions and limits") {
  const uint64_t seed = test_seed(823);
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 600; ++round) {
    CAPTURE(round);
    const auto size = static_cast<uint32_t>(random.below(200));
    std::vector<OrderKey> order;
    std::vector<Vector> keys;
    for (uint64_t left = 1 + random.below(3); left > 0; --left) {
      order.push_back(order_key(random.chance(0.5), random.chance(0.5)));
      keys.push_back(random_keys(random, size));
    }
    const uint64_t keep = random.chance(0.4) ? UINT64_MAX : random.below(220);
    REQUIRE(order_positions(order, keys, size, keep) == sorted_by_values(order, keys, size, keep));
  }
}

}  // namespace
}  // namespace tally

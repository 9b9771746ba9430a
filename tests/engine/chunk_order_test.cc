#include "engine/chunk_order.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <thread>

#include "base/random.h"
#include "tests/support/seed.h"

using namespace tally;

namespace {

std::vector<uint16_t> plain_rows_of(const std::vector<uint32_t>& codes, uint32_t first, uint32_t last) {
  std::vector<uint16_t> rows;
  for (size_t row = 0; row < codes.size(); ++row) {
    if (codes[row] >= first && codes[row] <= last) rows.push_back(static_cast<uint16_t>(row));
  }
  std::ranges::stable_sort(rows, {}, [&](uint16_t row) { return codes[row]; });
  return rows;
}

std::vector<uint16_t> list(std::span<const uint16_t> rows) { return {rows.begin(), rows.end()}; }

using Rows = std::vector<uint16_t>;

}  // namespace

TEST_CASE("chunk order: the example of the header") {
  const std::vector<uint32_t> codes{7, 5, 7, 5, 9};
  const RowOrder order(codes);
  CHECK(list(order.rows_of(0, UINT32_MAX)) == Rows{1, 3, 0, 2, 4});
  CHECK(list(order.rows_of(7, 7)) == Rows{0, 2});
  CHECK(list(order.rows_of(5, 7)) == Rows{1, 3, 0, 2});
  CHECK(order.rows_of(6, 6).empty());
  CHECK(order.rows_of(0, 4).empty());
  CHECK(order.rows_of(10, UINT32_MAX).empty());
  CHECK(order.rows_of(7, 5).empty());
  CHECK(RowOrder({}).rows_of(0, UINT32_MAX).empty());
}

TEST_CASE("chunk order: random codes of every width, against a stable sort") {
  const uint64_t seed = test_seed(81);
  CAPTURE(seed);
  Random random(seed);
  for (int run = 0; run < 60; ++run) {
    CAPTURE(run);
    const uint64_t widths[] = {0, 1, 10, 11, 12, 22, 23, 32};
    const uint64_t width = widths[run % 8];
    const size_t counts[] = {1, 63, 64, 65, 2'000, kOrderedRowsMax};
    std::vector<uint32_t> codes(run < 55 ? counts[random.below(5)] : counts[5]);
    const uint64_t values = 1 + random.below(codes.size() * 2);
    for (uint32_t& code : codes) {
      code = static_cast<uint32_t>((random.below(values) * 0x9E3779B97F4A7C15u) & ((uint64_t{1} << width) - 1));
    }
    const RowOrder order(codes);
    CHECK(list(order.rows_of(0, UINT32_MAX)) == plain_rows_of(codes, 0, UINT32_MAX));
    CHECK(order.memory_bytes() <= codes.size() * 2 + (codes.size() / 64 + 1) * 4 + 128);
    for (int question = 0; question < 30; ++question) {
      uint32_t first = codes[random.below(codes.size())], last = codes[random.below(codes.size())];
      if (first > last) std::swap(first, last);
      if (random.chance(0.5)) last = first;
      if (random.chance(0.2) && last < UINT32_MAX) ++last;
      if (random.chance(0.2) && first > 0) --first;
      REQUIRE(list(order.rows_of(first, last)) == plain_rows_of(codes, first, last));
    }
  }
}

TEST_CASE("chunk order: zones of slices") {
  std::vector<TimeUs> times(kMemtableStepRows * 2 + 1);
  std::iota(times.begin(), times.end(), TimeUs{1'000});
  times[5] = -4;
  const SliceZones zones = slice_zones(times);
  REQUIRE(zones.size() == 3);
  CHECK(zones[0].min == -4);
  CHECK(zones[0].max == 1'000 + kMemtableStepRows - 1);
  CHECK(zones[1].min == 1'000 + kMemtableStepRows);
  CHECK(zones[2].min == zones[2].max);
  CHECK(slice_zones({}).empty());
}

TEST_CASE("chunk orders: no more than so many of a chunk, and all of them counted until the release") {
  const auto total = std::make_shared<std::atomic<uint64_t>>(1'000);
  const std::vector<uint32_t> codes(500, 3);
  const std::vector<TimeUs> times(500, 7);
  {
    ChunkOrders orders(20, total);
    CHECK(total->load() == 1'000);
    for (size_t d = 0; d < 20; ++d) CHECK((orders.order(d, codes) != nullptr) == (d < ChunkOrders::kOrdersMax));
    CHECK(orders.order(3, codes) == orders.order(3, codes));
    CHECK(orders.zones(times) == orders.zones(times));
    CHECK(orders.memory_bytes() > ChunkOrders::kOrdersMax * 1'000);
    CHECK(total->load() == 1'000 + orders.memory_bytes());
    orders.release();
    orders.release();
    CHECK(total->load() == 1'000);
    CHECK(orders.order(0, codes) != nullptr);
  }
  {
    ChunkOrders orders(1, total);
    CHECK(orders.order(0, codes) != nullptr);
    CHECK(total->load() > 1'000);
  }
  CHECK(total->load() == 1'000);
}

TEST_CASE("chunk orders: threads that ask at once get one order, or none yet") {
  std::vector<uint32_t> codes(20'000);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint32_t>(i * 7 % 100);
  for (int run = 0; run < 20; ++run) {
    ChunkOrders orders(3, nullptr);
    std::atomic<uint64_t> wrong{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&] {
        for (size_t d = 0; d < 3; ++d) {
          const RowOrder* order = nullptr;
          while ((order = orders.order(d, codes)) == nullptr) std::this_thread::yield();
          wrong += order != orders.order(d, codes) || order->rows_of(5, 5).size() != 200;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
  }
}

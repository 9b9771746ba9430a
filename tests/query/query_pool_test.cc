// Helpers of queries, and what queries may take of memory.
#include "query/query_pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "query/memory_budget.h"

namespace tally {
namespace {

TEST_CASE("query pool: every task runs once, with helpers and without") {
  for (const unsigned helpers : {0u, 1u, 3u}) {
    CAPTURE(helpers);
    QueryPool pool(helpers);
    for (size_t count = 0; count < 20; ++count) {
      std::vector<std::atomic<int>> ran(count);
      pool.run(count, [&](size_t i) { ++ran[i]; });
      for (const auto& times : ran) REQUIRE(times == 1);
    }
  }
}

TEST_CASE("query pool: queries that come at once all end, however few help") {
  QueryPool pool(1);
  std::atomic<int> done{0};
  std::vector<std::thread> queries;
  for (int query = 0; query < 6; ++query) {
    queries.emplace_back([&] {
      for (int round = 0; round < 50; ++round) pool.run(3, [&](size_t) { ++done; });
    });
  }
  for (std::thread& query : queries) query.join();
  CHECK(done == 6 * 50 * 3);
}

TEST_CASE("memory budget: a query has its own, and all have one together") {
  using Verdict = MemoryBudget::Verdict;
  MemoryBudget all(100);
  {
    MemoryBudget one(80, &all), other(80, &all);
    CHECK(one.change(0, 60) == Verdict::kFits);
    CHECK(one.change(60, 81) == Verdict::kTooMuch);
    CHECK(one.change(81, 50) == Verdict::kFits);
    CHECK(other.change(0, 51) == Verdict::kTooMuchOfAll);
    CHECK(other.change(51, 50) == Verdict::kFits);
    CHECK(all.used() == 100);
  }
  CHECK(all.used() == 0);
}

}  // namespace
}  // namespace tally

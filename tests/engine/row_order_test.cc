#include "engine/row_order.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>

#include "tests/support/engine/sample_schemas.h"
#include "tests/support/engine/seed.h"
#include "tests/support/engine/small_rows.h"

using namespace tally;

namespace {

constexpr TimeUs kBegin = 1'700'000'000 * kMicrosPerSecond;

// Rows of ad_events whose codes are at most `largest`, and whose times are spread over so much time.
ChunkList random_chunks(Random& random, size_t chunks, uint32_t rows, uint32_t largest, TimeUs spread) {
  auto schema = std::make_shared<const Schema>(ad_events_schema());
  ChunkList list;
  for (size_t c = 0; c < chunks; ++c) {
    auto chunk = std::make_shared<Chunk>(schema, rows, random.chance(0.5));
    while (chunk->rows() < rows) {
      auto batch = small_batch(*schema, random, std::min<uint32_t>(rows - chunk->rows(), 500));
      for (TimeUs& time : batch->times)
        time = kBegin + static_cast<TimeUs>(random.below(static_cast<uint64_t>(spread)));
      for (auto& dimension : batch->dimensions) {
        for (uint32_t& code : dimension.table_codes) code = static_cast<uint32_t>(random.below(3)) * (largest / 2);
      }
      std::vector<uint32_t> all(batch->rows);
      for (uint32_t i = 0; i < batch->rows; ++i) all[i] = i;
      (void)chunk->append(*batch, all, std::vector<RowKind>(all.size(), RowKind::kEvent), 1, kBegin);
    }
    list.push_back(std::move(chunk));
  }
  return list;
}

// What the header says, row by row.
auto sort_key(const ChunkList& chunks, RowRef row) {
  const Chunk& chunk = *chunks[row.chunk];
  std::vector<uint32_t> codes;
  for (size_t d = 0; d < chunk.schema().dimensions().size(); ++d) codes.push_back(chunk.codes(d)[row.row]);
  const TimeUs time = chunk.times()[row.row];
  return std::tuple(utc_day(time), codes, time, row.chunk, row.row);
}

}  // namespace

TEST_CASE("row order: by day, dimensions, time and place, whether or not that fits the key") {
  const uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  struct Case {
    const char* name;
    uint32_t largest_code;
    TimeUs spread;
  };
  const Case cases[] = {
      {"codes and times fit", 200, 3 * kMicrosPerDay},
      {"the times do not", 1u << 13, 3 * kMicrosPerDay},
      {"nor do all the codes", UINT32_MAX, 3 * kMicrosPerDay},
      {"one moment", 200, 1},
      {"one moment, one combination", 1, 1},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    const ChunkList chunks = random_chunks(random, 3, 3'000, one.largest_code, one.spread);
    std::vector<RowRef> expected;
    for (uint16_t c = 0; c < 3; ++c) {
      for (uint16_t r = 0; r < 3'000; ++r) expected.push_back({c, r});
    }
    std::ranges::sort(expected, {}, [&](RowRef row) { return sort_key(chunks, row); });
    size_t at = 0, wrong = 0;
    int32_t before = INT32_MIN;
    for (const DayRows& day : order_rows(chunks)) {
      CHECK(day.day > before);
      before = day.day;
      for (const RowRef row : day.rows) {
        REQUIRE(at < expected.size());
        wrong += row.chunk != expected[at].chunk || row.row != expected[at].row ||
                 utc_day(chunks[row.chunk]->times()[row.row]) != day.day;
        ++at;
      }
    }
    CHECK(wrong == 0);
    CHECK(at == expected.size());
  }
}

TEST_CASE("row order: of no chunks, and of chunks without rows, nothing") {
  CHECK(order_rows({}).empty());
  auto schema = std::make_shared<const Schema>(ad_events_schema());
  CHECK(order_rows({std::make_shared<const Chunk>(schema, 10)}).empty());
}

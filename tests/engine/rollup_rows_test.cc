// Combining rows of a tier into rows of a coarser one, against a plain map: keys of one word, of two and of more, sums wider
// than 64 bits.
#include <doctest/doctest.h>

#include <map>
#include <memory>

#include "base/random.h"
#include "engine/dictionary.h"
#include "engine/rollup_totals.h"
#include "engine/segment_reader.h"
#include "tests/support/engine/seed.h"
#include "tests/support/engine/test_rows.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

constexpr int32_t kDayNumber = 19'000;

Schema wide_schema(size_t dimensions) {
  Schema schema = test_schema();
  schema.columns.erase(schema.columns.begin() + 2);
  for (size_t d = 0; d < dimensions; ++d) {
    Column column;
    column.name = "d" + std::to_string(d);
    column.role = ColumnRole::kDimension;
    column.type = ColumnType::kString;
    schema.columns.push_back(column);
  }
  assign_ids(schema);
  Measure sum;
  sum.name = "clicks";
  sum.kind = AggregateKind::kSum;
  sum.column_id = schema.find_column("click")->id;
  Measure low = sum;
  low.name = "lowest";
  low.kind = AggregateKind::kMin;
  schema.measures = {sum, low};
  return complete_schema(std::move(schema)).value();
}

struct Expected {
  int64_t events = 0;
  __int128 clicks = 0;
  int64_t lowest = INT64_MAX;
  friend bool operator==(const Expected&, const Expected&) = default;
};
using Key = std::vector<uint64_t>;  // codes, then the bucket

// What a file of a tier adds up to, by key.
std::map<Key, Expected> read_back(const SegmentReader& reader, const RollupShape& shape) {
  auto cursor = reader.cursor(tier_selection(shape));
  std::map<Key, Expected> got;
  for (uint32_t block = 0; block < reader.blocks().size(); ++block) {
    const auto read = cursor->read(block);
    REQUIRE(read);
    RollupRows::Input input;
    show_tier_block(shape, **read, input);
    for (uint32_t row = 0; row < input.rows; ++row) {
      Key key;
      for (const uint32_t* column : input.codes) key.push_back(column[row]);
      key.push_back(static_cast<uint64_t>(input.times[row] % kMicrosPerDay / kMicrosPerHour));
      Expected& of = got[key];
      of.events += input.values[0].ints[row];
      of.clicks += input.values[5].ints[row];
      const uint8_t* none = input.values[6].nulls;
      if (none == nullptr || none[row] == 0) of.lowest = std::min(of.lowest, input.values[6].ints[row]);
    }
  }
  return got;
}

void run(size_t dimensions, uint32_t codes, uint64_t seed) {
  CAPTURE(dimensions);
  CAPTURE(seed);
  Random draw(seed);
  SimDisk disk(1);
  SeededRandomScope scope(seed);
  REQUIRE(disk.make_directory("/s"));
  auto schema = std::make_shared<const Schema>(wide_schema(dimensions));
  const RollupShape shape = RollupShape::of(schema, schema->rollups[0].id, Tier::kHour);
  std::vector<std::unique_ptr<Dictionary>> dictionaries;
  SegmentWriter::Options options{.fs = &disk,
                                 .directory = "/s",
                                 .number = 1,
                                 .schema = schema,
                                 .dictionaries = {},
                                 .block_rows = 64,
                                 .records = {},
                                 .tier = Tier::kHour,
                                 .rollup_id = shape.rollup_id};
  for (size_t d = 0; d < dimensions; ++d) {
    dictionaries.push_back(std::make_unique<Dictionary>(1'000'000));
    for (uint32_t code = 0; code < codes; ++code) dictionaries.back()->add("v" + std::to_string(code));
    options.dictionaries.push_back(dictionaries.back().get());
  }
  auto writer = SegmentWriter::create(options);
  REQUIRE(writer);
  RollupRows rows(shape, std::vector<uint32_t>(dimensions, 20), kDayNumber);
  std::map<Key, Expected> expected;
  for (int part = 0; part < 3; ++part) {
    constexpr uint32_t kRows = 400;
    std::vector<TimeUs> times(kRows);
    std::vector<std::vector<uint32_t>> columns(dimensions, std::vector<uint32_t>(kRows));
    std::vector<int64_t> events(kRows, 1), clicks(kRows), lowest(kRows);
    std::vector<uint8_t> nulls(kRows);
    for (uint32_t row = 0; row < kRows; ++row) {
      // Parts in ascending hours: what an earlier combine() gave comes before.
      times[row] = kDayNumber * kMicrosPerDay + (part * 8 + static_cast<int64_t>(draw.below(2))) * kMicrosPerHour;
      Key key;
      for (size_t d = 0; d < dimensions; ++d) {
        columns[d][row] = d == 0 ? kFirstValueCode + static_cast<uint32_t>(part)
                                 : static_cast<uint32_t>(draw.below(3) == 0 ? 0 : kFirstValueCode + draw.below(codes));
        key.push_back(columns[d][row]);
      }
      key.push_back(static_cast<uint64_t>(times[row] % kMicrosPerDay / kMicrosPerHour));
      times[row] += static_cast<TimeUs>(draw.below(3600)) * kMicrosPerSecond;
      clicks[row] = draw.below(10) == 0   ? INT64_MAX
                    : draw.below(10) == 0 ? INT64_MIN
                                          : static_cast<int64_t>(draw.below(100));
      lowest[row] = clicks[row];
      nulls[row] = draw.below(5) == 0 ? 1 : 0;
      Expected& of = expected[key];
      of.events += 1;
      if (nulls[row] == 0) of.clicks += clicks[row];
      if (nulls[row] == 0) of.lowest = std::min(of.lowest, lowest[row]);
    }
    RollupRows::Input input{.rows = kRows, .times = times.data(), .codes = {}, .values = {}, .carries = {}};
    for (const auto& column : columns) input.codes.push_back(column.data());
    input.values.resize(shape.values.size());
    input.values[0].ints = events.data();
    input.values[5] = {.ints = clicks.data(), .nulls = nulls.data()};
    input.values[6] = {.ints = lowest.data(), .nulls = nulls.data()};
    rows.add(input, 0, 150);
    rows.add(input, 150, kRows - 150);
    REQUIRE(rows.combine());
    REQUIRE(rows.write(**writer, 0, 10, 64, part == 2));
  }
  const auto info = (*writer)->finish();
  REQUIRE(info);
  CHECK(info->events == 1200);
  CHECK(info->days.size() == 1);
  const auto reader = SegmentReader::open(disk, "/s/00000001.seg", &*info);
  REQUIRE(reader);
  CHECK(read_back(**reader, shape) == expected);
}

}  // namespace

TEST_CASE("rollup rows: what a plain map adds up, whatever the width of the key") {
  const uint64_t seed = test_seed();
  for (size_t dimensions : {size_t{1}, size_t{2}, size_t{3}, size_t{6}, size_t{9}}) {
    run(dimensions, 3, seed + dimensions);
    run(dimensions, 5000, seed + 100 + dimensions);
  }
}

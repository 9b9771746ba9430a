// Grouping gathered rows of raw, against a plain map: keys of every width, in any order and in runs, rollups with some of the
// dimensions and values, signs, NULLs, sums wider than 64 bits, the one number without a negative, sketches.
#include "engine/raw_groups.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <numeric>

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
constexpr uint32_t kBits = 20;  // of every dimension

Measure measure_of(const char* name, AggregateKind kind, uint32_t column_id) {
  Measure measure;
  measure.name = name;
  measure.kind = kind;
  measure.column_id = kind == AggregateKind::kCount ? 0 : column_id;
  measure.unique_precision = 12;
  return measure;
}

// Rollups: "all", with every dimension and measure, and "few", with the last dimension and three of the measures.
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
  const uint32_t click = schema.find_column("click")->id;
  schema.measures = {measure_of("total", AggregateKind::kSum, click), measure_of("low", AggregateKind::kMin, click),
                     measure_of("high", AggregateKind::kMax, click), measure_of("hits", AggregateKind::kCount, 0),
                     measure_of("who", AggregateKind::kUnique, click)};
  assign_ids(schema);
  Rollup all, few;
  all.name = "all";
  few.name = "few";
  for (size_t position : schema.dimensions()) all.dimension_ids.push_back(schema.columns[position].id);
  few.dimension_ids = {all.dimension_ids.back()};
  for (const Measure& measure : schema.measures) all.measure_ids.push_back(measure.id);
  few.measure_ids = {schema.measures[4].id, schema.measures[0].id, schema.measures[1].id};
  for (Rollup* rollup : {&all, &few}) rollup->retention_us[2] = kMicrosPerDay;
  schema.rollups = {all, few};
  return complete_schema(std::move(schema)).value();
}

// By value of a shape: a sum, or an extreme where there is one, or the bytes of a sketch.
struct Cell {
  __int128 number = 0;
  bool none = true;
  Bytes sketch;
  friend bool operator==(const Cell&, const Cell&) = default;
};
using Row = std::vector<Cell>;
using Key = std::vector<uint64_t>;  // codes, then the bucket

// A row of what went in, value by value of the union shape.
struct Made {
  Key codes;
  TimeUs time = 0;
  struct One {
    int64_t number = 0;
    bool null = true;
    uint64_t hash = 0;
  };
  std::vector<One> values;
};

class World {
 public:
  World(size_t dimensions, uint32_t codes, uint64_t seed) : random_(seed), codes_(codes) {
    REQUIRE(disk_.make_directory("/s"));
    schema_ = std::make_shared<const Schema>(wide_schema(dimensions));
    for (size_t d = 0; d < dimensions; ++d) {
      dictionaries_.push_back(std::make_unique<Dictionary>(1'000'000));
      for (uint32_t code = 0; code < codes; ++code) dictionaries_.back()->add("v" + std::to_string(code));
    }
  }

  RollupShape shape(size_t rollup, Tier tier) const {
    return RollupShape::of(schema_, schema_->rollups[rollup].id, tier);
  }

  // One group of so many rows, whose every sum is far wider than 64 bits.
  void add_large_sums(const RollupShape& all, RawRows& rows, uint32_t count, int64_t number) {
    std::vector<Made> block(count);
    for (Made& row : block) {
      row.codes.assign(dictionaries_.size(), kFirstValueCode);
      row.time = kDayNumber * kMicrosPerDay;
      for (const RollupShape::Value& value : all.values) {
        row.values.push_back(draw(value));
        if (value.kind == RollupShape::Kind::kSum && !RawRows::is_count(value)) row.values.back() = {number, false, 0};
      }
    }
    give(all, block, rows);
    made_.insert(made_.end(), block.begin(), block.end());
  }

  // Rows of one block, the way RawValues gives them; in runs of the same key where `runs`.
  void add_block(const RollupShape& all, RawRows& rows, bool runs) {
    const auto count = static_cast<uint32_t>(random_.below(500) + 1);
    std::vector<Made> block(count);
    for (uint32_t row = 0; row < count; ++row) {
      if (row > 0 && runs && !random_.chance(0.1)) {
        block[row].codes = block[row - 1].codes;
        block[row].time = block[row - 1].time;
      } else {
        for (size_t d = 0; d < dictionaries_.size(); ++d) {
          block[row].codes.push_back(random_.chance(0.2) ? kNullCode : kFirstValueCode + random_.below(codes_));
        }
        block[row].time = kDayNumber * kMicrosPerDay + static_cast<TimeUs>(random_.below(kMicrosPerDay));
      }
      for (const RollupShape::Value& value : all.values) block[row].values.push_back(draw(value));
    }
    give(all, block, rows);
    made_.insert(made_.end(), block.begin(), block.end());
  }

  std::map<Key, Row> expected(const RollupShape& all, const RollupShape& shape) const {
    std::map<Key, Row> groups;
    std::map<std::pair<Key, size_t>, HyperLogLog> sketches;
    for (const Made& row : made_) {
      Key key;
      for (uint32_t id : shape.dimension_ids) key.push_back(row.codes[place(all.dimension_ids, id)]);
      key.push_back(static_cast<uint64_t>(row.time % kMicrosPerDay / tier_us(shape.tier)));
      Row& group = groups.try_emplace(key, shape.values.size()).first->second;
      for (size_t i = 0; i < shape.values.size(); ++i) {
        const auto same = std::ranges::find(all.values, shape.values[i].column_id, &RollupShape::Value::column_id);
        add(row.values[static_cast<size_t>(same - all.values.begin())], shape.values[i], group[i]);
        if (shape.values[i].kind != RollupShape::Kind::kSketch) continue;
        const Made::One& one = row.values[static_cast<size_t>(same - all.values.begin())];
        if (!one.null)
          sketches.try_emplace({key, i}, HyperLogLog(shape.values[i].precision)).first->second.add(one.hash);
      }
    }
    for (const auto& [of, sketch] : sketches) encode_sketch(sketch, groups.at(of.first)[of.second].sketch);
    return groups;
  }

  std::map<Key, Row> written(const RollupShape& all, const RollupShape& shape, const RawRows& rows) {
    SegmentWriter::Options options{.fs = &disk_,
                                   .directory = "/s",
                                   .number = ++number_,
                                   .schema = schema_,
                                   .dictionaries = {},
                                   .block_rows = 64,
                                   .records = {},
                                   .tier = shape.tier,
                                   .rollup_id = shape.rollup_id};
    for (uint32_t id : shape.dimension_ids) {
      options.dictionaries.push_back(dictionaries_[place(all.dimension_ids, id)].get());
    }
    auto writer = SegmentWriter::create(options);
    REQUIRE(writer);
    RawGroups groups(shape, std::vector<uint32_t>(shape.dimension_ids.size(), kBits), all, rows);
    REQUIRE(groups.write({.writer = writer->get(), .day = kDayNumber, .above = 3, .through = 10, .block_rows = 64}));
    const auto info = (*writer)->finish();
    REQUIRE(info);
    CHECK(info->days.front().above_lsn == 3);
    CHECK(info->days.front().through_lsn == 10);
    const auto reader = SegmentReader::open(disk_, join("/s/", number_), &*info);
    REQUIRE(reader);
    return read(**reader, shape);
  }

 private:
  static std::string join(const std::string& directory, uint64_t number) {
    const std::string digits = std::to_string(number);
    return directory + std::string(8 - digits.size(), '0') + digits + ".seg";
  }
  static size_t place(const std::vector<uint32_t>& ids, uint32_t id) {
    return static_cast<size_t>(std::ranges::find(ids, id) - ids.begin());
  }

  Made::One draw(const RollupShape::Value& value) {
    if (RawRows::is_count(value)) {
      const int64_t number =
          value.measure == nullptr ? random_.chance(0.5) : static_cast<int64_t>(random_.below(3)) - 1;
      return {.number = number, .null = false, .hash = 0};
    }
    Made::One one{
        .number = static_cast<int64_t>(random_.below(100)), .null = random_.chance(0.3), .hash = random_.next()};
    if (random_.chance(0.1)) one.number = random_.chance(0.5) ? INT64_MAX : INT64_MIN;
    if (value.measure == nullptr) one.number = 1;
    return one;
  }

  // A sum of INT64_MAX and one more stands for the negative of INT64_MIN, as RawValues has it.
  static void add(const Made::One& one, const RollupShape::Value& value, Cell& cell) {
    if (one.null || value.kind == RollupShape::Kind::kSketch) return;
    if (value.kind == RollupShape::Kind::kSum) cell.number += one.number;
    if (value.kind == RollupShape::Kind::kMin && (cell.none || one.number < cell.number)) cell.number = one.number;
    if (value.kind == RollupShape::Kind::kMax && (cell.none || one.number > cell.number)) cell.number = one.number;
    cell.none = value.kind == RollupShape::Kind::kSum;
  }

  void give(const RollupShape& all, std::vector<Made>& block, RawRows& rows) {
    const auto count = static_cast<uint32_t>(block.size());
    std::vector<TimeUs> times;
    std::vector<std::vector<uint32_t>> codes(all.dimension_ids.size());
    for (const Made& row : block) {
      times.push_back(row.time);
      for (size_t d = 0; d < codes.size(); ++d) codes[d].push_back(static_cast<uint32_t>(row.codes[d]));
    }
    struct Arrays {
      std::vector<int8_t> counts;
      std::vector<int64_t> ints;
      std::vector<uint8_t> nulls;
      std::vector<uint64_t> hashes;
    };
    std::vector<Arrays> arrays(all.values.size());
    RollupRows::Input input{.rows = count, .times = times.data(), .codes = {}, .values = {}, .carries = {}};
    for (const auto& column : codes) input.codes.push_back(column.data());
    for (size_t i = 0; i < all.values.size(); ++i) {
      for (Made& row : block) {
        arrays[i].counts.push_back(static_cast<int8_t>(row.values[i].number));
        arrays[i].ints.push_back(row.values[i].number);
        arrays[i].nulls.push_back(row.values[i].null ? 1 : 0);
        arrays[i].hashes.push_back(row.values[i].hash);
      }
      RollupRows::Value& value = input.values.emplace_back();
      if (RawRows::is_count(all.values[i])) {
        value.counts = arrays[i].counts.data();
      } else {
        value.nulls = arrays[i].nulls.data();
        if (all.values[i].kind == RollupShape::Kind::kSketch) value.hashes = arrays[i].hashes.data();
        if (all.values[i].kind != RollupShape::Kind::kSketch) value.ints = arrays[i].ints.data();
      }
      if (all.values[i].kind != RollupShape::Kind::kSum || RawRows::is_count(all.values[i])) continue;
      const auto row = static_cast<uint32_t>(random_.below(count));
      block[row].values[i] = {.number = 1, .null = false, .hash = 0};  // what is expected: the carry alone
      arrays[i].nulls[row] = 1;
      input.carries.push_back({row, i});
    }
    const auto middle = static_cast<uint32_t>(random_.below(count + 1));
    rows.add(input, 0, middle);
    rows.add(input, middle, count - middle);
  }

  std::map<Key, Row> read(const SegmentReader& reader, const RollupShape& shape) const {
    auto cursor = reader.cursor(tier_selection(shape));
    std::map<Key, Row> got;
    for (uint32_t block = 0; block < reader.blocks().size(); ++block) {
      const auto columns = cursor->read(block);
      REQUIRE(columns);
      RollupRows::Input input;
      show_tier_block(shape, **columns, input);
      for (uint32_t row = 0; row < input.rows; ++row) {
        Key key;
        for (const uint32_t* codes : input.codes) key.push_back(codes[row]);
        key.push_back(static_cast<uint64_t>(input.times[row] % kMicrosPerDay / tier_us(shape.tier)));
        Row& group = got.try_emplace(key, shape.values.size()).first->second;
        for (size_t i = 0; i < shape.values.size(); ++i) {
          const RollupRows::Value& value = input.values[i];
          if (value.sketches != nullptr) {
            const std::string_view text = value.sketches[row].view();
            group[i].sketch.insert(group[i].sketch.end(), text.begin(), text.end());
          } else {
            add({value.ints[row], value.nulls != nullptr && value.nulls[row] != 0, 0}, shape.values[i], group[i]);
          }
        }
      }
    }
    return got;
  }

  Random random_;
  const uint32_t codes_;
  SimDisk disk_{1};
  std::shared_ptr<const Schema> schema_;
  std::vector<std::unique_ptr<Dictionary>> dictionaries_;
  std::vector<Made> made_;
  uint64_t number_ = 0;
};

void run(size_t dimensions, uint32_t codes, bool runs, uint64_t seed) {
  CAPTURE(dimensions);
  CAPTURE(codes);
  CAPTURE(runs);
  CAPTURE(seed);
  SeededRandomScope scope(seed);
  for (Tier tier : {Tier::kMinute, Tier::kHour, Tier::kDay}) {
    World world(dimensions, codes, seed + static_cast<uint64_t>(tier));
    const std::vector<RollupShape> shapes = {world.shape(0, tier), world.shape(1, tier)};
    const RollupShape all = RollupShape::of_all(shapes);
    RawRows rows(all);
    rows.clear(kDayNumber);
    for (int block = 0; block < 4; ++block) world.add_block(all, rows, runs);
    for (const RollupShape& shape : shapes) CHECK(world.written(all, shape, rows) == world.expected(all, shape));
  }
}

}  // namespace

TEST_CASE("raw groups: what a plain map adds up, whatever the width of the key and the order of the rows") {
  const uint64_t seed = test_seed();
  for (size_t dimensions : {size_t{1}, size_t{3}, size_t{5}, size_t{7}, size_t{12}}) {
    run(dimensions, 2, false, seed + dimensions);
    run(dimensions, 5000, false, seed + 100 + dimensions);
    run(dimensions, 2, true, seed + 200 + dimensions);
  }
}

TEST_CASE("raw groups: a sum that needs a hundred thousand rows of 64 bits") {
  const uint64_t seed = test_seed();
  for (const int64_t number : {INT64_MAX, INT64_MIN + 1}) {
    CAPTURE(number);
    CAPTURE(seed);
    SeededRandomScope scope(seed);
    World world(1, 2, seed);
    const std::vector<RollupShape> shapes = {world.shape(0, Tier::kMinute)};
    const RollupShape all = RollupShape::of_all(shapes);
    RawRows rows(all);
    rows.clear(kDayNumber);
    world.add_large_sums(all, rows, 100'000, number);
    CHECK(world.written(all, shapes[0], rows) == world.expected(all, shapes[0]));
  }
}

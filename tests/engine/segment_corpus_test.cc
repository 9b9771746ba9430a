// The corpus of the segment's fuzz target: small sound files of the present format, one for each thing that a file may have.
// TALLY_UPDATE_CORPUS=fuzz/corpus/engine_segment writes them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "base/file_names.h"
#include "engine/hyperloglog.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/engine/segment_rows.h"
#include "tests/support/engine/table_world.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

struct Sample {
  const char* name;
  bool ad_events = false;
  SegmentRowsOptions rows;
  uint32_t block_rows = 16;
};

const Sample kSamples[] = {
    {"small_one_row", false, {.rows = 1, .days = 1, .told = false}},
    {"small_two_days", false, {.rows = 12, .days = 2, .values = 3, .told = false}, 5},
    {"small_no_nulls", false, {.rows = 40, .days = 1, .values = 4, .nulls = 0, .told = true}},
    {"small_all_null", false, {.rows = 24, .days = 1, .nulls = 1, .told = true}, 8},
    {"small_text_ids", false, {.rows = 24, .days = 1, .values = 6, .text_ids = 1, .told = true}, 12},
    {"small_uuids", false, {.rows = 24, .days = 1, .values = 6, .one_id_kind = true, .told = true}, 12},
    {"small_indexed", false, {.rows = 120, .days = 2, .values = 60, .told = true}, 8},
    {"small_many_codes", false, {.rows = 150, .days = 1, .values = 1'000, .nulls = 0, .told = true}, 10},
    {"ad_events", true, {.rows = 30, .days = 2, .values = 5, .told = true}, 8},
    {"ad_events_indexed", true, {.rows = 60, .days = 1, .values = 30, .told = true}, 8},
};

// As the fuzz target takes it: a byte that says whether sums are put right and which filters are asked, then the file. Odd: sums are
// put right, so that mutations get far.
Bytes as_input(size_t number, const Bytes& file) {
  Bytes input(1 + file.size());
  input[0] = static_cast<uint8_t>(2 * number + 1);
  std::copy(file.begin(), file.end(), input.begin() + 1);
  return input;
}

Bytes raw_sample(const Sample& sample, size_t number) {
  SegmentRows rows(sample.ad_events ? ad_events_schema() : small_schema(), 2 * number + 1, sample.rows);
  SimDisk disk(1);
  REQUIRE(disk.make_directory("s"));
  REQUIRE(rows.write(disk, "s", sample.block_rows));
  auto reader = *SegmentReader::open(disk, "s/00000007.seg", nullptr);
  CHECK(rows.compare(*reader) == "");
  CHECK(reader->verify()->empty());
  return disk.content("s/00000007.seg");
}

// test_schema() with a measure of each kind and a rollup through every tier.
Schema tiers_schema() {
  Schema schema = test_schema();
  assign_ids(schema);
  add_measure(schema, "counted", AggregateKind::kCount);
  add_measure(schema, "clicks", AggregateKind::kSum, "click");
  add_measure(schema, "lowest", AggregateKind::kMin, "click");
  add_measure(schema, "highest", AggregateKind::kMax, "click");
  add_measure(schema, "users", AggregateKind::kUnique, "user").unique_precision = kHyperLogLogPrecisionMin;
  assign_ids(schema);
  add_campaign_rollup(schema, "by_campaign", 300 * kMicrosPerDay, 300 * kMicrosPerDay, 300 * kMicrosPerDay);
  return schema;
}

// Files of the three tiers of a table's rollup, by name.
std::map<std::string, Bytes> tier_samples() {
  TableOptions options = small_table_options();
  options.background = true;
  options.segment_block_rows = 16;
  TableWorld world(1, options, tiers_schema());
  std::vector<TestRow> rows;
  for (int64_t i = 0; i < 60; ++i) {
    rows.push_back({.id = "e" + std::to_string(i),
                    .age_us = i % 7 * kMicrosPerHour + i % 3 * kMicrosPerMinute,
                    .campaign = "c" + std::to_string(i % 9),
                    .click = i % 11 - 3,
                    .user = "u" + std::to_string(i % 17)});
  }
  world.send(rows);
  world.flush();
  world.clock.advance(3 * kMicrosPerDay);
  world.send({{.id = "later"}});  // a day is folded once events of later days have come
  world.flush();
  REQUIRE(world.table().run_background());
  std::map<std::string, Bytes> samples;
  const std::string directory = world.path() + "/tables/events/segments";
  const auto files = world.disk.list(directory);
  REQUIRE(files);
  for (const FileInfo& file : *files) {
    const std::string path = join_path(directory, file.name);
    const auto reader = SegmentReader::open(world.disk, path, nullptr);
    REQUIRE(reader);
    if ((*reader)->info().rollup_id == 0) continue;
    CHECK((*reader)->verify()->empty());
    samples["tier_" + std::string(tier_name((*reader)->info().tier))] = world.disk.content(path);
  }
  return samples;
}

std::map<std::string, Bytes> samples() {
  std::map<std::string, Bytes> inputs;
  size_t number = 0;
  for (const Sample& sample : kSamples) {
    CAPTURE(sample.name);
    inputs[sample.name] = as_input(number, raw_sample(sample, number));
    ++number;
  }
  for (const auto& [name, file] : tier_samples()) inputs[name] = as_input(number++, file);
  return inputs;
}

}  // namespace

TEST_CASE("segment corpus: the samples are sound, small, and can be written anew") {
  const char* directory = std::getenv("TALLY_UPDATE_CORPUS");
  auto fs = make_posix_file_system();
  size_t bytes = 0;
  const std::map<std::string, Bytes> inputs = samples();
  CHECK(inputs.size() == std::size(kSamples) + 3);
  for (const auto& [name, input] : inputs) {
    bytes += input.size();
    if (directory != nullptr) REQUIRE(write_file_atomic(*fs, join_path(directory, name), input));
  }
  CHECK(bytes < 200'000);
}

// What the footer of a segment cannot say, though every sum in the file is right: it is refused when the file is opened, so that
// nobody behind that stumbles over it.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "engine/segment_describe.h"
#include "engine/segment_reader.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/engine/segment_rows.h"
#include "tests/support/engine/segment_surgery.h"
#include "tests/support/engine/test_rows.h"
#include "tests/support/sim_disk.h"

using namespace tally;
using namespace tally::segment_format;

namespace {

constexpr const char* kPath = "s/00000007.seg";

// Opens, verifies, describes and dumps a file of these bytes; why it was refused, or what verify() found, or "".
std::string use(const Bytes& file) {
  SimDisk disk(1);
  REQUIRE(disk.make_directory("s"));
  REQUIRE((*disk.open(kPath, OpenMode::kCreate))->write_at(0, file));
  std::string problems;
  if (auto description = describe_segment(disk, kPath, true)) {
    for (const std::string& line : description->lines) {
      if (line.starts_with("problem: ")) problems += line + "\n";
    }
  } else {
    return description.error().message;
  }
  REQUIRE(dump_segment_rows(disk, kPath, UINT64_MAX, [](std::string_view) {}));
  return problems;
}

Bytes raw_file() {
  const SegmentRows rows(small_schema(), 3, {.rows = 200, .days = 3, .values = 40, .nulls = 0.1, .told = true});
  SimDisk disk(1);
  REQUIRE(disk.make_directory("s"));
  REQUIRE(rows.write(disk, "s", 20));
  return disk.content(kPath);
}

// Two buckets of a rollup without measures of its own.
Bytes rollup_file(const std::shared_ptr<const Schema>& schema, int64_t events = 3) {
  const Rollup& rollup = schema->rollups.front();
  SimDisk disk(1);
  REQUIRE(disk.make_directory("s"));
  Dictionary dictionary(10);
  dictionary.add("one");
  SegmentWriter::Options options{.fs = &disk,
                                 .directory = "s",
                                 .number = 7,
                                 .schema = schema,
                                 .dictionaries = {},
                                 .records = {},
                                 .tier = Tier::kHour,
                                 .rollup_id = rollup.id};
  options.dictionaries.assign(rollup.dimension_ids.size(), &dictionary);
  const TimeUs times[] = {19'000 * kMicrosPerDay, 19'000 * kMicrosPerDay + kMicrosPerHour};
  const uint32_t codes[] = {2, 2};
  const int64_t counts[] = {events, 4};
  RawColumns columns{.rows = 2, .times = times, .codes = {}, .fields = {}};
  columns.codes.assign(rollup.dimension_ids.size(), codes);
  columns.fields.assign(kEngineMeasureColumns + rollup.measure_ids.size(), {.ints = counts});
  auto writer = SegmentWriter::create(options);
  REQUIRE(writer);
  REQUIRE((*writer)->add(19'000, columns, 0, 5));
  REQUIRE((*writer)->finish());
  return disk.content(kPath);
}

std::string after(const Bytes& file, const std::function<void(SegmentSurgery&)>& change) {
  SegmentSurgery surgery(file);
  change(surgery);
  return use(surgery.file());
}

bool says(const std::string& text, std::string_view part) {
  CAPTURE(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("segment footer: sound files, and a column that a later version may have added, are read") {
  CHECK(use(raw_file()) == "");
  CHECK(after(raw_file(), [](SegmentSurgery& s) { s.insert_column(0, {4000, ColumnForm::kInts}); }) == "");
  auto schema = std::make_shared<const Schema>(complete_schema(test_schema()).value());
  CHECK(use(rollup_file(schema)) == "");
  CHECK(after(rollup_file(schema), [](SegmentSurgery& s) { s.insert_column(1, {4000, ColumnForm::kBytes}); }) == "");
}

TEST_CASE("segment footer: a column that is there twice, once in another form, is refused") {
  const Bytes file = raw_file();
  const SegmentSurgery sound(file);
  for (const StoredColumn& column : sound.footer.columns) {
    const ColumnForm other = column.form == ColumnForm::kInts ? ColumnForm::kCodes : ColumnForm::kInts;
    for (size_t place : {size_t{0}, sound.footer.columns.size()}) {
      CAPTURE(column.id);
      says(after(file, [&](SegmentSurgery& s) { s.insert_column(place, {column.id, other}); }),
           "footer: column " + std::to_string(column.id) + " is there twice");
    }
  }
}

TEST_CASE("segment footer: a tier with a column that is none of its rollup's is dumped without it") {
  auto schema = std::make_shared<const Schema>(complete_schema(test_schema()).value());
  const Column& field = schema->columns[schema->fields().front()];
  CHECK(after(rollup_file(schema), [&](SegmentSurgery& s) { s.insert_column(1, {field.id, ColumnForm::kInts}); }) ==
        "");
}

TEST_CASE("segment footer: a largest code of what is no dimension of the file is refused") {
  says(after(raw_file(), [](SegmentSurgery& s) { s.footer.max_codes.emplace(4000, 15'999'999); }),
       "footer: a largest code of column 4000, which is no dimension of the file");
}

TEST_CASE("segment footer: a section whose rows are of another day is refused") {
  for (int32_t day : {18'999, 18'998, INT32_MIN}) {
    says(after(raw_file(), [&](SegmentSurgery& s) { s.footer.sections.front().day = day; }),
         "footer: a block of day " + std::to_string(day) + " has times of another");
  }
  says(after(raw_file(), [](SegmentSurgery& s) { s.footer.sections.back().day = INT32_MAX; }), "has times of another");
}

TEST_CASE("segment footer: counts of events that only add up beyond 63 bits are added up") {
  auto schema = std::make_shared<const Schema>(complete_schema(test_schema()).value());
  CHECK(use(rollup_file(schema, INT64_MAX)) == "");
  CHECK(SegmentSurgery(rollup_file(schema, INT64_MAX)).footer.events == uint64_t{INT64_MAX} + 4);
}

TEST_CASE("segment description: how much of its range a block covers, of neighbours among large numbers") {
  SimDisk disk(1);
  SegmentSurgery surgery(raw_file());
  const uint32_t amount = small_schema().find_column("amount")->id;
  const auto zones = std::ranges::find(surgery.footer.zones, amount, &ColumnZones::column_id);
  for (size_t block = 0; block < zones->min.size(); ++block) {
    zones->min[block] = int64_t{1} << 62;
    zones->max[block] = (int64_t{1} << 62) + 1;
  }
  REQUIRE(disk.make_directory("s"));
  REQUIRE((*disk.open(kPath, OpenMode::kCreate))->write_at(0, surgery.file()));
  const auto description = describe_segment(disk, kPath);
  REQUIRE(description);
  auto tells = [](const std::string& line) {
    return line.find("4611686018427387904 to 4611686018427387905") != std::string::npos &&
           line.ends_with(", a block covers 100 % of it");
  };
  CHECK(std::ranges::any_of(description->lines, tells));
}

// The corpus of the segment's fuzz target: small sound files of the present format, one for each thing that a file may have.
// TALLY_UPDATE_CORPUS=fuzz/corpus/engine_segment writes them.
#include <doctest/doctest.h>

#include <cstdlib>

#include "base/file_names.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/engine/segment_rows.h"
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

// As the fuzz target takes it: a byte that says whether sums are put right and which filters are asked, then the file.
Bytes sample_input(const Sample& sample, uint8_t first) {
  SegmentRows rows(sample.ad_events ? ad_events_schema() : small_schema(), first, sample.rows);
  SimDisk disk(1);
  REQUIRE(disk.make_directory("s"));
  REQUIRE(rows.write(disk, "s", sample.block_rows));
  auto reader = *SegmentReader::open(disk, "s/00000007.seg", nullptr);
  CHECK(rows.compare(*reader) == "");
  CHECK(reader->verify()->empty());
  Bytes input = {first};
  const Bytes file = disk.content("s/00000007.seg");
  input.insert(input.end(), file.begin(), file.end());
  return input;
}

}  // namespace

TEST_CASE("segment corpus: the samples are sound, small, and can be written anew") {
  const char* directory = std::getenv("TALLY_UPDATE_CORPUS");
  auto fs = make_posix_file_system();
  size_t bytes = 0;
  for (const Sample& sample : kSamples) {
    CAPTURE(sample.name);
    // An odd first byte: sums are put right, so that mutations get far.
    const Bytes input = sample_input(sample, static_cast<uint8_t>(2 * (&sample - kSamples) + 1));
    bytes += input.size();
    if (directory != nullptr) REQUIRE(write_file_atomic(*fs, join_path(directory, sample.name), input));
  }
  CHECK(bytes < 200'000);
}

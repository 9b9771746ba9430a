// What SET RETENTION ... DRY RUN tells, as a table: manifest and schema in, days out.
#include "engine/retention_preview.h"

#include <doctest/doctest.h>

#include "tests/support/engine/test_rows.h"

using namespace tally;

namespace {

constexpr int32_t kDay = 19'000;
constexpr TimeUs kNoon = kDay * kMicrosPerDay + 12 * kMicrosPerHour;

// Ten days of a rollup of days alone, two a file of 100 bytes; the oldest two in raw as well, which is older than it is kept.
struct Kept {
  ManifestState state;
  Schema schema;

  Kept() {
    Schema made = test_schema();
    assign_ids(made);
    Rollup rollup;
    rollup.name = "r";
    rollup.dimension_ids = {made.find_column("campaign")->id};
    rollup.retention_us[3] = 100 * kMicrosPerDay;
    made.rollups = {rollup};
    schema = complete_schema(std::move(made)).value();
    state.schemas = {std::make_shared<const Schema>(schema)};
    state.newest_event_us = state.newest_arrival_us = kNoon;
    for (int32_t file = 0; file < 5; ++file) {
      SegmentInfo info{.number = static_cast<uint64_t>(1 + file), .size = 100, .tier = Tier::kDay};
      info.rollup_id = schema.rollups[0].id;
      for (int32_t day = kDay - 9 + 2 * file; day < kDay - 7 + 2 * file; ++day) {
        info.days.push_back({.day = day, .rows = 5, .events = 50, .above_lsn = 0, .through_lsn = 10});
        info.rows += 5;
        info.events += 50;
        state.tiers[{info.rollup_id, Tier::kDay, day}] = {0, 10};
      }
      state.segments[info.number] = info;
    }
    SegmentInfo raw{.number = 9, .size = 400, .rows = 100, .events = 100, .min_lsn = 1, .max_lsn = 10};
    raw.days = {{.day = kDay - 9, .rows = 40, .events = 40}, {.day = kDay - 8, .rows = 60, .events = 60}};
    raw.newest_arrival_us = kNoon - 8 * kMicrosPerDay;
    state.segments[9] = raw;
    state.log.flushed_lsn = 10;
  }

  std::vector<RetentionLine> lines(TimeUs day_kept_us, TimeUs raw_kept_us) {
    Schema next = schema;
    ++next.version;
    next.rollups[0].retention_us[3] = day_kept_us;
    next.raw_retention_us = raw_kept_us;
    return preview_retention(state, next, kNoon);
  }
};

}  // namespace

TEST_CASE("retention preview: days, files, rows, events and bytes of what would go") {
  Kept kept;
  const uint32_t r = kept.schema.rollups[0].id;
  CHECK(kept.lines(100 * kMicrosPerDay, 30 * kMicrosPerDay).empty());
  CHECK(kept.lines(100 * kMicrosPerDay, 4 * kMicrosPerDay) ==
        std::vector<RetentionLine>{
            {.rollup_id = 0, .day = kDay - 9, .files = 1, .rows = 40, .events = 40, .bytes = 160},
            {.rollup_id = 0, .day = kDay - 8, .files = 1, .rows = 60, .events = 60, .bytes = 240}});
  const auto days = kept.lines(7 * kMicrosPerDay, 30 * kMicrosPerDay);
  CHECK(days ==
        std::vector<RetentionLine>{
            {.rollup_id = r, .tier = Tier::kDay, .day = kDay - 9, .files = 1, .rows = 5, .events = 50, .bytes = 50},
            {.rollup_id = r, .tier = Tier::kDay, .day = kDay - 8, .files = 1, .rows = 5, .events = 50, .bytes = 50}});
}

TEST_CASE("retention preview: most of a history is told, and that it would be held") {
  Kept kept;
  const auto days = kept.lines(2 * kMicrosPerDay, 30 * kMicrosPerDay);
  CHECK(days.size() == 7);
  for (const RetentionLine& line : days) CHECK(line.held);
}

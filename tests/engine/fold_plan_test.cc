// What the background does next, as a table: the manifest, the clock and the policy in, a job out.
#include <doctest/doctest.h>

#include "engine/fold_debt.h"
#include "engine/fold_plan.h"
#include "engine/rollup_shape.h"
#include "tests/support/engine/test_rows.h"

using namespace tally;

namespace {

constexpr int32_t kDay = 19'000;
constexpr TimeUs kNoon = kDay * kMicrosPerDay + 12 * kMicrosPerHour;

struct Planned {
  ManifestState state;
  uint32_t rollup = 0;

  // One rollup with every tier: minutes 2 days, hours 10, days 100; raw 7 days.
  Planned() {
    Schema schema = test_schema();
    assign_ids(schema);
    Rollup made;
    made.name = "r";
    made.dimension_ids = {schema.find_column("campaign")->id};
    made.retention_us[1] = 2 * kMicrosPerDay;
    made.retention_us[2] = 10 * kMicrosPerDay;
    made.retention_us[3] = 100 * kMicrosPerDay;
    schema.rollups = {made};
    auto complete = complete_schema(std::move(schema));
    REQUIRE(complete);
    rollup = complete->rollups[0].id;
    state.schemas = {std::make_shared<const Schema>(*std::move(complete))};
    at(kNoon);
  }

  void at(TimeUs now_us) { state.newest_event_us = state.newest_arrival_us = now_us; }

  void raw(uint64_t number, Lsn min, Lsn max, std::vector<int32_t> days, TimeUs newest_arrival = kNoon) {
    SegmentInfo info{
        .number = number, .size = 100, .rows = days.size(), .events = days.size(), .min_lsn = min, .max_lsn = max};
    for (int32_t day : days) info.days.push_back({.day = day, .rows = 1, .events = 1});
    info.newest_arrival_us = newest_arrival;
    state.segments[number] = info;
    state.log.flushed_lsn = std::max(state.log.flushed_lsn, max);
  }

  void tier(uint64_t number, Tier tier, std::vector<SegmentDay> days) {
    SegmentInfo info{.number = number, .size = 100, .tier = tier, .rollup_id = rollup};
    for (const SegmentDay& day : days) {
      info.events += day.events;
      TierProgress& progress = state.tiers[{rollup, tier, day.day}];
      progress.folded_lsn = std::max(progress.folded_lsn, day.through_lsn);
    }
    info.days = std::move(days);
    state.segments[number] = info;
  }

  std::optional<BackgroundJob> next(TimeUs wall_us) { return plan_job(state, wall_us, {}); }
};

SegmentDay part(int32_t day, Lsn above, Lsn through) {
  return {.day = day, .rows = 1, .events = 1, .above_lsn = above, .through_lsn = through};
}

}  // namespace

TEST_CASE("fold plan: nothing there, nothing to do") {
  Planned table;
  CHECK(!table.next(kNoon));
}

TEST_CASE("fold plan: raw goes into the finest tier first, from where each day stands to what is flushed") {
  Planned table;
  table.raw(1, 1, 10, {kDay - 1, kDay});
  table.raw(2, 5, 20, {kDay});
  table.tier(3, Tier::kMinute, {part(kDay - 1, 0, 10)});
  const auto job = table.next(kNoon);
  REQUIRE(job);
  const FoldTask wanted{.rollup_id = table.rollup,
                        .tier = Tier::kMinute,
                        .source = Tier::kRaw,
                        .inputs = {1, 2},
                        .days = {{kDay, 0, 20}}};
  CHECK(std::get<FoldTask>(*job) == wanted);
}

TEST_CASE("fold plan: the debt is what raw holds above the finest tier, day by day") {
  Planned table;
  CHECK(fold_debt_rows(table.state) == 0);
  table.raw(1, 1, 10, {kDay - 1, kDay});
  table.raw(2, 11, 20, {kDay});
  CHECK(fold_debt_rows(table.state) == 3);
  table.tier(3, Tier::kMinute, {part(kDay, 0, 10)});
  CHECK(fold_debt_rows(table.state) == 2);
  table.tier(4, Tier::kMinute, {part(kDay - 1, 0, 20), part(kDay, 10, 20)});
  CHECK(fold_debt_rows(table.state) == 0);
}

TEST_CASE("fold plan: a day goes on when it is closed, and late parts of it when there are enough") {
  Planned table;
  table.tier(1, Tier::kMinute, {part(kDay, 0, 10)});
  CHECK(!table.next(kNoon));  // the day is not over
  table.at((kDay + 1) * kMicrosPerDay + 59 * kMicrosPerMinute);
  CHECK(!table.next(kNoon));
  table.at((kDay + 1) * kMicrosPerDay + kMicrosPerHour);
  const auto job = table.next(INT64_MIN);
  REQUIRE(job);
  const FoldTask wanted{
      .rollup_id = table.rollup, .tier = Tier::kHour, .source = Tier::kMinute, .inputs = {1}, .days = {{kDay, 0, 10}}};
  CHECK(std::get<FoldTask>(*job) == wanted);
  table.tier(2, Tier::kHour, {part(kDay, 0, 10)});
  table.tier(3, Tier::kDay, {part(kDay, 0, 10)});
  for (uint64_t late = 0; late < 3; ++late) {
    CHECK(!table.next(INT64_MIN));
    table.tier(10 + late, Tier::kMinute, {part(kDay, 10 + late, 11 + late)});
  }
  table.tier(13, Tier::kMinute, {part(kDay, 13, 14)});
  const auto later = table.next(INT64_MIN);
  REQUIRE(later);
  CHECK(std::get<FoldTask>(*later).inputs == std::vector<uint64_t>{10, 11, 12, 13});
  CHECK(std::get<FoldTask>(*later).days == std::vector<FoldTask::Day>{{kDay, 10, 14}});
}

TEST_CASE("fold plan: segments of a size are joined, apart where the next tier has folded one part of a day") {
  Planned table;
  for (uint64_t number = 1; number <= 4; ++number) {
    table.tier(number, Tier::kMinute, {part(kDay, number - 1, number)});
  }
  auto job = table.next(INT64_MIN);
  REQUIRE(job);
  CHECK(std::get<FoldTask>(*job).joins());
  CHECK(std::get<FoldTask>(*job).days == std::vector<FoldTask::Day>{{kDay, 0, 4}});
  table.state.tiers[{table.rollup, Tier::kHour, kDay}].folded_lsn = 3;
  job = table.next(INT64_MIN);
  REQUIRE(job);
  CHECK(std::get<FoldTask>(*job).days == std::vector<FoldTask::Day>{{kDay, 0, 3}, {kDay, 3, 4}});
  // Two files into two would go on for ever.
  table.state.segments.erase(1);
  table.state.segments.erase(2);
  CHECK(plan_joins(table.state, {.join_files = 2}).empty());
}

TEST_CASE("retention plan: a tier drops what the next one has, the last one by the clock, raw by arrival") {
  Planned table;
  const int32_t old = kDay - 5;
  table.tier(1, Tier::kMinute, {part(old, 0, 10)});
  CHECK(!plan_drop(table.state, kNoon));  // the hours do not have it
  table.tier(2, Tier::kHour, {part(old, 0, 10)});
  const auto drop = plan_drop(table.state, kNoon);
  REQUIRE(drop);
  CHECK(drop->segments == std::vector<uint64_t>{1});
  CHECK(drop->tiers == TierProgressMap{{{table.rollup, Tier::kMinute, old}, {10, 10}}});
  CHECK(drop->events == 0);                                   // none left its last tier
  CHECK(!plan_drop(table.state, INT64_MIN));                  // a clock that is not believed
  CHECK(!plan_drop(table.state, kNoon - 4 * kMicrosPerDay));  // one that is behind
  table.at(kNoon - 4 * kMicrosPerDay);                        // one that is ahead of every row
  CHECK(!plan_drop(table.state, kNoon + 100 * kMicrosPerDay));
}

TEST_CASE("retention plan: most of a history is not dropped without a word") {
  Planned table;
  for (int32_t age = 0; age < 4; ++age) {
    table.tier(static_cast<uint64_t>(1 + age), Tier::kDay, {part(kDay - 200 - age, 0, 10)});
  }
  CHECK(!plan_drop(table.state, kNoon));
  for (int32_t age = 0; age < 8; ++age) {
    table.tier(static_cast<uint64_t>(10 + age), Tier::kDay, {part(kDay - age, 0, 10)});
  }
  const auto drop = plan_drop(table.state, kNoon);
  REQUIRE(drop);
  CHECK(drop->segments.size() == 4);
  CHECK(drop->events == 4);
  CHECK(drop->dropped_events == std::map<uint32_t, uint64_t>{{table.rollup, 4}});
}

TEST_CASE("retention plan: raw goes from its oldest records on, once every rollup has them") {
  Planned table;
  const TimeUs long_ago = kNoon - 9 * kMicrosPerDay;
  table.raw(1, 1, 10, {kDay - 9}, long_ago);
  table.raw(2, 11, 20, {kDay - 9}, kNoon);
  CHECK(!plan_drop(table.state, kNoon));
  table.state.tiers[{table.rollup, Tier::kMinute, kDay - 9}].folded_lsn = 20;
  const auto drop = plan_drop(table.state, kNoon);
  REQUIRE(drop);
  CHECK(drop->segments == std::vector<uint64_t>{1});
  CHECK(drop->tiers.at({0, Tier::kRaw, kDay - 9}) == TierProgress{10, 10});
  CHECK(drop->dropped_events.at(0) == 1);
  table.raw(3, 5, 30, {kDay}, kNoon);  // it holds records among those of the first
  CHECK(plan_drop(table.state, kNoon) == std::nullopt);
}

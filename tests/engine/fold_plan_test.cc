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
  CHECK(std::get<RawPass>(*job).tasks == std::vector<FoldTask>{wanted});
}

TEST_CASE("fold plan: rollups at the same place of raw are folded in one pass, one that is behind by itself") {
  Planned table;
  Schema schema = *table.state.schema();
  for (const char* name : {"like", "behind"}) {
    Rollup more = schema.rollups[0];
    more.name = name;
    more.id = schema.next_id++;
    schema.rollups.push_back(more);
  }
  table.state.schemas = {std::make_shared<const Schema>(schema)};
  table.raw(1, 1, 10, {kDay - 1, kDay});
  table.raw(2, 11, 20, {kDay});
  const auto rollups = [&](const std::optional<BackgroundJob>& job) {
    std::vector<uint32_t> ids;
    for (const FoldTask& task : std::get<RawPass>(*job).tasks) ids.push_back(task.rollup_id);
    return ids;
  };
  const uint32_t first = table.rollup, like = schema.rollups[1].id, behind = schema.rollups[2].id;
  CHECK(rollups(table.next(kNoon)) == std::vector<uint32_t>{first, like, behind});
  for (uint32_t id : {first, like}) {
    table.state.tiers[{id, Tier::kMinute, kDay - 1}].folded_lsn = 10;
    table.state.tiers[{id, Tier::kMinute, kDay}].folded_lsn = 10;
  }
  CHECK(rollups(table.next(kNoon)) == std::vector<uint32_t>{first, like});
  for (uint32_t id : {first, like}) table.state.tiers[{id, Tier::kMinute, kDay}].folded_lsn = 20;
  CHECK(rollups(table.next(kNoon)) == std::vector<uint32_t>{behind});
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

TEST_CASE("fold plan: a long raw history is folded a few days at a time, from the oldest on") {
  Planned table;
  for (int32_t age = 0; age < 4; ++age) {
    table.raw(static_cast<uint64_t>(1 + age), static_cast<Lsn>(10 * age + 1), static_cast<Lsn>(10 * age + 9),
              {kDay - age});
  }
  BackgroundPolicy policy;
  policy.join_bytes_max = 200;
  auto task = plan_raw_folds(table.state, policy).front();
  CHECK(task.days == std::vector<FoldTask::Day>{{kDay - 3, 0, 39}, {kDay - 2, 0, 39}});
  CHECK(task.inputs == std::vector<uint64_t>{3, 4});
  policy.join_bytes_max = 0;  // a day is never cut
  CHECK(plan_raw_folds(table.state, policy).front().days == std::vector<FoldTask::Day>{{kDay - 3, 0, 39}});
  CHECK(plan_raw_folds(table.state, {}).front().days.size() == 4);
}

TEST_CASE("fold plan: a rollup that came later lacks what raw had dropped of a day, in every tier") {
  Planned table;
  table.raw(1, 11, 20, {kDay});
  table.state.tiers[{0, Tier::kRaw, kDay}] = {10, 10};
  const FoldTask minutes{
      .rollup_id = table.rollup, .tier = Tier::kMinute, .source = Tier::kRaw, .inputs = {1}, .days = {{kDay, 0, 20}}};
  ManifestEdit edit;
  REQUIRE(fold_edit(table.state, minutes, {}, edit));
  CHECK(edit.tiers.at({table.rollup, Tier::kMinute, kDay}) == TierProgress{10, 20});
  table.state.tiers.merge(edit.tiers);
  const FoldTask hours{
      .rollup_id = table.rollup, .tier = Tier::kHour, .source = Tier::kMinute, .inputs = {}, .days = {{kDay, 0, 20}}};
  edit = {};
  REQUIRE(fold_edit(table.state, hours, {}, edit));
  CHECK(edit.tiers.at({table.rollup, Tier::kHour, kDay}) == TierProgress{10, 20});
}

TEST_CASE("fold plan: a rollup that was dropped ends before anything else, and nothing is folded into it any more") {
  Planned table;
  table.tier(1, Tier::kMinute, {part(kDay, 0, 10)});
  table.tier(2, Tier::kHour, {part(kDay - 1, 0, 10)});
  table.raw(3, 11, 20, {kDay});
  const FoldTask underway{
      .rollup_id = table.rollup, .tier = Tier::kMinute, .source = Tier::kRaw, .inputs = {3}, .days = {{kDay, 10, 20}}};
  Schema next = *table.state.schema();
  next.version = 2;
  next.rollups[0].id = next.next_id++;
  table.state.schemas.push_back(std::make_shared<const Schema>(next));
  const auto job = table.next(INT64_MIN);
  REQUIRE(job);
  const DropTask& end = std::get<DropTask>(*job);
  CHECK(end.segments == std::vector<uint64_t>{1, 2});
  CHECK(end.ended == std::vector<TierDay>{{table.rollup, Tier::kMinute, kDay}, {table.rollup, Tier::kHour, kDay - 1}});
  ManifestEdit edit;
  drop_edit(end, edit);
  CHECK(edit.ended_tiers == end.ended);
  CHECK(edit.remove_segments == end.segments);
  CHECK(fold_edit(table.state, underway, {}, edit).error().code == Code::kNotFound);
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

TEST_CASE("fold plan: of a tier that is soon dropped, large segments of different days are left apart") {
  Planned table;
  for (int32_t number = 1; number <= 8; ++number) {
    table.tier(static_cast<uint64_t>(number), Tier::kMinute, {part(kDay - number / 2, 0, 1)});
    table.tier(static_cast<uint64_t>(10 + number), Tier::kDay, {part(kDay - number / 2, 0, 1)});
  }
  CHECK(plan_joins(table.state, {}).size() == 2);  // small ones
  for (auto& [number, segment] : table.state.segments) segment.size = 10 * limits::kMiB;
  auto tasks = plan_joins(table.state, {});
  REQUIRE(tasks.size() == 1);
  CHECK(tasks[0].tier == Tier::kDay);
  for (uint64_t number : {3, 4, 5}) table.state.segments[number].days[0].day = kDay - 3;
  tasks = plan_joins(table.state, {});
  REQUIRE(tasks.size() == 2);
  CHECK(tasks[0].inputs == std::vector<uint64_t>{3, 4, 5, 6, 7});
}

TEST_CASE("fold plan: raw segments that arrived together are joined once they are folded, the smallest first") {
  Planned table;
  BackgroundPolicy policy;
  policy.join_files = 2;
  for (uint64_t number = 1; number <= 6; ++number) {
    table.raw(number, number, number, {kDay});
    table.state.segments[number].size = 1000 - number;
    table.state.segments[number].schema_version = 1;
  }
  CHECK(plan_raw_joins(table.state, policy).empty());  // not folded yet
  table.state.tiers[{table.rollup, Tier::kMinute, kDay}].folded_lsn = 6;
  const auto tasks = plan_raw_joins(table.state, policy);
  REQUIRE(tasks.size() == 1);
  CHECK(tasks[0].joins());
  CHECK(tasks[0].inputs == std::vector<uint64_t>{3, 4, 5, 6});
  table.state.segments[6].schema_version = 2;  // of another version: alone
  table.state.segments[5].newest_arrival_us -= 2 * kMicrosPerDay;
  CHECK(plan_raw_joins(table.state, policy).empty());
  table.at(kNoon + 2 * kMicrosPerDay);  // nothing more will arrive in that stretch
  CHECK(plan_raw_joins(table.state, policy).front().inputs == std::vector<uint64_t>{1, 2, 3, 4});
  policy.join_bytes_max = 1000;  // two of them would be too large
  CHECK(plan_raw_joins(table.state, policy).empty());
}

TEST_CASE(
    "fold plan: raw segments of different days are left apart, however many; those of the fullest day are joined") {
  Planned table;
  BackgroundPolicy policy;
  policy.join_files = 1;
  for (uint64_t number = 1; number <= 9; ++number) {
    table.raw(number, number, number, {kDay - static_cast<int32_t>(number)});
    table.state.tiers[{table.rollup, Tier::kMinute, kDay - static_cast<int32_t>(number)}].folded_lsn = 9;
  }
  CHECK(plan_raw_joins(table.state, policy).empty());
  table.state.segments[1].days.push_back({.day = kDay - 2, .rows = 1, .events = 1});
  table.state.segments[1].days.push_back({.day = kDay - 3, .rows = 1, .events = 1});
  table.state.segments[4].days.push_back({.day = kDay - 3, .rows = 1, .events = 1});
  const auto tasks = plan_raw_joins(table.state, policy);
  REQUIRE(tasks.size() == 1);
  CHECK(tasks[0].inputs == std::vector<uint64_t>{1, 3});  // two of the three that hold day 3
}

TEST_CASE("fold plan: a joined raw segment says of each day how far it reaches, and is not folded again") {
  Planned table;
  table.raw(1, 1, 20, {kDay - 1, kDay});
  table.state.tiers[{table.rollup, Tier::kMinute, kDay - 1}].folded_lsn = 10;
  table.state.tiers[{table.rollup, Tier::kMinute, kDay}].folded_lsn = 20;
  CHECK(plan_raw_folds(table.state, {}).size() == 1);
  table.state.segments[1].days[0].through_lsn = 10;
  table.state.segments[1].days[1].through_lsn = 20;
  CHECK(plan_raw_folds(table.state, {}).empty());
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

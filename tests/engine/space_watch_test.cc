#include "engine/space_watch.h"

#include <doctest/doctest.h>

#include "base/limits.h"
#include "engine/space_plan.h"
#include "tests/support/engine/disk_samples.h"
#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

constexpr uint64_t kKiB = limits::kKiB;

// A disk of which so much is free as the test says.
struct Space {
  explicit Space(SpaceWatch::Marks marks) : disk(1), watch(disk, clock, "/", marks) {}
  SpaceLevel at(uint64_t free_bytes) {
    disk.set_capacity(free_bytes);
    clock.advance(limits::kSpacePollUs);
    return watch.look().level;
  }
  SimDisk disk;
  ManualClock clock;
  SpaceWatch watch;
};

}  // namespace

TEST_CASE("space: a mark is entered below it, and left a quarter above it") {
  Space space({.soft_bytes = 1000, .hard_bytes = 400});
  const std::pair<uint64_t, SpaceLevel> walk[] = {
      {1000, SpaceLevel::kRoom}, {999, SpaceLevel::kSoft},  {1249, SpaceLevel::kSoft}, {1250, SpaceLevel::kRoom},
      {400, SpaceLevel::kSoft},  {399, SpaceLevel::kHard},  {499, SpaceLevel::kHard},  {500, SpaceLevel::kSoft},
      {399, SpaceLevel::kHard},  {5000, SpaceLevel::kRoom}, {0, SpaceLevel::kHard}};
  for (auto [free_bytes, level] : walk) {
    CAPTURE(free_bytes);
    CHECK(space.at(free_bytes) == level);
  }
}

TEST_CASE("space: what all tables have in memory is needed on top of the hard mark") {
  Space space({.soft_bytes = 10'000, .hard_bytes = 400});
  int one = 0, other = 0;
  space.watch.set_unflushed(&one, 100);
  space.watch.set_unflushed(&other, 200);
  CHECK(space.at(700) == SpaceLevel::kSoft);
  CHECK(space.at(699) == SpaceLevel::kHard);
  CHECK(space.watch.look().hard_bytes == 700);
  CHECK(space.watch.look().spare_bytes() == 0);
  space.watch.set_unflushed(&other, 0);
  CHECK(space.at(699) == SpaceLevel::kSoft);  // 500 and a quarter
  CHECK(space.watch.look().spare_bytes() == 199);
}

TEST_CASE("space: the disk is asked now and then, and one that cannot be asked has room") {
  Space space({.soft_bytes = 1000, .hard_bytes = 400});
  CHECK(space.at(2000) == SpaceLevel::kRoom);
  space.disk.set_capacity(10);
  CHECK(space.watch.look().level == SpaceLevel::kRoom);  // as read a moment ago
  space.clock.advance(limits::kSpacePollUs);
  CHECK(space.watch.look().level == SpaceLevel::kHard);
  space.disk.inject({.effect = FaultEffect::kIoError, .ops = {DiskOp::kList}, .persistent = true});
  CHECK(space.at(10) == SpaceLevel::kRoom);
  Space without({});
  CHECK(without.at(0) == SpaceLevel::kRoom);
}

namespace {

TableOptions marked_options() {
  TableOptions options = small_table_options();
  options.free_bytes_soft = 2048 * kKiB;
  options.free_bytes_hard = 512 * kKiB;
  return options;
}

// A table on a disk that others fill.
struct FullWorld : TableWorld {
  explicit FullWorld(uint64_t seed, TableOptions options = marked_options()) : TableWorld(seed, options) {}
  void leave(uint64_t free_bytes) {
    const SpaceInfo space = disk.space("/").value();
    disk.set_capacity(space.total_bytes - space.free_bytes + free_bytes);
    clock.advance(limits::kSpacePollUs);
  }
  SpaceLevel level() { return table().condition().space.level; }
};

}  // namespace

TEST_CASE("full disk: below the hard mark nothing is logged, queries go on, and with room it goes on by itself") {
  FullWorld world(1);
  world.send({{.id = "a"}});
  CHECK(world.level() == SpaceLevel::kRoom);
  world.leave(400 * kKiB);
  const Lsn before = world.table().snapshot().value()->lsn();
  const Result<BatchResult> refused = world.try_send({{.id = "b"}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kNoSpace);
  CHECK(refused.error().message.find("below the hard mark") != std::string::npos);
  CHECK(world.table().snapshot().value()->lsn() == before);
  CHECK(world.events() == 1);
  const std::vector<ConditionLine> lines = describe_condition(world.table().condition());
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].state == "hard");
  CHECK(lines[0].takes_no_batches);
  world.leave(600 * kKiB);  // above the mark, and not far enough
  CHECK(world.try_send({{.id = "b"}}).error().code == Code::kNoSpace);
  world.leave(4096 * kKiB);
  CHECK(world.send({{.id = "b"}}).counts.accepted == 1);
  CHECK(describe_condition(world.table().condition()).empty());
  world.power_failure(Fate::kDropUnsynced);
  world.open();
  CHECK(world.events() == 2);
}

TEST_CASE("full disk: what is in memory is flushed when the hard mark is met, while there is room for it") {
  FullWorld world(2);
  world.send({{.id = "a"}});
  CHECK(world.table().stats().segments == 0);
  world.leave(400 * kKiB);
  CHECK_FALSE(world.try_send({{.id = "b"}}));
  CHECK_FALSE(world.try_send({{.id = "b"}}));
  CHECK(world.table().stats().segments >= 1);
  CHECK(world.table().stats().memtable_rows == 0);
  CHECK(world.table().alter([&] {
    Schema next = *world.table().schema();
    ++next.version;
    next.raw_retention_us += kMicrosPerDay;
    return next;
  }()));  // retention may be changed, or nothing would ever make room
  CHECK(world.events() == 1);
}

TEST_CASE("full disk: below the soft mark joins wait and are named, and come when there is room") {
  TableOptions options = marked_options();
  options.background_policy.join_files = 2;
  FullWorld world(3, options);
  world.leave(1500 * kKiB);
  for (int i = 0; i < 8; ++i) {
    world.send({{.id = "e" + std::to_string(i)}});
    world.flush();
    REQUIRE(world.table().run_background());
  }
  CHECK(world.level() == SpaceLevel::kSoft);
  const BackgroundStats paused = world.table().condition().background;
  CHECK(paused.joins == 0);
  CHECK(paused.folds == 8);  // they fit
  CHECK(!paused.paused.empty());
  const std::vector<ConditionLine> lines = describe_condition(world.table().condition());
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].state == "soft");
  CHECK(lines[0].detail.find("joins, and folds that do not fit, wait, now ") != std::string::npos);
  world.leave(8192 * kKiB);
  REQUIRE(world.table().run_background());
  CHECK(world.table().condition().background.joins > 0);
  CHECK(world.table().condition().background.paused.empty());
  CHECK(world.events() == 8);
}

TEST_CASE("full disk: a fold that does not fit above the hard mark waits") {
  ManifestState state = sample_state();
  state.log = {.flushed_lsn = 10, .synced_lsn = 10, .first_file = 1};
  SegmentInfo segment = sample_segment(1, 10);
  segment.size = 5000;
  segment.days = {{.day = 19'000, .rows = segment.rows, .events = segment.events}};
  state.segments[1] = segment;
  REQUIRE(!plan_raw_folds(state, {}).empty());
  CHECK(bytes_at_most(state, plan_raw_folds(state, {}).front()) == 5000);
  CHECK(plan_short_of_room(state, INT64_MIN, {}, 4999) == std::nullopt);
  const std::optional<BackgroundJob> fits = plan_short_of_room(state, INT64_MIN, {}, 5000);
  REQUIRE(fits.has_value());
  CHECK(std::holds_alternative<RawPass>(*fits));  // raw is folded by passes alone
  CHECK(waiting_for_room(state, INT64_MIN, {}) >= 1);
}

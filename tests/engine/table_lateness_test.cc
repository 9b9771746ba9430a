// ALTER TABLE ... SET LATENESS: new rules for new rows, and nothing is ever counted again because of it.
#include <doctest/doctest.h>

#include <set>

#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

constexpr TimeUs kHour = kMicrosPerHour;

Status set_lateness(TableWorld& world, std::vector<std::pair<int64_t, TimeUs>> classes) {
  Schema next = *world.table().schema();
  ++next.version;
  next.lateness.clear();
  for (auto [click, lateness_us] : classes) next.lateness.push_back(lateness_of_click(next, click, lateness_us));
  return world.table().alter(std::move(next));
}

BatchResult send_at(TableWorld& world, const std::string& id, TimeUs event_us, int64_t click = 0, bool replay = false) {
  return world.send({{.id = id, .age_us = world.clock.wall_us() - event_us, .click = click}}, replay);
}

TableOptions forgetting_options() {
  TableOptions options = small_table_options();
  options.forget_boottime_us = 0;
  return options;
}

void forget_all(TableWorld& world) {
  for (int i = 0; i < 2; ++i) {
    world.send({{.id = "now " + std::to_string(world.clock.wall_us()) + " " + std::to_string(i)}});
    world.flush();
  }
}

}  // namespace

TEST_CASE("set lateness: rows are admitted by the new classes from then on, also after a restart and a crash") {
  TableWorld world(1);
  const TimeUs old = world.clock.wall_us() - 100 * kHour;
  CHECK(send_at(world, "a", old, 1).counts.too_late == 1);
  REQUIRE(set_lateness(world, {{1, 200 * kHour}}));
  CHECK(world.table().schema()->version == 2);
  CHECK(send_at(world, "a", old, 1).counts.accepted == 1);
  CHECK(send_at(world, "b", old, 0).counts.too_late == 1);
  CHECK(send_at(world, "a", old, 1).counts.duplicates == 1);
  world.reopen();
  CHECK(world.table().schema()->version == 2);
  CHECK(send_at(world, "c", old, 1).counts.accepted == 1);
  CHECK(send_at(world, "a", old, 1).counts.duplicates == 1);
  world.power_failure(Fate::kDropUnsynced);
  world.open();
  CHECK(send_at(world, "c", old, 1).counts.duplicates == 1);
  CHECK(send_at(world, "d", old, 1).counts.accepted == 1);
  REQUIRE(set_lateness(world, {}));
  CHECK(send_at(world, "e", old, 1).counts.too_late == 1);
  CHECK(send_at(world, "d", old, 1).counts.duplicates == 1);
  CHECK(world.ledger().balanced());
}

TEST_CASE("set lateness: what was forgotten before is too late for every class after it") {
  TableWorld world(2, forgetting_options());
  const TimeUs time = world.clock.wall_us();
  CHECK(send_at(world, "old", time, 1).counts.accepted == 1);
  world.flush();
  world.clock.advance(150 * kHour);
  forget_all(world);
  REQUIRE(world.table().stats().remembered_ids == 2);
  REQUIRE(set_lateness(world, {{1, 1000 * kHour}}));
  CHECK(send_at(world, "old", time, 1).counts.too_late == 1);
  CHECK(send_at(world, "newer", time + 1, 1).counts.accepted == 1);
  world.reopen();
  CHECK(send_at(world, "old", time, 1, true).counts.too_late == 1);
  CHECK(world.events_by_id().at("old") == 1);
}

TEST_CASE("set lateness: what an old class forgets afterwards is too late for the classes after it") {
  for (const bool restart : {false, true}) {
    CAPTURE(restart);
    TableWorld world(3, forgetting_options());
    const TimeUs time = world.clock.wall_us();
    CHECK(send_at(world, "old", time, 1).counts.accepted == 1);
    REQUIRE(set_lateness(world, {{1, 1000 * kHour}}));
    CHECK(send_at(world, "new", time, 1).counts.accepted == 1);
    world.flush();
    world.clock.advance(150 * kHour);  // beyond the window of the old class, within the lateness of the new one
    CHECK(send_at(world, "old", time, 1).counts.duplicates == 1);
    forget_all(world);
    if (restart) world.reopen();
    REQUIRE(world.table().prepare_writes());
    CHECK(world.table().stats().remembered_ids == 3);  // "new", and the two that made the rest forgotten
    CHECK(send_at(world, "old", time, 1).counts.too_late == 1);
    CHECK(send_at(world, "old", time, 1, true).counts.too_late == 1);
    CHECK(send_at(world, "new", time, 1).counts.duplicates == 1);
    CHECK(world.events_by_id().at("old") == 1);
    CHECK(world.events_by_id().at("new") == 1);
  }
}

TEST_CASE(
    "set lateness: the power fails at every change of it; the old rules hold, or the new ones, for the table and its "
    "rows") {
  for (const Fate fate : {Fate::kDropUnsynced, Fate::kKeepAll, Fate::kRandomSubset}) {
    int old_rules = 0, new_rules = 0;
    for (uint64_t at = 1;; ++at) {
      CAPTURE(at);
      CAPTURE(fate_name(fate));
      TableWorld world(4);
      const TimeUs old = world.clock.wall_us() - 100 * kHour;
      world.send({{.id = "a"}});
      world.disk.crash_at(at);
      const Status changed = set_lateness(world, {{1, 200 * kHour}});
      if (!world.disk.crashed()) break;
      world.power_failure(fate, at);
      world.open();
      const bool is_new = world.table().schema()->version == 2;
      (is_new ? new_rules : old_rules) += 1;
      CHECK(send_at(world, "b", old, 1).counts.accepted == (is_new ? 1 : 0));
      CHECK(world.send({{.id = "a", .age_us = kMicrosPerMinute}}).counts.duplicates == 1);
      if (!is_new) REQUIRE(set_lateness(world, {{1, 200 * kHour}}));
      CHECK(send_at(world, "c", old, 1).counts.accepted == 1);
      world.reopen();
      CHECK(send_at(world, "c", old, 1).counts.duplicates == 1);
      CHECK(world.ledger().balanced());
    }
    CHECK(old_rules > 0);
    CHECK(new_rules > 0);
  }
}

TEST_CASE(
    "set lateness: rows before and after it in the log are replayed by their own rules into segments of their own "
    "version") {
  TableWorld world(5);
  world.send({{.id = "before"}});
  // The change is logged, and the flush behind it never comes to be.
  world.disk.inject(
      {.effect = FaultEffect::kIoError, .ops = {DiskOp::kCreate}, .path_part = "segments", .persistent = true});
  CHECK_FALSE(set_lateness(world, {{1, 200 * kHour}}));
  world.power_failure(Fate::kKeepAll);
  world.open();
  CHECK(world.table().schema()->version == 2);
  CHECK(send_at(world, "after", world.clock.wall_us() - 100 * kHour, 1).counts.accepted == 1);
  world.flush();
  const auto state = Manifest::load(world.disk, "/db/tables/events").value();
  std::set<uint32_t> versions;
  for (const auto& [number, segment] : state->segments) versions.insert(segment.schema_version);
  CHECK(versions == std::set<uint32_t>{1, 2});
  CHECK(world.events() == 2);
}

TEST_CASE("set lateness: on a full disk what is logged is in force and answered so, the next change is refused") {
  TableWorld world(8);
  world.send({{.id = "a"}});
  world.disk.inject({.effect = FaultEffect::kNoSpace,
                     .ops = {DiskOp::kCreate, DiskOp::kWrite},
                     .path_part = "segments",
                     .persistent = true});
  REQUIRE(set_lateness(world, {{1, 200 * kHour}}));  // its flush waits for room
  const auto in_force = [&] { return world.table().schema()->lateness.front().lateness_us; };
  CHECK(in_force() == 200 * kHour);
  const Status second = set_lateness(world, {{1, 300 * kHour}});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::kNoSpace);
  CHECK(in_force() == 200 * kHour);
  world.disk.clear_faults();
  world.power_failure(Fate::kDropUnsynced);
  world.open();
  CHECK(in_force() == 200 * kHour);
  CHECK(world.events() == 1);
}

TEST_CASE("set lateness: somebody else was faster; a change that cannot be is refused by name") {
  TableWorld world(6);
  Schema mine = *world.table().schema();
  ++mine.version;
  mine.lateness = {lateness_of_click(mine, 1, 90 * kHour)};
  REQUIRE(set_lateness(world, {{1, 200 * kHour}}));
  const Status late = world.table().alter(mine);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Code::kRetryLater);
  CHECK(world.table().schema()->lateness.front().lateness_us == 200 * kHour);

  Schema other = *world.table().schema();
  ++other.version;
  other.within_us *= 2;
  CHECK(world.table().alter(other).error().message == "changing the id of a table is not supported yet");
  other = *world.table().schema();
  ++other.version;
  other.lateness = {lateness_of_click(other, 1, 0)};
  CHECK(world.table().alter(other).error().code == Code::kInvalidArgument);
}

TEST_CASE("set lateness: a verdict that waits, and events that come, across the change") {
  TableWorld world(7);
  CHECK(world.table().retract({.ids = {"early"}, .by = "ann", .reason = ""})->waiting == 1);
  world.send({{.id = "a"}});
  REQUIRE(set_lateness(world, {{1, 200 * kHour}}));
  CHECK(world.table().retract({.ids = {"a"}, .by = "ann", .reason = ""})->retracted == 1);
  CHECK(world.send({{.id = "early"}}).counts.retracted == 1);
  world.reopen();
  CHECK(world.ledger().retracted == 2);
}

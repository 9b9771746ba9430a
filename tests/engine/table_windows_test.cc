// The crash windows of reliability.md 4b that a whole table has, each with its name: power fails at one exact operation, and
// the state after the next start is the expected one. The windows of the log alone are in tests/wal/, those of the manifest
// and of segment files in manifest_crash_test.cc and segment_crash_test.cc.
#include <doctest/doctest.h>

#include <functional>
#include <memory>

#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

using Act = std::function<void(TableWorld&)>;

struct Window {
  DiskOp op;
  std::string path_part;
  bool after = false;  // the power fails at the change behind the operation instead of at it
};

bool last_change_is(const SimDisk& disk, const Window& window) {
  std::vector<DiskOperation> trace = disk.trace();
  std::erase_if(trace, [](const DiskOperation& operation) { return !is_change(operation.op); });
  const size_t back = window.after ? 2 : 1;
  if (trace.size() < back) return false;
  const DiskOperation& operation = trace[trace.size() - back];
  return operation.op == window.op && operation.path.find(window.path_part) != std::string::npos;
}

// Runs `before`, then `act` with the power failing in the window, and opens again after `fate`.
std::unique_ptr<TableWorld> crash_in(const Window& window, Fate fate, const Act& before, const Act& act) {
  for (uint64_t n = 1; n < 500; ++n) {
    auto world = std::make_unique<TableWorld>(1);
    before(*world);
    world->disk.crash_at(n);
    act(*world);
    if (!world->disk.crashed()) break;
    if (!last_change_is(world->disk, window)) continue;
    world->power_failure(fate, n);
    world->open();
    return world;
  }
  FAIL("the window was never reached: " << disk_op_name(window.op) << " of " << window.path_part);
  return nullptr;
}

void send_two(TableWorld& world) { world.send({{.id = "a", .campaign = "c1"}, {.id = "b", .campaign = "c2"}}); }
void try_flush(TableWorld& world) { (void)world.table().flush(); }

// Both rows once, the ledger with them, and a resend changes nothing.
void check_counted_once(TableWorld& world) {
  CHECK(world.events_by_id() == std::map<std::string, int>{{"a", 1}, {"b", 1}});
  CHECK(world.ledger().accepted == 2);
  send_two(world);
  CHECK(world.events_by_id() == std::map<std::string, int>{{"a", 1}, {"b", 1}});
  CHECK(world.ledger().duplicates == 2);
  CHECK(world.ledger().balanced());
}

constexpr Fate kFates[] = {Fate::kDropUnsynced, Fate::kKeepAll, Fate::kDroppedRename, Fate::kTear512};

}  // namespace

TEST_CASE("window: flush: the segment is renamed, the manifest has no edit: rows are counted once, from the log") {
  for (Fate fate : kFates) {
    CAPTURE(fate_name(fate));
    auto world = crash_in({DiskOp::kRename, "/segments/"}, fate, send_two, try_flush);
    check_counted_once(*world);
    CHECK(world->table().stats().segments ==
          world->disk.list("/db/tables/events/segments")->size());  // no orphan there
  }
}

TEST_CASE("window: flush: the manifest edit is written, not synced: the old state or the new one") {
  for (Fate fate : kFates) {
    CAPTURE(fate_name(fate));
    auto world = crash_in({DiskOp::kWrite, "MANIFEST-", true}, fate, send_two, try_flush);
    check_counted_once(*world);
  }
}

TEST_CASE("window: flush: the edit is durable, the log not truncated: replay skips what is in segments") {
  const Act flush_and_send = [](TableWorld& world) {
    try_flush(world);
    (void)world.try_send({{.id = "c"}});  // whatever comes first behind the edit
  };
  for (Fate fate : kFates) {
    CAPTURE(fate_name(fate));
    auto world = crash_in({DiskOp::kSync, "MANIFEST-", true}, fate, send_two, flush_and_send);
    CHECK(world->events_by_id().at("a") == 1);
    CHECK(world->events_by_id().at("b") == 1);
    const BatchResult again = world->send({{.id = "a", .campaign = "c1"}, {.id = "b", .campaign = "c2"}});
    CHECK(again.counts.duplicates == 2);
  }
}

TEST_CASE("window: the log rolls to a new file whose directory is not synced: nothing acknowledged is lost") {
  const Act fill = [](TableWorld& world) {
    for (int i = 0; i < 40; ++i) {
      if (!world.try_send({{.id = "x" + std::to_string(i), .user = std::string(4'000, 'u')}})) return;
    }
  };
  for (Fate fate : kFates) {
    CAPTURE(fate_name(fate));
    auto world = crash_in({DiskOp::kRename, "/log/00000002.spare"}, fate, send_two, fill);
    CHECK(world->events_by_id().at("a") == 1);
    CHECK(world->events_by_id().at("b") == 1);
    for (const auto& [id, count] : world->events_by_id()) CHECK(count == 1);
  }
}

TEST_CASE("window: no space for the manifest edit, then a power failure: the old state, and it goes on") {
  TableWorld world(1);
  send_two(world);
  world.disk.inject(
      {.effect = FaultEffect::kNoSpace, .ops = {DiskOp::kWrite}, .path_part = "MANIFEST-", .persistent = true});
  const Status flushed = world.table().flush();
  REQUIRE_FALSE(flushed);
  CHECK(world.events() == 2);
  world.power_failure(Fate::kDropUnsynced);
  world.open();
  check_counted_once(world);
}

TEST_CASE("window: crash at each change of a recovery: recovering again gives the same state") {
  for (uint64_t n = 1; n < 200; ++n) {
    CAPTURE(n);
    TableWorld world(1);
    send_two(world);
    world.power_failure(Fate::kDropUnsynced);
    world.disk.crash_at(n);
    (void)world.try_open();
    if (!world.disk.crashed()) {
      CHECK(n > 5);
      return;
    }
    world.power_failure(kFates[n % 4], n);
    world.open();
    check_counted_once(world);
  }
  FAIL("recovery never got through");
}

TEST_CASE("window: power failure at each change of a CREATE TABLE: the table is there in full or not at all") {
  for (uint64_t n = 1; n < 200; ++n) {
    CAPTURE(n);
    TableWorld world(1);
    world.disk.crash_at(n);
    const bool created = world.database().create_table(test_schema("second")).has_value();
    if (!world.disk.crashed()) {
      CHECK(created);
      CHECK(n > 5);
      return;
    }
    world.power_failure(kFates[n % 4], n);
    world.open();
    Result<Table*> second = world.database().table("second");
    if (created) CHECK(second);
    if (second) {
      CHECK((*second)->ingest(make_test_batch(*(*second)->schema(), world.clock.wall_us(), {{.id = "a"}})));
    } else {
      CHECK(second.error().code == Code::kNotFound);
      CHECK(world.database().create_table(test_schema("second")));
    }
  }
  FAIL("CREATE TABLE never got through");
}

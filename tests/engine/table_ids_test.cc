// How a table keeps the ids it remembers: in memory, in runs that come with the flush of their rows, across restarts, and
// what happens when a run cannot be written or read.
#include <doctest/doctest.h>

#include "base/file_names.h"
#include "base/limits.h"
#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

const std::string kIds = "/db/tables/events/ids";

std::vector<TestRow> rows_named(const std::string& prefix, int count) {
  std::vector<TestRow> rows;
  for (int i = 0; i < count; ++i) rows.push_back({.id = prefix + std::to_string(i)});
  return rows;
}

std::vector<std::string> run_files(TableWorld& world) {
  std::vector<std::string> names;
  const std::vector<FileInfo> files = world.disk.list(kIds).value();
  for (const FileInfo& file : files) names.push_back(file.name);
  return names;
}

void check_each_once(TableWorld& world, size_t ids) {
  const std::map<std::string, int> events = world.events_by_id();
  CHECK(events.size() == ids);
  for (const auto& [id, count] : events) CHECK_MESSAGE(count == 1, id);
  CHECK(world.ledger().accepted == ids);
  CHECK(world.ledger().balanced());
}

}  // namespace

TEST_CASE("table ids: what was counted before a restart is known from runs and log, without a look at segments") {
  TableWorld world(1);
  world.send(rows_named("flushed", 20));
  world.flush();
  CHECK(run_files(world).size() == 2);  // one for each shard
  world.send(rows_named("closed", 20));
  world.reopen();
  CHECK(run_files(world).size() == 4);
  world.send(rows_named("logged", 20));
  world.power_failure(Fate::kDropUnsynced);
  world.open();
  world.disk.inject(
      {.effect = FaultEffect::kIoError, .ops = {DiskOp::kRead}, .path_part = "/segments/", .persistent = true});
  CHECK(world.table().stats().remembered_ids == 60);
  for (const char* name : {"flushed", "closed", "logged"}) {
    CAPTURE(name);
    CHECK(world.send(rows_named(name, 20)).counts.duplicates == 20);
  }
  CHECK(world.send({{.id = "flushed3", .user = "another"}}).counts.conflicts == 1);
  world.disk.clear_faults();
  check_each_once(world, 60);
}

TEST_CASE("table ids: the number of shards may change at a restart") {
  TableWorld world(2);
  world.send(rows_named("a", 50));
  world.close();
  for (const uint32_t shards : {3U, 1U, 7U, 2U}) {
    CAPTURE(shards);
    TableOptions options = small_table_options();
    options.shards = shards;
    auto database = Database::open(world.disk, world.clock, world.path(), {.table = options});
    REQUIRE(database);
    Table* table = (*database)->table("events").value();
    std::vector<TestRow> rows = rows_named("a", 50);
    rows.push_back({.id = "new with " + std::to_string(shards)});
    auto result = table->ingest(make_test_batch(*table->schema(), world.clock.wall_us(), rows));
    REQUIRE(result);
    CHECK(result->counts.duplicates == 50);
    CHECK(result->counts.accepted == 1);
    CHECK(table->stats().remembered_ids == table->stats().ledger.accepted);
    REQUIRE((*database)->close());
  }
  world.open();
  check_each_once(world, 54);
}

TEST_CASE("table ids: a run that cannot be read while rows are decided poisons the table; a restart decides them") {
  TableWorld world(3);
  world.send(rows_named("a", 20));
  world.flush();
  world.disk.inject(
      {.effect = FaultEffect::kIoError, .ops = {DiskOp::kRead}, .path_part = "/ids/", .persistent = true});
  std::vector<TestRow> rows = rows_named("a", 20);
  rows.push_back({.id = "new"});
  Result<BatchResult> in_doubt = world.try_send(rows);
  REQUIRE_FALSE(in_doubt);
  CHECK(in_doubt.error().code == Code::kIndeterminate);
  CHECK(in_doubt.error().message.find(".run") != std::string::npos);
  Result<BatchResult> refused = world.try_send({{.id = "newer"}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kReadOnly);
  CHECK_FALSE(world.table().flush());
  CHECK(world.events() == 20);
  CHECK_FALSE(world.database().close());
  world.kill();
  world.disk.clear_faults();
  world.open();
  check_each_once(world, 21);
  CHECK(world.ledger().duplicates == 20);
}

TEST_CASE("table ids: a damaged run stops writes with its name, queries go on, and whole again it serves") {
  TableWorld world(4);
  world.send(rows_named("a", 20));
  world.close();
  world.open();
  const std::string path = join_path(kIds, run_files(world).front());
  REQUIRE(world.disk.flip_bit(path, 200, 3));
  Result<BatchResult> refused = world.try_send({{.id = "new"}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kCorruption);
  CHECK(refused.error().message.find(path) != std::string::npos);
  CHECK(world.events() == 20);
  REQUIRE(world.disk.flip_bit(path, 200, 3));
  CHECK(world.send(rows_named("a", 21)).counts.duplicates == 20);
  check_each_once(world, 21);
}

TEST_CASE("table ids: a flush without room for a run leaves nothing behind, and goes on by itself") {
  TableWorld world(5);
  world.send(rows_named("a", 20));
  for (const DiskOp op : {DiskOp::kCreate, DiskOp::kWrite, DiskOp::kRename}) {
    for (uint64_t nth = 1; nth <= 2; ++nth) {
      world.disk.inject(
          {.effect = FaultEffect::kNoSpace, .ops = {op}, .path_part = "/ids/", .nth = nth, .persistent = true});
      const Status flushed = world.table().flush();
      world.disk.clear_faults();
      if (flushed) continue;
      CAPTURE(disk_op_name(op));
      CHECK(flushed.error().code == Code::kNoSpace);
      CHECK(run_files(world).empty());
      CHECK(world.disk.list("/db/tables/events/segments")->empty());
      CHECK(world.send(rows_named("a", 20)).counts.duplicates == 20);
    }
  }
  world.flush();
  world.reopen();
  CHECK(world.send(rows_named("a", 20)).counts.duplicates == 20);
  check_each_once(world, 20);
}

TEST_CASE("table ids: power failure at every change of a flush: run and rows come together or not at all") {
  for (uint64_t n = 1; n < 300; ++n) {
    CAPTURE(n);
    TableWorld world(6);
    world.send(rows_named("a", 10));
    world.flush();
    world.send(rows_named("b", 10));
    world.disk.crash_at(n);
    (void)world.table().flush();
    const bool done = !world.disk.crashed();
    world.power_failure(kAllFates[n % kAllFates.size()], n);
    world.open();
    CHECK(world.table().stats().remembered_ids <= 20);  // 0 before the first write of a table with nothing to recover
    CHECK(world.send(rows_named("a", 10)).counts.duplicates == 10);
    CHECK(world.send(rows_named("b", 10)).counts.duplicates == 10);
    check_each_once(world, 20);
    if (done) return;
  }
  FAIL("the flush never got through");
}

TEST_CASE("table ids: many flushes leave few runs, and what they joined is still known") {
  TableWorld world(7);
  for (int i = 0; i < 40; ++i) {
    world.send(rows_named("flush" + std::to_string(i) + "-", 4));
    world.flush();
  }
  CHECK(run_files(world).size() < 2 * limits::kIdRunFanIn);
  const auto state = Manifest::load(world.disk, "/db/tables/events").value();
  CHECK(state->id_runs.size() == run_files(world).size());
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 40; ++i) {
      CHECK(world.send(rows_named("flush" + std::to_string(i) + "-", 4)).counts.duplicates == 4);
    }
    world.power_failure(Fate::kDropUnsynced);
    world.open();
  }
  check_each_once(world, 160);
}

TEST_CASE("table ids: a merge without room is put off; one that cannot read its runs poisons the table") {
  TableWorld world(8);
  int flushes = 0;
  const auto flush_some = [&](int count) {
    for (int i = 0; i < count; ++i, ++flushes) {
      world.send(rows_named("flush" + std::to_string(flushes) + "-", 16));
      world.flush();
    }
  };
  const auto runs = [&] { return Manifest::load(world.disk, "/db/tables/events").value()->id_runs.size(); };
  flush_some(7);
  REQUIRE(runs() == 14);
  // Of the eighth flush the two spills have room, their merges do not.
  world.disk.inject(
      {.effect = FaultEffect::kNoSpace, .ops = {DiskOp::kRename}, .path_part = "/ids/", .nth = 3, .persistent = true});
  flush_some(1);
  CHECK(runs() == 16);
  CHECK(run_files(world).size() == 16);
  world.disk.clear_faults();
  flush_some(1);
  CHECK(runs() == 2);
  CHECK(run_files(world).size() == 2);
  for (int i = 0; i < flushes; ++i) {
    CHECK(world.send(rows_named("flush" + std::to_string(i) + "-", 16)).counts.duplicates == 16);
  }
  flush_some(6);
  world.send(rows_named("x", 16));
  world.disk.inject(
      {.effect = FaultEffect::kIoError, .ops = {DiskOp::kRename}, .path_part = "/ids/", .nth = 3, .persistent = true});
  (void)world.table().flush();
  world.disk.clear_faults();
  if (const Result<BatchResult> refused = world.try_send({{.id = "w"}}); !refused) {
    CHECK(refused.error().code == Code::kReadOnly);
  }
  world.kill();
  world.open();
  check_each_once(world, world.events());
}

TEST_CASE("table ids: power failure at every change of a flush with its merges") {
  for (uint64_t n = 1; n < 400; ++n) {
    CAPTURE(n);
    TableWorld world(9);
    for (int i = 0; i < 7; ++i) {
      world.send(rows_named("flush" + std::to_string(i) + "-", 3));
      world.flush();
    }
    world.send(rows_named("last", 10));
    const std::shared_ptr<const ManifestState> before = Manifest::load(world.disk, "/db/tables/events").value();
    world.disk.crash_at(n);
    (void)world.table().flush();
    const bool done = !world.disk.crashed();
    world.power_failure(kAllFates[n % kAllFates.size()], n);
    world.open();
    CHECK(world.send(rows_named("last", 10)).counts.duplicates == 10);
    for (int i = 0; i < 7; ++i) {
      CHECK(world.send(rows_named("flush" + std::to_string(i) + "-", 3)).counts.duplicates == 3);
    }
    check_each_once(world, 31);
    // What an edit has removed goes, and is not set aside.
    for (const auto& [number, run] : before->id_runs) {
      CHECK_FALSE(world.disk.exists("/db/tables/events/orphan/" + id_run_name(number)));
    }
    CHECK(run_files(world).size() == Manifest::load(world.disk, "/db/tables/events").value()->id_runs.size());
    if (done) return;
  }
  FAIL("the flush never got through");
}

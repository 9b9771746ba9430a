// Stories of one table: what is counted, what is shown, what survives.
#include "engine/table.h"

#include <doctest/doctest.h>

#include <thread>

#include "tests/support/engine/table_world.h"

using namespace tally;

TEST_CASE("table: an acknowledged row is visible at once") {
  TableWorld world(1);
  BatchResult result = world.send({{.id = "a", .campaign = "c7", .click = 1, .user = "a user with a long name"}});
  CHECK(result.counts.accepted == 1);
  std::vector<StoredRow> rows = world.rows();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].id == "a");
  CHECK(rows[0].campaign == "c7");
  CHECK(rows[0].click == 1);
  CHECK(rows[0].user == "a user with a long name");
}

TEST_CASE("table: the same id is counted once, whatever comes between") {
  const std::vector<TestRow> batch = {{.id = "a"}, {.id = "b", .click = 1}, {.id = "c"}};
  struct Between {
    const char* name;
    void (*act)(TableWorld&);
  };
  const Between cases[] = {
      {"nothing", [](TableWorld&) {}},
      {"a flush", [](TableWorld& world) { world.flush(); }},
      {"a restart", [](TableWorld& world) { world.reopen(); }},
      {"a kill",
       [](TableWorld& world) {
         world.kill();
         world.open();
       }},
      {"a power failure",
       [](TableWorld& world) {
         world.power_failure(Fate::kDropUnsynced);
         world.open();
       }},
      {"a flush and a power failure",
       [](TableWorld& world) {
         world.flush();
         world.power_failure(Fate::kDropUnsynced);
         world.open();
       }},
      {"two days", [](TableWorld& world) { world.clock.advance(2 * kMicrosPerDay); }},
  };
  for (const Between& between : cases) {
    CAPTURE(between.name);
    TableWorld world(2);
    world.send(batch);
    between.act(world);
    const BatchResult again = world.send(batch);
    CHECK(again.counts.accepted == 0);
    CHECK(again.counts.duplicates == 3);
    CHECK(world.events() == 3);
    CHECK(world.rows().size() == 6);  // the duplicates are kept as rows of their kind
    CHECK(world.ledger().received == 6);
    CHECK(world.ledger().balanced());
  }
}

TEST_CASE("table: verdicts") {
  TableWorld world(3);
  world.send({{.id = "known", .click = 0}});
  const BatchResult result = world.send({
      {.id = "known", .click = 0},                                      // the same again
      {.id = "known", .click = 1},                                      // other content
      {.id = "known", .age_us = kMicrosPerHour, .click = 0},            // the time is no part of the content
      {.id = "old", .age_us = 72 * kMicrosPerHour + kMicrosPerSecond},  // beyond the window
      {.id = "edge", .age_us = 72 * kMicrosPerHour},                    // just inside
      {.id = "ahead", .age_us = -(limits::kFutureSkewUs + 1)},          // from the future
      {.id = "twice"},
      {.id = "twice"},  // within one batch, in order
  });
  CHECK(result.counts.received == 8);
  CHECK(result.counts.accepted == 2);
  CHECK(result.counts.duplicates == 3);
  CHECK(result.counts.conflicts == 1);
  CHECK(result.counts.too_late == 1);
  CHECK(result.counts.rejected == 1);
  REQUIRE(result.not_accepted.size() == 6);
  CHECK(result.not_accepted[1].row == 1);
  CHECK(result.not_accepted[1].verdict == Verdict::kConflict);
  CHECK(result.not_accepted[3].row == 3);
  CHECK(result.not_accepted[3].verdict == Verdict::kTooLate);
  CHECK(result.not_accepted[4].verdict == Verdict::kTooEarly);
  CHECK(result.not_accepted[5].row == 7);
  CHECK(world.ledger().late == 1);  // the row at the edge
}

TEST_CASE("table: replay waives the lateness and nothing else") {
  TableWorld world(4);
  const std::vector<TestRow> old = {{.id = "a", .age_us = 300 * kMicrosPerDay}};
  CHECK(world.send(old).counts.too_late == 1);
  CHECK(world.send(old, true).counts.accepted == 1);
  CHECK(world.send(old, true).counts.duplicates == 1);
  CHECK(world.send(old).counts.duplicates == 1);
  // A duplicate that would not be admitted today stands in the bucket of its arrival, a replayed one in its own.
  TimeUs newest = 0;
  for (const StoredRow& row : world.rows()) newest = std::max(newest, row.time);
  CHECK(newest == world.clock.wall_us());
}

TEST_CASE("table: rejected rows are counted with their batch") {
  TableWorld world(5);
  IngestBatch batch = make_test_batch(*world.table().schema(), world.clock.wall_us(), {{.id = "a"}});
  batch.rejected = {{.source_row = 7, .code = "bad_timestamp", .message = "no time", .raw = "x,y"}};
  Result<BatchResult> result = world.table().ingest(std::move(batch));
  REQUIRE(result);
  CHECK(result->counts.received == 2);
  CHECK(result->counts.rejected == 1);
  world.power_failure(Fate::kDropUnsynced);
  world.open();
  CHECK(world.ledger().received == 2);
  CHECK(world.ledger().rejected == 1);
}

TEST_CASE("table: a snapshot shows one moment, whatever happens after it") {
  TableWorld world(6);
  world.send({{.id = "a"}, {.id = "b"}});
  std::shared_ptr<const Snapshot> before = *world.table().snapshot();
  world.send({{.id = "c"}});
  CHECK(stored_rows(*before)->size() == 2);
  std::shared_ptr<const Snapshot> between = *world.table().snapshot();
  world.flush();
  world.send({{.id = "d"}});
  CHECK(stored_rows(*before)->size() == 2);
  CHECK(stored_rows(*between)->size() == 3);
  CHECK(world.events() == 4);
  CHECK(before->lsn() < between->lsn());
}

TEST_CASE("table: a flush moves rows to segments, sorted by day and dimension, and empties the log") {
  TableWorld world(7);
  for (int i = 0; i < 50; ++i) {
    world.send(
        {{.id = "id" + std::to_string(i), .age_us = (i % 3) * kMicrosPerDay, .campaign = "c" + std::to_string(i % 5)}});
  }
  CHECK(world.table().stats().memtable_rows == 50);
  world.flush();
  CHECK(world.table().stats().memtable_rows == 0);
  CHECK(world.table().stats().segments == 2);  // one a shard
  CHECK(world.events_by_id().size() == 50);
  world.flush();  // nothing to do is fine
  CHECK(world.table().stats().segments == 2);
}

TEST_CASE("table: what was written without a flush is there after every kind of end") {
  for (const bool power : {false, true}) {
    CAPTURE(power);
    TableWorld world(8);
    world.send({{.id = "a"}, {.id = "b"}});
    world.flush();
    world.send({{.id = "c"}});
    if (power) {
      world.power_failure(Fate::kDropUnsynced);
    } else {
      world.kill();
    }
    world.open();
    CHECK(world.events_by_id() == std::map<std::string, int>{{"a", 1}, {"b", 1}, {"c", 1}});
    CHECK(world.ledger().accepted == 3);
    CHECK(world.table().stats().memtable_rows == 0);  // recovery has made it durable elsewhere (W21)
  }
}

TEST_CASE("table: opening and querying a cleanly closed database changes nothing on the disk") {
  TableWorld world(9);
  world.send({{.id = "a"}});
  world.close();
  const uint64_t changes = world.disk.count(DiskOp::kWrite) + world.disk.count(DiskOp::kRename);
  world.open();
  CHECK(world.events() == 1);
  world.close();
  CHECK(world.disk.count(DiskOp::kWrite) + world.disk.count(DiskOp::kRename) <= changes + 1);  // the lock's process id
}

TEST_CASE("table: a failed sync of the log poisons the table; queries go on; a restart recovers") {
  TableWorld world(10);
  world.send({{.id = "a"}});
  world.disk.inject({.effect = FaultEffect::kIoError, .ops = {DiskOp::kSync}, .path_part = "/log/"});
  Result<BatchResult> in_doubt = world.try_send({{.id = "b"}});
  REQUIRE_FALSE(in_doubt);
  CHECK(in_doubt.error().code == Code::kIndeterminate);
  Result<BatchResult> refused = world.try_send({{.id = "c"}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kReadOnly);
  CHECK(world.events_by_id().count("a") == 1);
  world.kill();
  world.open();
  CHECK(world.events_by_id().count("a") == 1);
  CHECK(world.events_by_id().count("c") == 0);
  world.send({{.id = "b"}});
  CHECK(world.events_by_id().at("b") == 1);  // whether it had survived or not
}

TEST_CASE(
    "table: without room for a flush producers are told, nothing is lost, and it goes on by "
    "itself") {
  TableOptions options = small_table_options();
  options.memtable_bytes_max = 16 * limits::kKiB;
  TableWorld world(11, options);
  world.send({{.id = "first"}});
  world.disk.inject({.effect = FaultEffect::kNoSpace,
                     .ops = {DiskOp::kWrite, DiskOp::kPreallocate, DiskOp::kCreate},
                     .path_part = "/segments/",
                     .persistent = true});
  int accepted = 1, refused = 0;
  for (int i = 0; i < 3000 && refused < 3; ++i) {
    Result<BatchResult> result = world.try_send({{.id = "id" + std::to_string(i), .user = std::string(100, 'x')}});
    if (result) {
      ++accepted;
    } else {
      CHECK(result.error().code == Code::kNoSpace);
      ++refused;
    }
  }
  CHECK(refused == 3);
  CHECK(world.events() == static_cast<uint64_t>(accepted));
  world.disk.clear_faults();
  CHECK(world.send({{.id = "last"}}).counts.accepted == 1);
  world.flush();
  CHECK(world.events() == static_cast<uint64_t>(accepted) + 1);
}

TEST_CASE("table: a start without room to recover serves queries and says why it does not write") {
  TableWorld world(12);
  world.send({{.id = "a"}});
  world.kill();
  world.disk.inject({.effect = FaultEffect::kNoSpace,
                     .ops = {DiskOp::kWrite, DiskOp::kPreallocate, DiskOp::kCreate},
                     .path_part = "/tables/",
                     .persistent = true});
  world.open();
  CHECK(world.events() == 1);
  Result<BatchResult> refused = world.try_send({{.id = "b"}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kReadOnly);
  world.kill();
  world.disk.clear_faults();
  world.open();
  CHECK(world.events() == 1);
  CHECK(world.send({{.id = "a"}}).counts.duplicates == 1);
}

TEST_CASE("table: a class of rows may be late longer than the rest") {
  TableWorld world(13);
  Schema schema = test_schema("classes");
  assign_ids(schema);
  Condition is_click;
  is_click.op = Condition::Op::kEq;
  is_click.column_id = schema.columns[3].id;
  is_click.values = {int64_t{1}};
  schema.lateness = {{.lateness_us = 30 * kMicrosPerDay, .condition = is_click, .condition_text = "click = 1"}};
  Result<Table*> created = world.database().create_table(schema);
  REQUIRE_MESSAGE(created, (created ? "" : created.error().to_string()));
  Table& table = **created;
  auto send = [&](std::string id, TimeUs age, int64_t click) {
    Result<BatchResult> result = table.ingest(make_test_batch(*table.schema(), world.clock.wall_us(),
                                                              {{.id = std::move(id), .age_us = age, .click = click}}));
    REQUIRE(result);
    return result->counts;
  };
  CHECK(send("a", 20 * kMicrosPerDay, 1).accepted == 1);
  CHECK(send("b", 20 * kMicrosPerDay, 0).too_late == 1);
  CHECK(send("c", 31 * kMicrosPerDay, 1).too_late == 1);
}

TEST_CASE("table: a log without room refuses batches, leaves no trace of them, and goes on by itself") {
  TableWorld world(14);
  world.send({{.id = "first"}});
  world.disk.inject({.effect = FaultEffect::kNoSpace,
                     .ops = {DiskOp::kPreallocate, DiskOp::kCreate},
                     .path_part = "/log/",
                     .persistent = true});
  int refused = 0;
  for (int i = 0; i < 200 && refused < 20; ++i) {
    // Each batch brings a value of its own: a refused one must not leave its code behind.
    Result<BatchResult> result = world.try_send(
        {{.id = "id" + std::to_string(i), .campaign = "c" + std::to_string(i) + std::string(3'000, 'x')}});
    if (result) continue;
    CHECK(result.error().code == Code::kNoSpace);
    ++refused;
  }
  CHECK(refused == 20);
  const std::map<std::string, int> before = world.events_by_id();
  world.disk.clear_faults();
  CHECK(world.send({{.id = "last", .campaign = "after"}}).counts.accepted == 1);
  world.power_failure(Fate::kDropUnsynced);
  world.open();
  CHECK(world.events_by_id().size() == before.size() + 1);
  for (const StoredRow& row : world.rows()) {
    if (row.id == "last") CHECK(row.campaign == "after");
  }
}

TEST_CASE("table: rows that leave nothing in memory do not fill the log for ever") {
  TableOptions options = small_table_options();
  options.memtable_bytes_max = 64 * limits::kKiB;
  TableWorld world(15, options);
  for (int i = 0; i < 100; ++i) {
    const std::vector<TestRow> old = {
        {.id = "id" + std::to_string(i), .age_us = 90 * kMicrosPerDay, .user = std::string(4'000, 'u')}};
    CHECK(world.send(old).counts.too_late == 1);
  }
  CHECK(world.table().stats().flushes > 2);
  uint64_t log_files = 0;
  const std::vector<FileInfo> files = world.disk.list("/db/tables/events/log").value();
  for (const FileInfo& file : files) log_files += file.name.ends_with(".log") ? 1 : 0;
  CHECK(log_files <= 3);
  world.reopen();
  CHECK(world.ledger().too_late == 100);
}

TEST_CASE("table: at its limit of remembered ids a table asks to come back later, and logs nothing") {
  TableOptions options = small_table_options();
  options.remembered_ids_max = 2;
  TableWorld world(16, options);
  world.send({{.id = "a"}, {.id = "b"}});
  Result<BatchResult> refused = world.try_send({{.id = "c"}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kRetryLater);
  CHECK(world.ledger().received == 2);
}

TEST_CASE("table: a flush that finds no room leaves no files behind") {
  TableWorld world(17);
  world.send({{.id = "a"}, {.id = "b"}, {.id = "c"}, {.id = "d"}});
  world.disk.inject(
      {.effect = FaultEffect::kNoSpace, .ops = {DiskOp::kWrite}, .path_part = "/dict/", .persistent = true});
  CHECK_FALSE(world.table().flush());
  CHECK(world.disk.list("/db/tables/events/segments")->empty());
  world.disk.clear_faults();
  world.flush();
  CHECK(world.events() == 4);
}

TEST_CASE("table: closing twice answers the same, and what comes after a close is refused") {
  for (const bool threads : {false, true}) {
    CAPTURE(threads);
    TableOptions options = small_table_options();
    options.threads = threads;
    TableWorld world(18, options);
    world.send({{.id = "a"}});
    CHECK(world.table().close());
    CHECK(world.table().close());
    CHECK(world.database().close());
    const Status flushed = world.table().flush();
    REQUIRE_FALSE(flushed);
    CHECK(flushed.error().code == Code::kReadOnly);
    Result<BatchResult> refused = world.try_send({{.id = "b"}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kReadOnly);
    CHECK(world.events() == 1);
  }
}

TEST_CASE("table: rejected rows alone do not fill the log for ever either") {
  TableOptions options = small_table_options();
  options.memtable_bytes_max = 64 * limits::kKiB;
  TableWorld world(19, options);
  for (uint64_t i = 0; i < 60; ++i) {
    IngestBatch batch = make_test_batch(*world.table().schema(), world.clock.wall_us(), {});
    batch.rejected = {{.source_row = i, .code = "bad", .message = "no", .raw = std::string(4'000, 'r')}};
    REQUIRE(world.table().ingest(std::move(batch)));
  }
  CHECK(world.table().stats().flushes > 2);
  world.reopen();
  CHECK(world.ledger().rejected == 60);
  CHECK(world.ledger().received == 60);
}

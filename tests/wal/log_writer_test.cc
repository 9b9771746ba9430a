#include "wal/log_writer.h"

#include <doctest/doctest.h>

#include "tests/wal/log_fixture.h"
#include "wal/log_verify.h"

namespace tally {
namespace {

Code code_of(const Status& status) { return status ? Code::kInternal : status.error().code; }
template <class T>
Code code_of(const Result<T>& result) {
  return result ? Code::kInternal : result.error().code;
}

unsigned files_of(const SimDisk& disk, std::string_view suffix) {
  unsigned count = 0;
  for (const std::string& path : disk.tree()) count += path.ends_with(suffix) ? 1 : 0;
  return count;
}

// A machine that has no queue to give, io_uring being out of its locked memory.
class NoQueue final : public FileSystem {
 public:
  explicit NoQueue(FileSystem& disk) : disk_(disk) {}
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override { return disk_.open(path, mode); }
  Status rename(const std::string& from, const std::string& to) override { return disk_.rename(from, to); }
  Status unlink(const std::string& path) override { return disk_.unlink(path); }
  Status make_directory(const std::string& path) override { return disk_.make_directory(path); }
  Status remove_directory(const std::string& path) override { return disk_.remove_directory(path); }
  Status sync_directory(const std::string& path) override { return disk_.sync_directory(path); }
  Result<std::vector<FileInfo>> list(const std::string& path) override { return disk_.list(path); }
  Result<FileInfo> info(const std::string& path) override { return disk_.info(path); }
  Result<SpaceInfo> space(const std::string& path) override { return disk_.space(path); }
  Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) override { return disk_.lock(path); }
  Result<std::unique_ptr<IoQueue>> make_io_queue(unsigned) override { return fail(Code::kUnsupported, "no queue"); }

 private:
  FileSystem& disk_;
};

}  // namespace

TEST_CASE_FIXTURE(LogFixture, "log: what was appended is read back after a crash") {
  start();
  CHECK_EQ(append("a"), 1);
  AppendRecord two[] = {text_record("b", clock.wall_us()), text_record("c", clock.wall_us())};
  CHECK_EQ(*log->append(two), 2);
  wait_durable();
  CHECK_EQ(log->durable_lsn(), 3);
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(recover());
  CHECK(texts == Texts{{1, "a"}, {2, "b"}, {3, "c"}});
  CHECK_EQ(recovery.last_lsn, 3);
  CHECK_EQ(recovery.last_arrival_us, clock.wall_us());
  CHECK_FALSE(recovery.clean);
}

TEST_CASE_FIXTURE(LogFixture, "log: nothing is durable before its sync") {
  start();
  append("a");
  CHECK_EQ(log->durable_lsn(), 0);
  CHECK_EQ(log->groups_in_flight(), 1);
  REQUIRE_OK(log->poll(true));  // the write
  CHECK_EQ(log->durable_lsn(), 0);
  wait_durable();
  CHECK_EQ(log->groups_in_flight(), 0);
  CHECK_EQ(disk.count(DiskOp::kSync), 2);  // file header, group
}

TEST_CASE_FIXTURE(LogFixture, "log: groups in flight share a sync") {
  start();
  append("a");
  while (log->stats().syncs == 0) REQUIRE_OK(log->poll(true));
  for (const char* text : {"b", "c", "d", "e"}) append(text);
  CHECK_FALSE(log->can_append());
  wait_durable();
  CHECK(log->can_append());
  CHECK_LE(log->stats().syncs, 5);
  CHECK_EQ(log->stats().groups, 5);
}

TEST_CASE_FIXTURE(LogFixture, "log: an append waits when the pipeline is full") {
  start();
  for (int i = 0; i < 50; ++i) append("x");
  CHECK_LE(log->groups_in_flight(), limits::kLogGroupsInFlightMax);
  CHECK_GE(log->durable_lsn(), 46);
}

TEST_CASE_FIXTURE(LogFixture, "log: appends that break the contract are refused and leave nothing behind") {
  start();
  CHECK(code_of(log->append({})) == Code::kInvalidArgument);
  AppendRecord lie = text_record("a", clock.wall_us());
  lie.payload_xxh3 += 1;
  CHECK(code_of(log->append({&lie, 1})) == Code::kInvalidArgument);
  AppendRecord unknown = text_record("a", clock.wall_us());
  unknown.type = static_cast<RecordType>(77);
  CHECK(code_of(log->append({&unknown, 1})) == Code::kInvalidArgument);
  Bytes big(limits::kLogRecordBytesMax);
  AppendRecord too_big;
  too_big.payload = big;
  too_big.arrival_us = clock.wall_us();
  CHECK(code_of(log->append({&too_big, 1})) == Code::kLimitExceeded);
  CHECK_EQ(append("a"), 1);
  AppendRecord early = text_record("b", clock.wall_us() - 1);
  CHECK(code_of(log->append({&early, 1})) == Code::kInvalidArgument);
  CHECK(code_of(log->truncate(5)) == Code::kInvalidArgument);
  CHECK_EQ(append_durable("b"), 2);
}

TEST_CASE_FIXTURE(LogFixture, "log: arrival does not go back over a restart") {
  start();
  append_durable("a");
  power_failure(Fate::kDropUnsynced);
  start();
  AppendRecord early = text_record("b", clock.wall_us() - 1);
  CHECK(code_of(log->append({&early, 1})) == Code::kInvalidArgument);
}

TEST_CASE_FIXTURE(LogFixture, "log: a group larger than a file gets a file of its own size") {
  start();
  const std::string big(3 * kFileBytes, 'x');
  append("a");
  append(big);
  append_durable("b");
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(recover());
  CHECK(texts == Texts{{1, "a"}, {2, big}, {3, "b"}});
}

TEST_CASE_FIXTURE(LogFixture, "log: short transfers are resubmitted for the rest") {
  start();
  disk.set_short_writes(0.9);
  const std::string big(30'000, 'x');
  Texts expected;
  for (Lsn lsn = 1; lsn <= 10; ++lsn) {
    append(big);
    expected[lsn] = big;
  }
  wait_durable();
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(recover());
  CHECK(texts == expected);
}

TEST_CASE_FIXTURE(LogFixture, "log: files roll, are truncated and reused") {
  start();
  std::string text(10'000, 'x');
  for (int i = 0; i < 40; ++i) append(text);
  wait_durable();
  uint64_t before = files_of(disk, ".log");
  CHECK_GT(before, 5);
  CHECK_GT(log->first_file_needed(30), log->first_file_needed(1));
  CHECK_EQ(log->first_file_needed(1), 1);
  REQUIRE_OK(log->truncate(40));
  CHECK_LE(files_of(disk, ".log"), 2);
  CHECK_LE(files_of(disk, ".spare"), limits::kLogSpareFilesMax);
  for (int i = 0; i < 10; ++i) append(text);
  wait_durable();
  CHECK_GE(log->stats().files_reused, 1);
  LogPosition flushed{.flushed_lsn = 40, .synced_lsn = 40, .first_file = log->first_file_needed(41)};
  power_failure(Fate::kDropUnsynced);
  position = flushed;
  REQUIRE_OK(recover());
  CHECK_EQ(texts.size(), 10);
}

TEST_CASE_FIXTURE(LogFixture, "log: flush cycles as long as a memtable reuse all their files and make none anew") {
  constexpr uint64_t kCycleFiles = limits::kMemtableBytesMax / limits::kLogFileBytes;
  file_bytes = kLogFileHeaderBytes + 2 * kGroup;
  start();
  uint64_t created = 0;
  for (int cycle = 1; cycle <= 6; ++cycle) {
    CAPTURE(cycle);
    for (uint64_t group = 0; group < 2 * kCycleFiles; ++group) append_durable("a");
    REQUIRE_OK(log->truncate(log->durable_lsn()));
    CHECK_LE(files_of(disk, ".log"), 2);
    CHECK_LE(files_of(disk, ".spare"), limits::kLogSpareFilesMax);
    if (cycle <= 2) created = log->stats().files_created;
    CHECK_EQ(log->stats().files_created, created);
  }
}

TEST_CASE_FIXTURE(LogFixture, "log: what a reused file held before never comes back") {
  file_bytes = kLogFileHeaderBytes + 4 * kGroup;
  start();
  for (int i = 0; i < 12; ++i) append_durable("stale");  // files 1 to 3, full of groups at the same places
  REQUIRE_OK(log->truncate(12));
  for (uint64_t fresh = 1; fresh <= 8; ++fresh) {
    append_durable("fresh");
    position = {.flushed_lsn = 12, .synced_lsn = 12, .first_file = log->first_file_needed(13)};
    for (Fate fate : kAllFates) {
      auto after = disk.after_crash(fate, fresh);
      LogOptions reading = options();
      reading.fs = after.get();
      uint64_t seen = 0;
      auto recovered = recover_log(reading, position, [&](const RecordView& record) -> Status {
        CHECK_EQ(as_text(record.payload), "fresh");
        ++seen;
        return {};
      });
      REQUIRE_OK(recovered);
      CHECK_EQ(seen, fresh);
      CHECK_FALSE(recovered->torn.has_value());
    }
  }
  CHECK_GE(log->stats().files_reused, 1);
}

TEST_CASE_FIXTURE(LogFixture, "log: a clean stop is known, and the mark goes before the first write (W14)") {
  start();
  append("a");
  REQUIRE_OK(log->close());
  CHECK(code_of(try_append("b")) == Code::kInvalidArgument);
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(recover());
  CHECK(recovery.clean);
  CHECK(texts == Texts{{1, "a"}});
  REQUIRE_OK(start_after_recovery());
  CHECK_FALSE(disk.exists("/log/CLEAN"));
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(recover());
  CHECK_FALSE(recovery.clean);
}

TEST_CASE_FIXTURE(LogFixture, "log: an idle log is sealed once (W15)") {
  start();
  append_durable("a");
  REQUIRE_OK(log->idle(0));
  REQUIRE_OK(log->idle(limits::kLogSealIdleUs - 1));
  CHECK_EQ(log->next_lsn(), 2);
  REQUIRE_OK(log->idle(limits::kLogSealIdleUs));
  CHECK_EQ(log->next_lsn(), 3);
  CHECK_EQ(log->durable_lsn(), 2);
  REQUIRE_OK(log->idle(10 * limits::kLogSealIdleUs));
  CHECK_EQ(log->next_lsn(), 3);
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(recover());
  CHECK(texts == Texts{{1, "a"}});  // a seal is not the engine's
  CHECK_EQ(recovery.last_lsn, 2);
}

TEST_CASE_FIXTURE(LogFixture, "log: read() shows durable records from a place on, and no seals") {
  start();
  for (const char* text : {"a", "b", "c"}) append_durable(text);
  append("in flight");
  Texts seen;
  auto visit = [&](const RecordView& record) -> Status {
    seen[record.lsn] = std::string(as_text(record.payload));
    return {};
  };
  REQUIRE_OK(log->read(2, visit));
  CHECK(seen == Texts{{2, "b"}, {3, "c"}});
}

TEST_CASE_FIXTURE(LogFixture, "log: no space for a file is said before anything is logged, and passes") {
  file_bytes = kLogFileHeaderBytes + 2 * kGroup;
  start();
  disk.set_capacity(2 * file_bytes);
  uint64_t accepted = 0;
  while (try_append("a")) ++accepted;
  CHECK_EQ(accepted, 4);
  CHECK(code_of(try_append("b")) == Code::kNoSpace);
  CHECK_EQ(log->next_lsn(), 5);
  wait_durable();
  disk.set_capacity(1 << 30);
  CHECK_EQ(append_durable("c"), 5);
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(recover());
  CHECK_EQ(texts.size(), 5);
}

TEST_CASE_FIXTURE(LogFixture, "log: truncation makes the room that an append lacked") {
  file_bytes = kLogFileHeaderBytes + 2 * kGroup;
  start();
  disk.set_capacity(2 * file_bytes);
  while (try_append("a")) {
  }
  wait_durable();
  REQUIRE_OK(log->truncate(2));
  CHECK_EQ(append_durable("b"), 5);
}

TEST_CASE("log: a write or sync that fails poisons it for good (W20)") {
  for (DiskOp op : {DiskOp::kWrite, DiskOp::kSync}) {
    for (FaultEffect effect : {FaultEffect::kIoError, FaultEffect::kNoSpace}) {
      CAPTURE(disk_op_name(op));
      LogFixture fixture;
      fixture.start();
      fixture.append_durable("a");
      fixture.disk.inject({.effect = effect, .ops = {op}});
      fixture.append("b");
      Status polled;
      while (polled) polled = fixture.log->poll(true);
      CHECK(code_of(polled) == Code::kIndeterminate);
      fixture.disk.clear_faults();
      CHECK(code_of(fixture.log->poll(true)) == Code::kIndeterminate);
      CHECK(code_of(fixture.try_append("c")) == Code::kIndeterminate);
      CHECK(code_of(fixture.log->truncate(1)) == Code::kIndeterminate);
      CHECK(code_of(fixture.log->idle(0)) == Code::kIndeterminate);
      CHECK(code_of(fixture.log->close()) == Code::kIndeterminate);
      CHECK_EQ(fixture.log->durable_lsn(), 1);
      fixture.power_failure(Fate::kDropUnsynced);
      REQUIRE_OK(fixture.recover());
      CHECK(fixture.texts == Texts{{1, "a"}});
    }
  }
}

TEST_CASE_FIXTURE(LogFixture, "log: a failed sync of the directory while rolling poisons it") {
  file_bytes = kLogFileHeaderBytes + kGroup;
  start();
  append_durable("a");
  disk.inject({.effect = FaultEffect::kIoError, .ops = {DiskOp::kSyncDirectory}});
  CHECK(code_of(try_append("b")) == Code::kIndeterminate);
  CHECK(code_of(try_append("b")) == Code::kIndeterminate);
}

TEST_CASE_FIXTURE(LogFixture, "log: slow syncs are counted (W24)") {
  start();
  append("a");
  REQUIRE_OK(log->poll(true));  // written; its sync is under way
  clock.advance(2 * limits::kLogSlowSyncUs);
  wait_durable();
  CHECK_EQ(log->stats().slow_syncs, 1);
  CHECK_EQ(log->stats().slowest_sync_us, 2 * limits::kLogSlowSyncUs);
}

TEST_CASE_FIXTURE(LogFixture, "log: it does not start below what was seen, nor beside a newer file") {
  start();
  append_durable("a");
  log.reset();
  REQUIRE_OK(recover());
  CHECK(code_of(start_log(options(), 1, recovery)) == Code::kInvalidArgument);
  LogRecovery stale;
  CHECK(code_of(start_log(options(), 1, stale)) == Code::kAlreadyExists);
}

TEST_CASE_FIXTURE(LogFixture, "log: a start that got no queue leaves nothing behind and can be tried again") {
  NoQueue no_queue(disk);
  LogOptions refused = options();
  refused.fs = &no_queue;
  REQUIRE_OK(recover());
  const uint64_t changes = disk.changes();
  CHECK(code_of(start_log(refused, 1, recovery)) == Code::kUnsupported);
  CHECK_EQ(disk.changes(), changes);
  REQUIRE_OK(start_after_recovery());
  CHECK_EQ(append_durable("a"), 1);
}

TEST_CASE("log: a start that lacks space at any operation is tried again, or is a failure that a restart mends") {
  unsigned tried_again = 0, failed = 0;
  for (bool clean : {false, true}) {
    for (uint64_t nth = 1;; ++nth) {
      CAPTURE(clean);
      CAPTURE(nth);
      LogFixture fixture;
      fixture.file_bytes = kLogFileHeaderBytes + 2 * LogFixture::kGroup;
      fixture.start();
      for (const char* text : {"a", "b", "c", "d", "e"}) fixture.append_durable(text);
      if (clean) REQUIRE_OK(fixture.log->close());
      fixture.power_failure(Fate::kDropUnsynced);
      if (!clean) fixture.damage_group(3, 0);
      REQUIRE_OK(fixture.recover());
      fixture.disk.inject({.effect = FaultEffect::kNoSpace, .nth = nth});
      Status started = fixture.start_after_recovery();
      if (fixture.disk.faults_fired() == 0) break;
      fixture.disk.clear_faults();
      if (code_of(started) == Code::kNoSpace) {
        ++tried_again;
        REQUIRE_OK(fixture.start_after_recovery());
      } else if (!started) {
        ++failed;
        CHECK(code_of(started) == Code::kIoError);
        fixture.disk.kill_process();
        REQUIRE_OK(fixture.recover());
        CHECK(fixture.texts.empty());
        REQUIRE_OK(fixture.start_after_recovery());
      }
      const Lsn lsn = fixture.append_durable("f");
      fixture.power_failure(Fate::kDropUnsynced);
      REQUIRE_OK(fixture.recover());
      CHECK(fixture.texts == Texts{{lsn, "f"}});
    }
  }
  CHECK_GT(tried_again, 0);
  CHECK_GT(failed, 0);
}

TEST_CASE_FIXTURE(LogFixture, "log: it cleans up what a crash left half made, and nothing else") {
  start();
  log.reset();
  for (const char* name : {"/log/00000009.spare.tmp", "/log/CLEAN.tmp", "/log/notes.txt"}) {
    REQUIRE_OK(disk.open(name, OpenMode::kCreate));
  }
  REQUIRE_OK(recover());
  REQUIRE_OK(start_after_recovery());
  CHECK_FALSE(disk.exists("/log/00000009.spare.tmp"));
  CHECK_FALSE(disk.exists("/log/CLEAN.tmp"));
  CHECK(disk.exists("/log/notes.txt"));
}

TEST_CASE_FIXTURE(LogFixture, "log: verify lists files, groups and what is wrong") {
  file_bytes = kLogFileHeaderBytes + 2 * kGroup;
  start();
  for (const char* text : {"a", "b", "c"}) append_durable(text);
  power_failure(Fate::kDropUnsynced);
  auto report = verify_log(options(), position);
  REQUIRE_OK(report);
  CHECK_EQ(report->problem, "");
  REQUIRE_EQ(report->files.size(), 2);
  CHECK_EQ(report->files[0].groups, 2);
  CHECK_EQ(report->files[0].last_lsn, 2);
  CHECK_EQ(report->files[1].records, 1);
  CHECK_EQ(report->recovery.last_lsn, 3);
  damage_group(1, 0);
  report = verify_log(options(), position);
  REQUIRE_OK(report);
  CHECK_NE(report->problem, "");
  CHECK_NE(report->files[0].problem, "");
  CHECK_EQ(report->files[1].problem, "");
}

}  // namespace tally

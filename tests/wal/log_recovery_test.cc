// Torn or corrupt: every row of reliability.md W10's table by name, all combinations of its columns, and what follows from
// the verdict (W11, W12, W16).
#include "wal/log_recovery.h"

#include <doctest/doctest.h>

#include "tests/wal/log_fixture.h"

namespace tally {
namespace {

TailEvidence evidence_of(unsigned bits) {
  return {.last_file = (bits & 1) != 0,
          .clean_mark = (bits & 2) != 0,
          .later_group_durable = (bits & 4) != 0,
          .manifest_synced = (bits & 8) != 0,
          .within_pipeline = (bits & 16) != 0};
}

// One row of the table: which bits it demands set and which unset.
struct Row {
  unsigned set;
  unsigned unset;
  TailVerdict verdict;
};
constexpr Row kRows[] = {
    {0, 1, TailVerdict::kNotInLastFile},
    {1 | 2, 0, TailVerdict::kClosedCleanly},
    {1 | 4, 2, TailVerdict::kLaterGroupDurable},
    {1 | 8, 2 | 4, TailVerdict::kManifestSynced},
    {1, 2 | 4 | 8 | 16, TailVerdict::kTooManyGroups},
    {1 | 16, 2 | 4 | 8, TailVerdict::kTorn},
};

std::string recovery_error(LogFixture& fixture) {
  Status recovered = fixture.recover();
  REQUIRE_FALSE(recovered.has_value());
  CHECK(recovered.error().code == Code::kCorruption);
  return recovered.error().message;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("W10: each of the 32 combinations hits exactly one row") {
  for (unsigned bits = 0; bits < 32; ++bits) {
    CAPTURE(bits);
    unsigned rows = 0;
    for (const Row& row : kRows) {
      bool hit = (bits & row.set) == row.set && (bits & row.unset) == 0;
      if (!hit) continue;
      ++rows;
      CHECK(judge_tail(evidence_of(bits)) == row.verdict);
    }
    CHECK_EQ(rows, 1);
  }
}

TEST_CASE_FIXTURE(LogFixture, "W10 row 1: damage before the last file is corruption") {
  file_bytes = kLogFileHeaderBytes + 3 * kGroup;
  start();
  for (const char* text : {"a", "b", "c", "d"}) append_durable(text);
  power_failure(Fate::kDropUnsynced);
  damage_group(1, 2);
  std::string error = recovery_error(*this);
  CHECK(contains(error, "00000001.log"));
  CHECK(contains(error, "offset 12288"));
  CHECK(contains(error, "LSN 3 to 3"));
}

TEST_CASE_FIXTURE(LogFixture, "W10 row 2: damage in a log that was closed is corruption") {
  start();
  append_durable("a");
  append_durable("b");
  REQUIRE_OK(log->close());
  power_failure(Fate::kDropUnsynced);
  damage_group(1, 1);
  CHECK(contains(recovery_error(*this), "had been closed"));
}

TEST_CASE_FIXTURE(LogFixture, "W10 row 2: a closed log that is too short is corruption") {
  start();
  append_durable("a");
  append_durable("b");
  REQUIRE_OK(log->close());
  power_failure(Fate::kDropUnsynced);
  disk.overwrite(file(1), group_offset(1), Bytes(kGroup));
  CHECK(contains(recovery_error(*this), "closed at LSN 2"));
}

TEST_CASE_FIXTURE(LogFixture, "W10 row 3: damage that a later group calls durable is corruption") {
  start();
  for (const char* text : {"a", "b", "c"}) append_durable(text);
  power_failure(Fate::kDropUnsynced);
  damage_group(1, 1);
  CHECK(contains(recovery_error(*this), "a later group says"));
}

TEST_CASE_FIXTURE(LogFixture,
                  "W10 row 3: a group that vanished under a later one that calls it durable is corruption") {
  start();
  for (const char* text : {"a", "b", "c"}) append_durable(text);
  power_failure(Fate::kDropUnsynced);
  disk.overwrite(file(1), group_offset(1), Bytes(kGroup));
  CHECK(contains(recovery_error(*this), "a later group says"));
}

TEST_CASE_FIXTURE(LogFixture, "W10 row 4: damage that the manifest calls synced is corruption") {
  start();
  append_durable("a");
  append_durable("b");
  power_failure(Fate::kDropUnsynced);
  damage_group(1, 1);
  position.synced_lsn = 2;
  CHECK(contains(recovery_error(*this), "the manifest says"));
}

TEST_CASE_FIXTURE(LogFixture, "W10 row 4: records that are gone without a trace but synced are corruption") {
  start();
  append_durable("a");
  append_durable("b");
  power_failure(Fate::kDropUnsynced);
  disk.overwrite(file(1), group_offset(1), Bytes(kGroup));
  position.synced_lsn = 2;
  CHECK(contains(recovery_error(*this), "the manifest says"));
}

TEST_CASE_FIXTURE(LogFixture, "W10 row 5: more damaged groups than can be in flight are corruption") {
  HandMadeFile made;
  made.add("good", 0);
  for (int i = 0; i < 5; ++i) made.add("in flight, if five could be", 1);
  made.store(disk);
  damage_group(1, 1);
  CHECK(contains(recovery_error(*this), "more groups"));
}

TEST_CASE_FIXTURE(LogFixture, "W10 row 6: as many damaged groups as can be in flight are a torn tail") {
  HandMadeFile made;
  made.add("good", 0);
  for (int i = 0; i < 4; ++i) made.add("in flight", 1);
  made.store(disk);
  damage_group(1, 1);
  REQUIRE_OK(recover());
  CHECK(texts == Texts{{1, "good"}});
  REQUIRE(recovery.torn.has_value());
  CHECK_EQ(recovery.torn->offset, group_offset(1));
  CHECK_EQ(recovery.torn->bytes, 4 * kGroup);
  CHECK_EQ(recovery.torn->first_lost_lsn, 2);
  CHECK_EQ(recovery.torn->highest_lsn_seen, 5);
}

TEST_CASE_FIXTURE(LogFixture, "W11: a torn tail is dropped, kept as evidence, and its LSNs are not used again") {
  start();
  append_durable("a");
  append("b");
  append("c");
  while (log->groups_in_flight() > 0) REQUIRE_OK(log->poll(true));
  power_failure(Fate::kKeepAll);
  damage_group(1, 1);  // both were written while LSN 1 was the durable one
  Bytes before = disk.content(file(1));
  REQUIRE_OK(recover());
  CHECK(texts == Texts{{1, "a"}});
  CHECK_EQ(recovery.last_lsn, 1);
  CHECK_EQ(recovery.highest_lsn_seen, 3);
  CHECK(disk.content(file(1)) == before);
  REQUIRE_OK(start_after_recovery());
  CHECK_EQ(log->next_lsn(), 4);
  CHECK(disk.content("/log/00000001.torn") == before);
  CHECK_EQ(append_durable("d"), 4);
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(recover());
  CHECK(texts == Texts{{4, "d"}});
}

TEST_CASE_FIXTURE(LogFixture, "W11: a crash loop keeps a few torn files only") {
  for (unsigned i = 0; i < limits::kLogTornFilesMax + 3; ++i) {
    start();
    append_durable("a");
    power_failure(Fate::kKeepAll);
    damage_group(recovery.highest_file + 1, 0);
  }
  start();
  unsigned torn = 0;
  for (const std::string& path : disk.tree()) torn += path.ends_with(".torn") ? 1 : 0;
  CHECK_EQ(torn, limits::kLogTornFilesMax);
}

TEST_CASE_FIXTURE(LogFixture, "W11: a torn file stays evidence when the recovery that saw it starts no log") {
  start();
  append_durable("a");
  append_durable("b");
  power_failure(Fate::kKeepAll);
  damage_group(1, 1);
  const Bytes before = disk.content(file(1));
  REQUIRE_OK(recover());
  REQUIRE(recovery.torn.has_value());
  settle();
  REQUIRE_OK(keep_torn_file(options(), recovery));
  REQUIRE_OK(keep_torn_file(options(), recovery));
  CHECK_FALSE(disk.exists(file(1)));
  power_failure(Fate::kDropUnsynced);  // only queries were asked

  REQUIRE_OK(recover());
  CHECK(texts.empty());
  CHECK_FALSE(recovery.torn.has_value());
  CHECK_EQ(recovery.highest_file, 1);
  REQUIRE_OK(keep_torn_file(options(), recovery));
  REQUIRE_OK(start_after_recovery());
  CHECK(disk.content("/log/00000001.torn") == before);
  CHECK_EQ(append_durable("c"), 3);
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(recover());
  CHECK(texts == Texts{{3, "c"}});
}

TEST_CASE_FIXTURE(LogFixture, "W11: a log starts in the process that kept the torn file, and trims the evidence") {
  for (unsigned i = 0; i < limits::kLogTornFilesMax + 3; ++i) {
    start();
    append_durable("a");
    power_failure(Fate::kKeepAll);
    damage_group(recovery.highest_file + 1, 0);
    REQUIRE_OK(recover());
    REQUIRE(recovery.torn.has_value());
    settle();
    REQUIRE_OK(keep_torn_file(options(), recovery));
    REQUIRE_OK(start_after_recovery());
    append_durable("b");
    power_failure(Fate::kDropUnsynced);
  }
  unsigned torn = 0;
  for (const std::string& path : disk.tree()) torn += path.ends_with(".torn") ? 1 : 0;
  CHECK_EQ(torn, limits::kLogTornFilesMax);
}

// No crash leaves one: a file gets its name only with its header and its size on the disk (log_windows_test.cc).
TEST_CASE_FIXTURE(LogFixture, "W16: a newest file with an incomplete header and nothing else is corruption") {
  start();
  append_durable("a");
  power_failure(Fate::kDropUnsynced);
  HandMadeFile made(2, 0, 2);
  made.store(disk);
  disk.overwrite(file(2), 0, Bytes(2048));
  std::string error = recovery_error(*this);
  CHECK(contains(error, "00000002.log"));
  CHECK(contains(error, "file header"));
}

TEST_CASE_FIXTURE(LogFixture, "W16: an incomplete header with groups behind it is corruption") {
  HandMadeFile made;
  made.add("a", 0);
  made.store(disk);
  disk.overwrite(file(1), 0, Bytes(2048));
  CHECK(contains(recovery_error(*this), "file header"));
}

TEST_CASE_FIXTURE(LogFixture, "W16: an incomplete header of an older file is corruption") {
  file_bytes = kLogFileHeaderBytes + kGroup;
  start();
  append_durable("a");
  append_durable("b");
  power_failure(Fate::kDropUnsynced);
  disk.overwrite(file(1), 0, Bytes(2048));
  CHECK(contains(recovery_error(*this), "00000001.log"));
}

TEST_CASE_FIXTURE(LogFixture, "recovery: a missing file in the middle is corruption") {
  file_bytes = kLogFileHeaderBytes + kGroup;
  start();
  for (const char* text : {"a", "b", "c"}) append_durable(text);
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(disk.unlink(file(2)));
  CHECK(contains(recovery_error(*this), "missing"));
}

TEST_CASE_FIXTURE(LogFixture, "recovery: a missing first file is corruption") {
  file_bytes = kLogFileHeaderBytes + kGroup;
  start();
  append_durable("a");
  append_durable("b");
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(disk.unlink(file(1)));
  CHECK(contains(recovery_error(*this), "LSN 1 to 1 are missing"));
}

TEST_CASE_FIXTURE(LogFixture, "recovery: a missing last file is corruption when the manifest knew more") {
  file_bytes = kLogFileHeaderBytes + kGroup;
  start();
  append_durable("a");
  append_durable("b");
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(disk.unlink(file(2)));
  position.synced_lsn = 2;
  CHECK(contains(recovery_error(*this), "the manifest says"));
}

TEST_CASE_FIXTURE(LogFixture, "recovery: a missing directory is an empty log only for a new table") {
  REQUIRE_OK(recover());
  CHECK_EQ(recovery.last_lsn, 0);
  position = {.flushed_lsn = 10, .synced_lsn = 10, .first_file = 2};
  CHECK(contains(recovery_error(*this), "missing"));
}

TEST_CASE_FIXTURE(LogFixture, "recovery: a manifest older than the log is corruption") {
  start();
  append_durable("a");
  power_failure(Fate::kDropUnsynced);
  LogPosition old = position;
  start();
  append_durable("b");
  power_failure(Fate::kDropUnsynced);
  position = old;
  CHECK(contains(recovery_error(*this), "missing"));
}

TEST_CASE_FIXTURE(LogFixture, "recovery: a file of another table is refused") {
  HandMadeFile made;
  made.header.table_uuid.fill(0x66);
  encode_file_header(made.header, MutableByteSpan(made.bytes).first(kLogFileHeaderBytes));
  made.store(disk);
  CHECK(contains(recovery_error(*this), "another table"));
}

TEST_CASE_FIXTURE(LogFixture, "recovery: a file under another's name is refused") {
  HandMadeFile made(1, LogFileHeader::kRunStart, 3);
  made.store(disk);
  REQUIRE_OK(disk.rename(file(3), file(1)));
  CHECK(contains(recovery_error(*this), "header is that of file 3"));
}

TEST_CASE_FIXTURE(LogFixture, "recovery: records in segments are not visited again") {
  start();
  for (const char* text : {"a", "b", "c"}) append_durable(text);
  power_failure(Fate::kDropUnsynced);
  position = {.flushed_lsn = 2, .synced_lsn = 2, .first_file = 1};
  REQUIRE_OK(recover());
  CHECK(texts == Texts{{3, "c"}});
  CHECK_EQ(recovery.records, 1);
}

TEST_CASE_FIXTURE(LogFixture,
                  "recovery: an unknown type that must not be skipped is refused, others are skipped (W8)") {
  start();
  AppendRecord record = text_record("from the future", clock.wall_us());
  record.type = static_cast<RecordType>(0x91);
  REQUIRE_OK(log->append({&record, 1}));
  append_durable("a");
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(recover());
  CHECK(texts == Texts{{2, "a"}});

  disk.cut(file(1), 0);
  HandMadeFile made;
  made.add("x", 0);
  made.bytes[4096 + 96] = 99;
  store_le(made.bytes.data() + 4096 + 96 + 56, xxh3(ByteSpan(made.bytes).subspan(4096 + 96, 56)));
  uint8_t sum[8];
  store_le(sum, load_le<uint64_t>(made.bytes.data() + 4096 + 96 + 56));
  store_le(made.bytes.data() + 4096 + 80, xxh3(sum, 0));
  store_le(made.bytes.data() + 4096 + 88, xxh3(ByteSpan(made.bytes).subspan(4096, 88)));
  REQUIRE_OK(disk.unlink(file(1)));
  made.store(disk);
  Status refused = recover();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Code::kUnsupported);
}

TEST_CASE_FIXTURE(LogFixture, "recovery: an error of the visitor stops it and is returned") {
  start();
  append_durable("a");
  auto recovered =
      recover_log(options(), position, [](const RecordView&) -> Status { return fail(Code::kCancelled, "enough"); });
  REQUIRE_FALSE(recovered.has_value());
  CHECK(recovered.error().code == Code::kCancelled);
}

TEST_CASE_FIXTURE(LogFixture, "recovery: a damaged clean mark is corruption") {
  start();
  append_durable("a");
  REQUIRE_OK(log->close());
  power_failure(Fate::kDropUnsynced);
  REQUIRE(disk.flip_bit("/log/CLEAN", 50, 1));
  CHECK(contains(recovery_error(*this), "CLEAN"));
}

TEST_CASE_FIXTURE(LogFixture, "recovery: what a failed sync left in memory only is not believed (W21)") {
  start();
  append_durable("a");
  disk.inject({.effect = FaultEffect::kIoError, .ops = {DiskOp::kSync}});
  append("b");
  Status polled;
  while (polled && log->groups_in_flight() > 0) polled = log->poll(true);
  CHECK_FALSE(polled.has_value());
  log.reset();
  disk.clear_faults();
  disk.kill_process();  // the cache, which still shows "b", stays
  REQUIRE_OK(recover());
  CHECK(texts == Texts{{1, "a"}});
}

TEST_CASE_FIXTURE(LogFixture, "recovery: what it has shown survives a power failure that follows (W9)") {
  start();
  append_durable("a");
  append("b");
  REQUIRE_OK(log->poll(true));  // written, not synced
  disk.kill_process();
  log.reset();
  REQUIRE_OK(recover());
  CHECK(texts == Texts{{1, "a"}, {2, "b"}});
  power_failure(Fate::kDropUnsynced);
  REQUIRE_OK(recover());
  CHECK(texts == Texts{{1, "a"}, {2, "b"}});
}

TEST_CASE("recovery: every flipped bit of a sealed log is corruption, or changes nothing") {
  LogFixture golden;
  golden.file_bytes = kLogFileHeaderBytes + 4 * LogFixture::kGroup;
  golden.start();
  golden.append_durable("a");
  golden.append_durable("b");
  REQUIRE_OK(golden.log->idle(0));
  REQUIRE_OK(golden.log->idle(limits::kLogSealIdleUs));
  REQUIRE_EQ(golden.log->durable_lsn(), 3);
  golden.power_failure(Fate::kDropUnsynced);
  const uint64_t sealed = golden.group_offset(2), end = golden.group_offset(4);
  for (uint64_t offset = 0; offset < end; ++offset) {
    CAPTURE(offset);
    unsigned bit = offset % 8;
    golden.disk.flip_bit(golden.file(1), offset, bit);
    Status recovered = golden.recover();
    bool same = recovered && golden.texts == Texts{{1, "a"}, {2, "b"}};
    bool refused =
        !recovered && (recovered.error().code == Code::kCorruption || recovered.error().code == Code::kUnsupported);
    if (!(offset < sealed ? refused : same)) FAIL("offset ", offset, recovered ? " lost" : recovered.error().message);
    golden.disk.flip_bit(golden.file(1), offset, bit);
  }
}

// Nothing behind a cut says that there was more; the header says how long the file is.
TEST_CASE_FIXTURE(LogFixture,
                  "recovery: a cut of the newest file is corruption at any length, in new and reused files") {
  file_bytes = kLogFileHeaderBytes + 4 * kGroup;
  for (unsigned run = 1; run <= 3; ++run) {
    CAPTURE(run);
    start();
    append_durable("a");
    append_durable("b");
    CHECK_EQ(log->stats().files_reused > 0, run == 3);  // the file of run 1, which run 2 let go
    power_failure(Fate::kDropUnsynced);
    const std::string newest = file(recovery.highest_file + 1);
    const Bytes whole = disk.content(newest);
    REQUIRE_EQ(whole.size(), file_bytes);
    for (uint64_t size = file_bytes - 1; size > 0; size -= std::min<uint64_t>(size, 511)) {
      CAPTURE(size);
      REQUIRE(disk.cut(newest, size));
      std::string error = recovery_error(*this);
      CHECK(contains(error, newest + ": "));
      CHECK(contains(error, "has " + std::to_string(size) + " bytes"));
      if (size >= kLogFileHeaderBytes) CHECK(contains(error, "says " + std::to_string(file_bytes)));
    }
    auto opened = disk.open(newest, OpenMode::kReadWrite);
    REQUIRE_OK(opened);
    REQUIRE_OK((*opened)->write_at(0, whole));
    REQUIRE_OK((*opened)->sync());
    REQUIRE_OK(recover());
    CHECK_EQ(texts.size(), 2);
  }
}

TEST_CASE_FIXTURE(LogFixture, "recovery: a cut of an older file is corruption, even where it held nothing") {
  file_bytes = kLogFileHeaderBytes + 2 * kGroup;
  start();
  const std::string big(5'000, 'b');  // two groups' worth: file 1 keeps room for one
  append_durable("a");
  append_durable(big);
  power_failure(Fate::kDropUnsynced);
  REQUIRE(disk.exists(file(2)));
  REQUIRE(disk.cut(file(1), group_offset(1)));
  CHECK(contains(recovery_error(*this), "00000001.log"));
}

}  // namespace tally

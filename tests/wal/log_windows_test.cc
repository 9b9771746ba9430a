// The crash windows of reliability.md 4b that concern the log, one test each, over every fate of the disk.
#include <doctest/doctest.h>

#include "tests/wal/log_fixture.h"

namespace tally {
namespace {

constexpr uint64_t kSeeds = 20;

template <class Body>
void for_every_fate(Body body) {
  for (Fate fate : kAllFates) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      CAPTURE(fate_name(fate));
      CAPTURE(seed);
      LogFixture fixture;
      fixture.start();
      body(fixture, fate, seed);
    }
  }
}

}  // namespace

TEST_CASE(
    "window: after the write, before fdatasync: the group is there whole or not at all, nothing was acknowledged") {
  for_every_fate([](LogFixture& fixture, Fate fate, uint64_t seed) {
    const std::string big(20'000, 'b');
    fixture.append_durable("a");
    fixture.append(big);
    REQUIRE_OK(fixture.log->poll(false));
    CHECK_EQ(fixture.log->durable_lsn(), 1);
    fixture.power_failure(fate, seed);
    REQUIRE_OK(fixture.recover());
    bool absent = fixture.texts == Texts{{1, "a"}};
    bool whole = fixture.texts == Texts{{1, "a"}, {2, big}};
    CHECK((absent || whole));
  });
}

TEST_CASE("window: after fdatasync, before the acknowledgement: the group is there") {
  for_every_fate([](LogFixture& fixture, Fate fate, uint64_t seed) {
    fixture.append_durable("a");
    fixture.power_failure(fate, seed);
    REQUIRE_OK(fixture.recover());
    CHECK(fixture.texts == Texts{{1, "a"}});
    CHECK_FALSE(fixture.recovery.torn.has_value());
  });
}

TEST_CASE("window: acknowledged, and the next group half written: the first is there, the half is evidence") {
  unsigned torn = 0;
  for_every_fate([&](LogFixture& fixture, Fate fate, uint64_t seed) {
    const std::string big(20'000, 'b');
    fixture.append_durable("a");
    fixture.append(big);
    REQUIRE_OK(fixture.log->poll(true));  // written; the sync is on its way
    fixture.power_failure(fate, seed);
    REQUIRE_OK(fixture.recover());
    REQUIRE_FALSE(fixture.texts.empty());
    CHECK_EQ(fixture.texts[1], "a");
    if (!fixture.recovery.torn) return;
    ++torn;
    CHECK(fixture.texts == Texts{{1, "a"}});
    CHECK_EQ(fixture.recovery.torn->first_lost_lsn, 2);
    REQUIRE_OK(fixture.start_after_recovery());
    CHECK(fixture.disk.exists("/log/00000001.torn"));
  });
  CHECK_GT(torn, 0);
}

TEST_CASE_FIXTURE(LogFixture, "window: two groups pipelined, the second on disk and the first not: both are dropped") {
  HandMadeFile both;  // as a crash leaves it when the disk takes the second write first
  both.add("a", 0);
  both.add("b", 0);
  both.store(disk);
  disk.overwrite(file(1), group_offset(0), Bytes(kGroup));
  REQUIRE_OK(recover());
  CHECK(texts.empty());
  REQUIRE(recovery.torn.has_value());
  CHECK_EQ(recovery.highest_lsn_seen, 2);
  REQUIRE_OK(start_after_recovery());
  CHECK_EQ(append_durable("again"), 3);
}

TEST_CASE("window: the log rolls, and the power fails at any of its steps: the old file is complete") {
  uint64_t points = 0;
  for (Fate fate : kAllFates) {
    for (uint64_t point = 1;; ++point) {
      CAPTURE(fate_name(fate));
      CAPTURE(point);
      LogFixture fixture;
      fixture.file_bytes = kLogFileHeaderBytes + LogFixture::kGroup;
      fixture.start();
      fixture.append_durable("a");
      fixture.disk.crash_at(point);
      bool rolled = fixture.try_append("b").has_value();  // needs a new file
      if (rolled && !fixture.disk.crashed()) break;
      ++points;
      CHECK_EQ(fixture.log->durable_lsn(), 1);
      fixture.power_failure(fate, point);
      REQUIRE_OK(fixture.recover());
      bool without = fixture.texts == Texts{{1, "a"}};
      bool with = fixture.texts == Texts{{1, "a"}, {2, "b"}};
      CHECK((without || with));
    }
  }
  CHECK_GE(points, 4 * kAllFates.size());  // header, its sync, rename, sync of the directory
}

TEST_CASE(
    "window: a crash while a torn file is kept as evidence: it is there under one of its names, and a log starts") {
  for (Fate fate : kAllFates) {
    for (uint64_t point = 1;; ++point) {
      CAPTURE(fate_name(fate));
      CAPTURE(point);
      LogFixture fixture;
      fixture.start();
      fixture.append_durable("a");
      fixture.power_failure(Fate::kDropUnsynced);
      fixture.damage_group(1, 0);
      const Bytes original = fixture.disk.content(LogFixture::file(1));
      REQUIRE_OK(fixture.recover());
      fixture.settle();
      fixture.disk.crash_at(point);
      const bool kept = keep_torn_file(fixture.options(), fixture.recovery).has_value();
      if (kept && !fixture.disk.crashed()) break;
      fixture.power_failure(fate, point);
      const bool renamed = fixture.disk.exists("/log/00000001.torn");
      CHECK(fixture.disk.content(renamed ? "/log/00000001.torn" : LogFixture::file(1)) == original);
      REQUIRE_OK(fixture.recover());
      REQUIRE_OK(fixture.start_after_recovery());
      CHECK_EQ(fixture.append_durable("b"), 2);
    }
  }
}

TEST_CASE("window: a crash at each operation of recovery and start: recovery again gives the same") {
  for (Fate fate : kAllFates) {
    for (uint64_t point = 1;; ++point) {
      CAPTURE(fate_name(fate));
      CAPTURE(point);
      LogFixture fixture;
      fixture.start();
      fixture.append_durable("a");
      fixture.append_durable("b");
      fixture.power_failure(Fate::kDropUnsynced);
      fixture.disk.flip_bit(LogFixture::file(1), LogFixture::group_offset(1) + 200, 0);  // "b" looks torn
      Bytes original = fixture.disk.content(LogFixture::file(1));

      fixture.disk.crash_at(point);
      LogPosition before = fixture.position;
      bool recovered = fixture.recover().has_value();
      bool started = recovered && fixture.start_after_recovery().has_value();
      if (started && !fixture.disk.crashed()) break;
      fixture.power_failure(fate, point);
      if (!recovered) fixture.position = before;  // the manifest edit was not written
      CHECK((fixture.disk.exists(LogFixture::file(1)) || fixture.disk.exists("/log/00000001.torn")));
      if (fixture.disk.exists(LogFixture::file(1))) CHECK(fixture.disk.content(LogFixture::file(1)) == original);

      Lsn flushed = fixture.position.flushed_lsn;
      REQUIRE_OK(fixture.recover());
      CHECK(fixture.texts == (flushed == 0 ? Texts{{1, "a"}} : Texts{}));
      REQUIRE_OK(fixture.start_after_recovery());
      CHECK_GT(fixture.append_durable("c"), flushed);
    }
  }
}

}  // namespace tally

// Wrong clocks across restarts, what they stop, and the two words that settle them (reliability.md T1, T3).
#include <doctest/doctest.h>

#include "tests/support/engine/seed.h"
#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

constexpr TimeUs kWithin = 72 * kMicrosPerHour;
constexpr TimeUs kYear = 365 * kMicrosPerDay;

TableOptions clock_options() {
  TableOptions options = small_table_options();
  options.forget_boottime_us = 0;
  return options;
}

ClockState state_of(TableWorld& world) { return world.table().condition().clock.state; }

std::shared_ptr<const ManifestState> manifest(TableWorld& world) {
  return Manifest::load(world.disk, "/db/tables/events").value();
}

// Arrival of the newest record, as a backward look at the log has it.
TimeUs newest_arrival(TableWorld& world) { return world.table().condition().clock.last_arrival_us; }

}  // namespace

TEST_CASE("clock: a jump while nobody looked is one after a restart of the process too") {
  TableWorld world(1, clock_options());
  world.send({{.id = "a"}});
  world.close();
  world.clock.jump_wall(10 * kMicrosPerDay);
  world.open();
  CHECK(state_of(world) == ClockState::kAhead);  // before anything is written
  const TimeUs before_us = newest_arrival(world);
  CHECK(world.send({{.id = "b", .age_us = 10 * kMicrosPerDay}}).counts.accepted == 1);  // at the pace of boottime
  CHECK(newest_arrival(world) == before_us);
  const Result<BatchResult> now = world.try_send({{.id = "c"}});
  REQUIRE_FALSE(now);
  CHECK(now.error().code == Code::kRetryLater);
  CHECK(now.error().message.find("tally clock show") != std::string::npos);
  CHECK(world.events() == 2);  // queries go on

  REQUIRE(world.table().confirm_clock());
  CHECK(state_of(world) == ClockState::kBelieved);
  CHECK(world.send({{.id = "c"}}).counts.accepted == 1);
  world.kill();
  world.open();
  CHECK(state_of(world) == ClockState::kBelieved);  // the word is kept
  CHECK(world.events() == 3);
}

TEST_CASE("clock: put right again, it is believed without a word, and nothing was lost") {
  TableWorld world(2, clock_options());
  world.send({{.id = "a"}});
  world.clock.jump_wall(kYear);
  world.reopen();
  CHECK(state_of(world) == ClockState::kAhead);
  world.clock.jump_wall(-kYear);
  CHECK(state_of(world) == ClockState::kBelieved);
  CHECK(world.send({{.id = "b"}, {.id = "a"}}).counts == Ledger{.received = 2, .accepted = 1, .duplicates = 1});
}

TEST_CASE("clock: after a reboot the first reading counts, and nothing is forgotten before it is proven or confirmed") {
  TableOptions options = clock_options();
  options.forget_boottime_us = kMicrosPerHour;
  TableWorld world(3, options);
  world.send({{.id = "old"}});
  world.flush();
  world.power_failure(Fate::kDropUnsynced);
  world.clock.advance(3 * kMicrosPerMinute);
  world.clock.jump_wall(4 * kWithin);
  world.open();
  CHECK(state_of(world) == ClockState::kProving);
  for (const char* id : {"x", "y"}) {
    world.send({{.id = id}});
    world.flush();
  }
  CHECK(world.table().stats().remembered_ids == 3);
  REQUIRE(world.table().confirm_clock());
  for (const char* id : {"z", "w"}) {
    world.send({{.id = id}});
    world.flush();
  }
  CHECK(world.table().stats().remembered_ids == 4);  // "old" is forgotten
}

TEST_CASE("clock: a year ahead at a boot, then put right: producers wait, and `clock back` lets them in") {
  for (const bool crash : {false, true}) {
    CAPTURE(crash);
    TableOptions options = clock_options();
    options.forget_boottime_us = kMicrosPerHour;
    TableWorld world(4, options);
    world.send({{.id = "a"}});
    world.flush();
    world.close();
    world.clock.reboot(kMicrosPerMinute);
    world.clock.jump_wall(kYear);  // its clock is wrong, and adopted
    world.open();
    world.send({{.id = "wrong", .age_us = kMicrosPerMinute}});
    world.clock.jump_wall(-kYear);  // and set right
    CHECK(state_of(world) == ClockState::kBehind);
    // A row of now is a year late by arrival, and on time by the clock.
    const Result<BatchResult> waits = world.try_send({{.id = "b"}});
    REQUIRE_FALSE(waits);
    CHECK(waits.error().code == Code::kRetryLater);
    CHECK(world.table().confirm_clock().error().message.find("`tally clock back`") != std::string::npos);

    REQUIRE(world.table().take_clock_back());
    CHECK(newest_arrival(world) == world.clock.wall_us());
    CHECK(world.send({{.id = "b"}}).counts.accepted == 1);
    if (crash) {
      world.power_failure(Fate::kDropUnsynced);
      world.open();
    } else {
      world.reopen();
    }
    CHECK(state_of(world) != ClockState::kBehind);
    CHECK(world.send({{.id = "b"}, {.id = "c"}}).counts == Ledger{.received = 2, .accepted = 1, .duplicates = 1});
    CHECK(world.events_by_id() == std::map<std::string, int>{{"a", 1}, {"b", 1}, {"c", 1}, {"wrong", 1}});
    CHECK(world.table().take_clock_back().error().code == Code::kInvalidArgument);  // nothing to go back from
    CHECK(manifest(world)->newest_arrival_us < world.clock.wall_us() + kMicrosPerHour);
  }
}

TEST_CASE("clock: what could be forgotten by a wrong clock is not once it is taken back") {
  enum class Then : uint8_t { kNothing, kFlush, kReopen };
  for (const Then then : {Then::kNothing, Then::kFlush, Then::kReopen}) {
    CAPTURE(static_cast<int>(then));
    TableOptions options = clock_options();
    options.forget_boottime_us = kMicrosPerHour;
    TableWorld world(8, options);
    world.send({{.id = "a"}});
    CHECK(world.table().retract({.ids = {"early"}, .by = "ann", .reason = ""})->waiting == 1);
    world.flush();
    world.close();
    world.clock.reboot(kMicrosPerMinute);
    world.clock.jump_wall(10 * kMicrosPerDay);
    world.open();
    world.send({{.id = "wrong", .age_us = kMicrosPerMinute}});
    if (then != Then::kNothing) world.flush();
    if (then == Then::kReopen) world.reopen();
    world.clock.jump_wall(-10 * kMicrosPerDay);
    REQUIRE(world.table().take_clock_back());
    // Retries and late rows are what they were, and the verdict still waits.
    CHECK(world.send({{.id = "a"}}).counts.duplicates == 1);
    CHECK(world.send({{.id = "b", .age_us = kMicrosPerHour}}).counts.accepted == 1);
    CHECK(world.send({{.id = "early"}}).counts.retracted == 1);
    world.reopen();
    CHECK(world.send({{.id = "a"}, {.id = "b"}}).counts.duplicates == 2);
  }
}

TEST_CASE("clock: killed between `clock back` and its flush, the anchor of the wrong clock does not come back") {
  uint64_t without_flush = 0;
  for (uint64_t n = 1;; ++n) {
    CAPTURE(n);
    TableWorld world(9, clock_options());
    world.clock.jump_wall(10 * kMicrosPerDay);
    REQUIRE(world.table().confirm_clock());
    world.send({{.id = "wrong"}});
    world.flush();
    world.clock.jump_wall(-10 * kMicrosPerDay);
    world.disk.inject({.effect = FaultEffect::kIoError, .nth = n, .persistent = true});
    const Status back = world.table().take_clock_back();
    world.disk.clear_faults();
    world.kill();
    world.open();
    if (state_of(world) != ClockState::kBehind) {
      without_flush += back ? 0 : 1;
      world.clock.jump_wall(5 * kMicrosPerDay);
      CHECK(state_of(world) == ClockState::kAhead);
    }
    if (back) break;
  }
  CHECK(without_flush > 0);
}

TEST_CASE("clock: behind what was forgotten arrival does not go, or ids of then could be counted again") {
  TableWorld world(5, clock_options());
  world.send({{.id = "a"}});
  world.flush();
  world.clock.advance(3 * kWithin);
  for (const char* id : {"x", "y"}) {  // named by one flush, forgotten by the next
    world.send({{.id = id}});
    world.flush();
  }
  const TimeUs forgotten_us = manifest(world)->newest_forget_us;
  CHECK(forgotten_us == world.clock.wall_us());
  world.clock.jump_wall(-2 * kWithin);
  for (const bool reopened : {false, true}) {
    CAPTURE(reopened);
    const Status back = world.table().take_clock_back();
    REQUIRE_FALSE(back);
    CHECK(back.error().message.find("ids were forgotten at") != std::string::npos);
    CHECK(newest_arrival(world) == forgotten_us);
    if (!reopened) world.reopen();
  }
  world.clock.jump_wall(2 * kWithin);
  CHECK(world.send({{.id = "a", .age_us = 3 * kWithin}}, true).counts.too_late == 1);
}

// The record alone is durable, or its flush too, or nothing: at every change of `clock back`.
TEST_CASE("clock: a power failure at any change of `clock back` leaves arrival before it or behind it") {
  for (uint64_t n = 1;; ++n) {
    CAPTURE(n);
    TableWorld world(6, clock_options());
    world.clock.jump_wall(kYear);
    world.send({{.id = "wrong"}});
    world.clock.jump_wall(-kYear);
    world.disk.crash_at(n);
    const Status back = world.table().take_clock_back();
    const bool crashed = world.disk.crashed();
    world.power_failure(kAllFates[n % kAllFates.size()], n);
    world.open();
    const bool is_behind = state_of(world) == ClockState::kBehind;
    if (!crashed) CHECK_FALSE(is_behind);
    if (is_behind) {
      CHECK_FALSE(back);
      REQUIRE(world.table().take_clock_back());
    }
    CHECK(world.send({{.id = "b"}, {.id = "wrong", .age_us = -kYear}}).counts.duplicates == 1);
    CHECK(world.events_by_id() == std::map<std::string, int>{{"b", 1}, {"wrong", 1}});
    world.reopen();
    CHECK(world.events() == 2);
    if (!crashed) break;
  }
}

TEST_CASE("clock: each state is told in words that say what to type") {
  TableWorld world(7, clock_options());
  world.send({{.id = "a"}});
  CHECK(describe_condition(world.table().condition()).empty());
  world.clock.jump_wall(2 * kMicrosPerDay);
  std::vector<ConditionLine> lines = describe_condition(world.table().condition());
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].part == "clock");
  CHECK(lines[0].state == "ahead");
  CHECK_FALSE(lines[0].takes_no_batches);
  CHECK(
      lines[0].detail ==
      "the wall clock reads 2023-11-16T22:13:20Z, 2 days ahead of what CLOCK_BOOTTIME makes of it: records arrive at "
      "2023-11-14T22:13:20Z; nothing is forgotten or dropped meanwhile, and batches with rows that only the wall clock "
      "would admit are answered retry_later; if the clock is right, type `tally clock confirm`; if not, put it right");
  world.clock.jump_wall(-3 * kMicrosPerDay);
  lines = describe_condition(world.table().condition());
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].state == "behind");
  CHECK(lines[0].detail.find("type `tally clock back`") != std::string::npos);
}

// Forgetting: ids are dropped a generation at a time, and what a retry of one of them finds then is a horizon.
#include <doctest/doctest.h>

#include <set>

#include "tests/support/engine/seed.h"
#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

constexpr TimeUs kWithin = 72 * kMicrosPerHour;

TableOptions forgetting_options() {
  TableOptions options = small_table_options();
  options.forget_boottime_us = 0;
  return options;
}

// A row of a fixed event time, whenever it is sent.
struct Sent {
  std::string id;
  TimeUs event_us = 0;
  bool counted = false;
};

BatchResult send_at(TableWorld& world, const Sent& row, bool replay = false) {
  return world.send({{.id = row.id, .age_us = world.clock.wall_us() - row.event_us}}, replay);
}

// Two flushes: one that finds what may be forgotten, one that forgets it.
void forget_all(TableWorld& world) {
  world.send({{.id = "first of " + std::to_string(world.clock.wall_us())}});
  world.flush();
  world.send({{.id = "second of " + std::to_string(world.clock.wall_us())}});
  world.flush();
}

}  // namespace

TEST_CASE("forgetting: an id goes when no row on time can carry it, and its retry is too late for ever") {
  TableWorld world(1, forgetting_options());
  const Sent row{"old", world.clock.wall_us()};
  CHECK(send_at(world, row).counts.accepted == 1);
  world.flush();
  world.clock.advance(kWithin);
  CHECK(send_at(world, row).counts.duplicates == 1);
  world.clock.advance(kWithin);
  forget_all(world);
  CHECK(world.table().stats().remembered_ids == 2);
  CHECK(send_at(world, row).counts.too_late == 1);
  CHECK(send_at(world, row, true).counts.too_late == 1);  // replay waives the lateness, not the horizon
  // Another row of that day behind the horizon has never been counted.
  CHECK(send_at(world, {"new", row.event_us + kMicrosPerSecond}, true).counts.accepted == 1);
  CHECK(send_at(world, {"before", row.event_us - kMicrosPerSecond}, true).counts.too_late == 1);
  CHECK(send_at(world, {"a day before", row.event_us - kMicrosPerDay}, true).counts.accepted == 1);
  world.reopen();
  CHECK(send_at(world, row, true).counts.too_late == 1);
  world.power_failure(Fate::kDropUnsynced);
  world.open();
  CHECK(send_at(world, row, true).counts.too_late == 1);
  CHECK(world.events_by_id().at("old") == 1);
  CHECK(world.ledger().balanced());
}

TEST_CASE("forgetting: the files of forgotten runs go, and the horizons stand in the manifest") {
  TableWorld world(2, forgetting_options());
  for (int i = 0; i < 5; ++i) {
    world.send({{.id = "a" + std::to_string(i)}, {.id = "b" + std::to_string(i)}});
    world.flush();
    world.clock.advance(kMicrosPerHour);
  }
  world.clock.advance(2 * kWithin);
  forget_all(world);
  const auto state = Manifest::load(world.disk, "/db/tables/events").value();
  CHECK(state->horizons.size() >= 1);
  CHECK(state->id_runs.size() == world.disk.list("/db/tables/events/ids")->size());
  uint64_t ids = 0;
  for (const auto& [number, run] : state->id_runs) ids += run.entries;
  CHECK(ids == 2);
}

TEST_CASE(
    "forgetting: a table full of ids takes rows again once they are forgotten, though no batch got in meanwhile") {
  for (const bool flushed : {false, true}) {
    CAPTURE(flushed);
    TableOptions options = forgetting_options();
    options.remembered_ids_max = 3;
    TableWorld world(5, options);
    world.send({{.id = "a"}, {.id = "b"}, {.id = "c"}});
    if (flushed) world.flush();
    CHECK(world.try_send({{.id = "d"}}).error().code == Code::kRetryLater);
    world.clock.advance(3 * kWithin);
    CHECK(world.try_send({{.id = "d"}}).error().code == Code::kRetryLater);  // it is told, and forgets
    CHECK(world.send({{.id = "d"}}).counts.accepted == 1);
    CHECK(world.table().stats().remembered_ids == 1);
    CHECK(world.send({{.id = "a", .age_us = 3 * kWithin}}, true).counts.too_late == 1);
    world.power_failure(Fate::kDropUnsynced);
    world.open();
    CHECK(world.send({{.id = "d"}}).counts.accepted == 0);
  }
}

TEST_CASE("forgetting: a wall clock that jumped forgets nothing, nor does a machine that has just started") {
  for (const bool jumps : {true, false}) {
    CAPTURE(jumps);
    TableOptions options = forgetting_options();
    if (!jumps) options.forget_boottime_us = kMicrosPerHour;
    TableWorld world(3, options);
    const Sent row{"old", world.clock.wall_us()};
    send_at(world, row);
    world.flush();
    if (jumps) {
      world.clock.advance(3 * kWithin);
      world.clock.jump_wall(2 * kMicrosPerHour);
    } else {
      world.close();
      world.clock.reboot(3 * kWithin);
      world.open();
    }
    // A row of what the wall clock reads waits, since it may be right; one of an hour ago goes on.
    if (jumps) CHECK(world.try_send({{.id = "now"}}).error().code == Code::kRetryLater);
    for (const char* id : {"first", "second"}) {
      world.send({{.id = id, .age_us = jumps ? 2 * kMicrosPerHour : 0}});
      world.flush();
    }
    CHECK(world.table().stats().remembered_ids == 3);
    CHECK(send_at(world, row).counts.duplicates == 1);
  }
}

// The edge itself: rows of any age, retried at any time, across crash, restart, flush and forgetting. A retry of a counted row
// is a duplicate or too late; a row on time that was never counted is counted.
TEST_CASE("forgetting: an honest retry is never counted twice, whenever it comes") {
  const uint64_t base = test_seed(4);
  uint64_t forgotten = 0;
  for (uint64_t round = 0; round < 40; ++round) {
    const uint64_t seed = base + round;
    CAPTURE(seed);
    Random random(seed);
    TableWorld world(seed, forgetting_options());
    std::vector<Sent> sent;
    uint64_t counted = 0;
    for (int step = 0; step < 150; ++step) {
      const uint64_t what = random.below(100);
      if (what < 30) {
        const TimeUs age = static_cast<TimeUs>(random.below(static_cast<uint64_t>(2 * kWithin))) - 4 * kMicrosPerMinute;
        const bool replay = random.chance(0.3);
        Sent row{"id" + std::to_string(sent.size()), world.clock.wall_us() - age};
        const Ledger counts = send_at(world, row, replay).counts;
        row.counted = counts.accepted == 1;
        CHECK(counts.accepted + counts.too_late == 1);
        if (age < kWithin) CHECK(row.counted);
        counted += row.counted ? 1 : 0;
        sent.push_back(row);
      } else if (what < 65 && !sent.empty()) {
        Sent& row = sent[random.below(sent.size())];
        const bool on_time = row.event_us >= world.clock.wall_us() - kWithin;
        const Ledger counts = send_at(world, row, random.chance(0.5)).counts;
        if (row.counted) {
          CHECK(counts.accepted == 0);
          CHECK(counts.duplicates + counts.too_late == 1);
          if (on_time) CHECK(counts.duplicates == 1);
        } else if (counts.accepted == 1) {
          row.counted = true;
          ++counted;
        }
      } else if (what < 80) {
        world.clock.advance(static_cast<TimeUs>(random.below(static_cast<uint64_t>(30 * kMicrosPerHour))));
      } else if (what < 92) {
        world.flush();
      } else if (what < 96) {
        world.power_failure(kAllFates[random.below(kAllFates.size())], seed + static_cast<uint64_t>(step));
        world.open();
      } else {
        world.reopen();
      }
    }
    world.send({{.id = "the last"}});
    forgotten += counted + 1 - world.table().stats().remembered_ids;
    const std::map<std::string, int> events = world.events_by_id();
    for (const auto& [id, count] : events) CHECK_MESSAGE(count == 1, id);
    CHECK(events.size() == counted + 1);
    CHECK(world.ledger().accepted == counted + 1);
    CHECK(world.ledger().balanced());
  }
  CHECK(forgotten > 100);
}

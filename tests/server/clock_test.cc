// What a running server says of clocks and disks: CLOCK statements, system.health, the log, health.
#include <doctest/doctest.h>

#include "server/clock_statement.h"
#include "server/condition_watch.h"
#include "tests/support/engine/table_world.h"

namespace tally {
namespace {

using Action = ClockStatement::Action;

std::vector<std::string> told(Database& database, Action action, const std::string& table = {}) {
  const auto result = run_clock_statement(database, {action, table});
  REQUIRE(result);
  std::vector<std::string> lines;
  for (const std::vector<Cell>& row : result->rows) {
    lines.push_back(row[0].text + " " + row[1].text + " " + row[2].text + " " + row[3].text);
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST_CASE("clock statements: shown, confirmed, taken back, and what does not apply is said") {
  TableWorld world(1);
  world.clock.advance(kMicrosPerHour);
  REQUIRE(world.database().create_table(test_schema("other")));
  world.send({{.id = "a"}});
  CHECK(told(world.database(), Action::kShow) == Lines{"events clock believed shown", "other clock believed shown"});
  world.clock.jump_wall(kMicrosPerDay);
  CHECK(told(world.database(), Action::kConfirm, "events") == Lines{"events clock believed confirmed"});
  world.send({{.id = "b"}});
  world.clock.jump_wall(-kMicrosPerDay);
  CHECK(told(world.database(), Action::kShow, "events") == Lines{"events clock behind shown"});
  CHECK(told(world.database(), Action::kConfirm) ==
        Lines{"events clock behind refused", "other clock believed confirmed"});
  CHECK_FALSE(run_clock_statement(world.database(), {Action::kConfirm, "events"}));
  CHECK(told(world.database(), Action::kBack) ==
        Lines{"events clock believed taken back", "other clock believed nothing to do"});
  CHECK(world.send({{.id = "c"}}).counts.accepted == 1);
  CHECK(run_clock_statement(world.database(), {Action::kShow, "nobody"}).error().error.code == Code::kNotFound);
}

TEST_CASE("condition watch: what keeps a table from batches is trouble, the rest is noted, and both end") {
  TableOptions options = small_table_options();
  options.free_bytes_soft = 2 * limits::kMiB;
  options.free_bytes_hard = limits::kMiB;
  options.forget_boottime_us = 0;
  TableWorld world(2, options);
  ServerLog log(LogLevel::kError, false, world.clock);
  ConditionWatch watch(world.database(), log);
  world.send({{.id = "a"}});
  watch.look();
  CHECK(watch.trouble().empty());
  CHECK(watch.notes().empty());
  world.clock.jump_wall(kMicrosPerDay);
  const SpaceInfo space = world.disk.space("/").value();
  world.disk.set_capacity(space.total_bytes - space.free_bytes + 100);
  world.clock.advance(kMicrosPerSecond);
  watch.look();
  CHECK(watch.trouble().find("table \"events\": disk hard: ") == 0);
  CHECK(watch.notes().find("table \"events\": clock ahead: ") == 0);
  world.clock.jump_wall(-kMicrosPerDay);
  world.disk.set_capacity(uint64_t{1} << 40);
  world.clock.advance(kMicrosPerSecond);
  watch.look();
  CHECK(watch.trouble().empty());
  CHECK(watch.notes().empty());
}

}  // namespace
}  // namespace tally

// Joined raw segments hold the rows that they were made of, and whoever looks for a row there finds it.
#include "engine/raw_join.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <ranges>

#include "engine/check.h"
#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

TableOptions join_options() {
  TableOptions options = small_table_options();
  options.background = true;
  options.segment_block_rows = 16;
  return options;
}

struct Joining {
  TableWorld world{1, join_options()};
  uint64_t sent = 0;

  // Rows of three days, some with ids and users that are long.
  void flush_some() {
    std::vector<TestRow> rows;
    for (int row = 0; row < 25; ++row, ++sent) {
      const bool is_long = sent % 3 == 0;
      rows.push_back({.id = (is_long ? "an id that is longer than a slot " : "e") + std::to_string(sent),
                      .age_us = static_cast<TimeUs>(sent % 60) * kMicrosPerHour,
                      .campaign = "c" + std::to_string(sent * 7 % 5),
                      .click = static_cast<int64_t>(sent % 9),
                      .user = is_long ? "somebody whose name is long " + std::to_string(sent % 4) : "u"});
    }
    world.send(rows);
    world.flush();
    world.clock.advance(kMicrosPerMinute);
  }

  // Of raw, that a question about one day has to open.
  uint64_t files_a_day() {
    const auto snapshot = world.table().snapshot().value();
    std::map<int32_t, uint64_t> by_day;
    for (const auto& [number, segment] : snapshot->manifest().segments) {
      for (const SegmentDay& day : segment.days) by_day[day.day] += segment.tier == Tier::kRaw ? 1 : 0;
    }
    return std::ranges::max(by_day | std::views::values);
  }

  std::vector<std::string> rows() {
    std::vector<std::string> lines;
    for (const StoredRow& row : world.rows()) {
      lines.push_back(row.id + " " + std::to_string(static_cast<int>(row.kind)) + " " + std::to_string(row.time) + " " +
                      row.campaign + " " + std::to_string(row.click) + " " + row.user + " " + std::to_string(row.lsn));
    }
    std::ranges::sort(lines);
    return lines;
  }
};

}  // namespace

TEST_CASE("raw join: a day has few files, and every row is what and where it was") {
  Joining life;
  uint64_t most = 0;
  for (int flush = 0; flush < 20; ++flush) {
    life.flush_some();
    most = std::max(most, life.files_a_day());
  }
  CHECK(most <= 8);
  CHECK(life.world.table().stats().background.joins > 2);
  const std::vector<std::string> before = life.rows();
  CHECK(before.size() == 500);
  CHECK(std::ranges::adjacent_find(before) == before.end());
  life.world.power_failure(Fate::kDropUnsynced);
  life.world.open();
  CHECK(life.rows() == before);
  // Nothing of it is folded again: joins move no number.
  const uint64_t folds = life.world.table().stats().background.folds;
  REQUIRE(life.world.table().run_background());
  CHECK(life.world.table().stats().background.folds == folds);
  life.world.close();
  CHECK(check_table(life.world.disk, life.world.clock, "events", "/db/tables/events").problems.empty());
}

TEST_CASE("raw join: verdicts find their originals in it, and retries stay duplicates") {
  Joining life;
  for (int flush = 0; flush < 10; ++flush) life.flush_some();
  CHECK(life.files_a_day() <= 8);
  const auto answer = life.world.table().retract(
      {.ids = {"an id that is longer than a slot 0", "e1", "e100"}, .by = "test", .reason = ""});
  REQUIRE(answer);
  CHECK(answer->retracted == 3);
  CHECK(life.world.send({{.id = "e1", .age_us = kMicrosPerHour, .campaign = "c2", .click = 1}}).counts.duplicates == 1);
  life.world.close();
  CHECK(check_table(life.world.disk, life.world.clock, "events", "/db/tables/events").problems.empty());
}

// Faults that every checksum is right about, as a bug of ours would leave them: `tally check` names each, with the file or the
// rollup, tier and day that it is in. The table has three days in minutes, hours and days, a fourth in minutes alone, late
// rows, duplicates and retractions.
#include <doctest/doctest.h>

#include "engine/check.h"
#include "engine/hyperloglog.h"
#include "engine/id_filter.h"
#include "engine/manifest_format.h"
#include "engine/rollup_shape.h"
#include "engine/segment_format.h"
#include "engine/sketch_format.h"
#include "tests/support/engine/planted_faults.h"
#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

constexpr const char* kDirectory = "/db/tables/events";
constexpr TimeUs kDay = kMicrosPerDay;
// Positions among the values of a row: the engine's own measures come first.
constexpr size_t kEvents = 0, kClicks = 5, kLowest = 6, kUsers = 7;

Schema rollup_schema() {
  Schema schema = test_schema();
  schema.columns[2].values_max = 100;
  assign_ids(schema);
  add_measure(schema, "clicks", AggregateKind::kSum, "click");
  add_measure(schema, "lowest", AggregateKind::kMin, "click");
  add_measure(schema, "users", AggregateKind::kUnique, "user");
  assign_ids(schema);
  add_campaign_rollup(schema, "all", 7 * kDay, 20 * kDay, 365 * kDay);
  return schema;
}

TableOptions fault_options() {
  TableOptions options = small_table_options();
  options.shards = 1;
  options.background = true;
  options.segment_block_rows = 16;
  options.background_policy.join_files = 100;
  return options;
}

// Two days in hours and days as well; late rows of the first, and today's, in minutes alone.
struct Faulty {
  Faulty() : world(1, fault_options(), rollup_schema()) {
    for (int day = 0; day < 3; ++day) {
      std::vector<TestRow> rows;
      for (int row = 0; row < 60; ++row) {
        const char* campaigns[] = {"alpha", "bravo", "charlie"};
        rows.push_back({.id = std::to_string(day) + "-" + std::to_string(row),
                        .age_us = row * 7 * kMicrosPerMinute,
                        .campaign = campaigns[row % 3],
                        .click = row % 5 + 1,
                        .user = "u" + std::to_string(row % 11)});
      }
      world.send(rows);
      if (day == 1) CHECK(world.table().retract({.ids = {"1-3"}, .by = "test", .reason = ""})->retracted == 1);
      world.flush();
      world.clock.advance(kDay);
    }
    world.send({{.id = "late", .age_us = 3 * kDay + kMicrosPerHour, .campaign = "alpha"},
                {.id = "today", .campaign = "bravo"}},
               true);
    world.flush();
    world.close();
    CHECK(problems() == "");
    plant.emplace(world.disk, kDirectory);
  }

  FaultPlanter* operator->() { return &*plant; }
  uint64_t hours() { return plant->segment("all", Tier::kHour); }
  std::string problems() {
    std::string text;
    for (const std::string& problem : check_table(world.disk, world.clock, "events", kDirectory).problems) {
      text += problem + "\n";
    }
    return text;
  }
  // What check says once the manifest is in force.
  std::string found() {
    plant->commit();
    return problems();
  }

  TableWorld world;
  std::optional<FaultPlanter> plant;
};

bool says(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  const bool there = text.find(part) != std::string::npos;
  CHECK(there);
  return there;
}

std::string of_tier(std::string_view tier, int32_t day) {
  const std::string names[] = {"2023-11-14", "2023-11-15", "2023-11-16", "2023-11-17"};
  return "rollup \"all\", tier " + std::string(tier) + ", day " + names[day - utc_day(ManualClock::kStartWall)] + ": ";
}

int32_t first_day() { return utc_day(ManualClock::kStartWall); }

}  // namespace

TEST_CASE("check faults: a sound table, written again by the same means, is sound") {
  Faulty table;
  table->rewrite_tier(table.hours(), [](std::vector<TierRow>&) {});
  table->keep_raw_rows(table->segment("", Tier::kRaw), [](RowKind) { return true; });
  table->operate(table->segment("all", Tier::kMinute), [](SegmentSurgery&) {});
  CHECK(table.found() == "");
}

TEST_CASE("check faults: 1, two files hold the same records") {
  Faulty table;
  const uint64_t copy = table->copy_tier(table.hours());
  const std::string found = table.found();
  says(found, of_tier("hour", first_day()) + "events is more than what was folded into it, by ");
  says(found, table->path(copy));
}

TEST_CASE("check faults: 2, an hour row is missing") {
  Faulty table;
  table->rewrite_tier(table.hours(), [](std::vector<TierRow>& rows) { rows.erase(rows.begin() + 2); });
  const std::string found = table.found();
  says(found, of_tier("hour", first_day()) + "events is less than what was folded into it, by ");
  says(found, table->path(table.hours()));
}

TEST_CASE("check faults: 3, a sum is wrong") {
  Faulty table;
  table->rewrite_tier(table.hours(), [](std::vector<TierRow>& rows) { rows.front().ints[kClicks] += 2; });
  says(table.found(), of_tier("hour", first_day()) + "clicks is more than what was folded into it, by 2 (" +
                          table->path(table.hours()) + ")");
}

TEST_CASE("check faults: 4, a sum is right and stands in another group") {
  Faulty table;
  table->rewrite_tier(table.hours(), [](std::vector<TierRow>& rows) {
    rows.front().ints[kClicks] += 1;
    rows[1].ints[kClicks] -= 1;
  });
  says(table.found(), of_tier("hour", first_day()) + "clicks stands in other groups than what was folded into it");
}

TEST_CASE("check faults: 5, a row stands in another hour of its day") {
  Faulty table;
  table->rewrite_tier(table.hours(), [](std::vector<TierRow>& rows) { rows.front().time_us -= 10 * kMicrosPerHour; });
  says(table.found(), of_tier("hour", first_day()) + "events stands in other groups than what was folded into it");
}

TEST_CASE("check faults: 6, two segments are exchanged") {
  Faulty table;
  const uint64_t hours = table.hours(), days = table->segment("all", Tier::kDay);
  const Bytes a = table.world.disk.content(table->path(hours)), b = table.world.disk.content(table->path(days));
  REQUIRE(table.world.disk.unlink(table->path(hours)));
  REQUIRE(table.world.disk.unlink(table->path(days)));
  REQUIRE(write_file_atomic(table.world.disk, table->path(hours), b));
  REQUIRE(write_file_atomic(table.world.disk, table->path(days), a));
  const std::string found = table.found();
  says(found, table->path(hours));
  says(found, table->path(days));
  says(found, "another file stands in its place");
}

TEST_CASE("check faults: 7, what a tier has folded is one record off") {
  const TierDay of{Faulty()->rollup("all"), Tier::kHour, first_day()};
  for (const int off : {-1, 1}) {
    CAPTURE(off);
    Faulty table;
    table->state().tiers.at(of).folded_lsn += static_cast<Lsn>(off);
    if (off < 0) {
      // No manifest is made of it that a start would take: its own rules know.
      const Status checked = check_state(table->state());
      REQUIRE_FALSE(checked);
      says(checked.error().message, "and its tier has folded up to");
      continue;
    }
    // The late row of that day stands in the very next record of minutes.
    for (auto& [number, info] : table->state().segments) {
      for (SegmentDay& day : info.days) {
        if (info.tier == Tier::kMinute && day.day == of.day && day.above_lsn != 0) {
          CHECK(day.above_lsn < table->state().tiers.at(of).folded_lsn);
        }
      }
    }
    says(table.found(), of_tier("minute", first_day()));
  }
}

TEST_CASE("check faults: 8, an index of raw knows fewer ids than there are, a zone of a tier other codes") {
  Faulty table;
  const uint64_t raw = table->segment("", Tier::kRaw), hours = table.hours();
  table->operate(raw, [](SegmentSurgery& surgery) {
    const auto& parts = surgery.footer.indexes;
    size_t part = 0;
    while (parts.at(part).kind != Encoding::kIdFilter) ++part;
    IdFilterBuilder builder(parts[part].values);
    builder.add(std::vector<Hash128>());
    Bytes empty;
    builder.finish(empty);
    surgery.replace_index_part(part, empty, parts[part].values);
  });
  table->operate(hours, [](SegmentSurgery& surgery) { ++surgery.footer.zones.front().max.front(); });
  const std::string found = table.found();
  says(found, table->path(raw) + ": block 0: the id filter does not know an id of its rows");
  says(found, table->path(hours) + ": block 0, column \"campaign\": its zone is not that of its rows");
}

TEST_CASE("check faults: 9, a code stands for another value") {
  Faulty table;
  const uint32_t campaign = table->state().schema()->find_column("campaign")->id;
  table->respell_dictionary(campaign, "bravo", "brave");
  const std::string found = table.found();
  says(found, "appendix: dimension \"campaign\", code ");
  says(found, " stands for \"bravo\", and in the dictionary files for \"brave\"");
}

TEST_CASE("check faults: 10, a retraction is lost") {
  Faulty table;
  uint64_t lost = 0;
  for (const auto& [number, info] : table->state().segments) {
    if (info.tier == Tier::kRaw && info.rows > info.events) lost = number;
  }
  REQUIRE(lost != 0);
  table->keep_raw_rows(lost, [](RowKind kind) { return kind != RowKind::kRetraction; });
  const std::string found = table.found();
  says(found, "the segments hold 0 retractions, and the ledger says 1");
  says(found, of_tier("minute", first_day() + 1) + "retracted is more than what was folded into it, by 1");
}

TEST_CASE("check faults: 11, the least and the number of distinct values are not those of the rows") {
  Faulty table;
  table->rewrite_tier(table.hours(), [](std::vector<TierRow>& rows) {
    rows.front().ints[kLowest] = -40;
    HyperLogLog other(14);
    other.add(unique_hash(int64_t{77}));
    Bytes bytes;
    encode_sketch(other, bytes);
    rows[1].sketches[kUsers] = std::string(as_text(bytes));
  });
  const std::string found = table.found();
  says(found, of_tier("hour", first_day()) + "lowest is not that of what was folded into it");
  says(found, of_tier("hour", first_day()) + "users is not that of what was folded into it");
}

TEST_CASE("check faults: 12, a segment that is no longer listed, of a tier that nothing is left to compare with") {
  Faulty table;
  const uint64_t days = table->segment("all", Tier::kDay);
  const SegmentInfo gone = table->state().segments.at(days);
  // The hours of those days went by retention, so that only the count of all events can tell.
  for (const SegmentDay& day : gone.days) {
    TierProgress& hours = table->state().tiers.at({gone.rollup_id, Tier::kHour, day.day});
    hours.dropped_lsn = hours.folded_lsn;
  }
  std::erase_if(table->state().segments, [&](const auto& entry) {
    const SegmentInfo& info = entry.second;
    return entry.first == days || (info.tier == Tier::kHour && info.days == gone.days);
  });
  const std::string found = table.found();
  says(found, "rollup \"all\": its tiers hold ");
  says(found, "and the ledger accepted 182");
}

TEST_CASE("check faults: 13, a tier says that it was dropped, and its rows are there") {
  Faulty table;
  const uint64_t days = table->segment("all", Tier::kDay);
  for (const SegmentDay& day : table->state().segments.at(days).days) {
    TierProgress& progress = table->state().tiers.at({table->rollup("all"), Tier::kDay, day.day});
    progress.dropped_lsn = progress.folded_lsn;
  }
  const std::string found = table.found();
  says(found, of_tier("day", first_day()) + table->path(days) + " is listed, and all of it was dropped");
  says(found, "rollup \"all\": its tiers hold ");
}

TEST_CASE("check faults: 14, events are counted twice in the last tier alone") {
  Faulty table;
  table->rewrite_tier(table->segment("all", Tier::kDay),
                      [](std::vector<TierRow>& rows) { rows.front().ints[kEvents] *= 2; });
  const std::string found = table.found();
  says(found, of_tier("day", first_day()) + "events is more than what was folded into it, by ");
  says(found, "rollup \"all\": its tiers hold ");
}

// Rollups in the life of a table: folding, joining, retention, late rows and retractions, across restarts and power failures.
// The shadow is a plain list of what was counted; every legal cover of every rollup must add up to it.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "base/checksum.h"
#include "engine/check.h"
#include "engine/cover.h"
#include "engine/hyperloglog.h"
#include "engine/rollup_shape.h"
#include "engine/schema_change.h"
#include "engine/segment_format.h"
#include "engine/sketch_format.h"
#include "tests/support/engine/corruption_world.h"
#include "tests/support/engine/seed.h"
#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

constexpr TimeUs kDay = kMicrosPerDay;

// test_schema() with measures and rollups: "all" by campaign through every tier, "hours" without minutes, "days" alone.
Schema rollup_schema() {
  Schema schema = test_schema();
  assign_ids(schema);
  add_measure(schema, "clicks", AggregateKind::kSum, "click");
  add_measure(schema, "lowest", AggregateKind::kMin, "click");
  add_measure(schema, "users", AggregateKind::kUnique, "user");
  add_measure(schema, "rows_counted", AggregateKind::kCount);
  assign_ids(schema);
  add_campaign_rollup(schema, "all", 7 * kDay, 20 * kDay, 365 * kDay);
  add_campaign_rollup(schema, "hours", 0, 30 * kDay, 60 * kDay);
  add_campaign_rollup(schema, "days", 0, 0, 90 * kDay);
  return schema;
}

TableOptions rollup_options() {
  TableOptions options = small_table_options();
  options.background = true;
  options.segment_block_rows = 16;
  return options;
}

struct Sum {
  int64_t events = 0, retracted = 0, duplicates = 0, clicks = 0, counted = 0;
  int64_t lowest = INT64_MAX;
  HyperLogLog users{14};
  bool any() const { return events != 0 || retracted != 0 || duplicates != 0; }
};
using Sums = std::map<std::pair<TimeUs, std::string>, Sum>;  // by bucket and campaign

std::string difference(const Sums& got, const Sums& wanted) {
  for (const auto& [key, sum] : wanted) {
    const auto found = got.find(key);
    const Sum other = found == got.end() ? Sum{} : found->second;
    const std::string where = " at " + std::to_string(key.first / kMicrosPerMinute) + " of " + key.second;
    if (other.events != sum.events) {
      return "events" + where + ": " + std::to_string(other.events) + ", not " + std::to_string(sum.events);
    }
    if (other.retracted != sum.retracted) {
      return "retracted" + where + ": " + std::to_string(other.retracted) + ", not " + std::to_string(sum.retracted);
    }
    if (other.duplicates != sum.duplicates) return "duplicates" + where;
    if (other.clicks != sum.clicks) return "clicks" + where;
    if (other.counted != sum.counted) return "rows_counted" + where;
    if (other.lowest != sum.lowest) return "lowest" + where;
    if (other.users.estimate() != sum.users.estimate()) return "users" + where;
  }
  for (const auto& [key, sum] : got) {
    if (sum.any() && !wanted.contains(key)) return "something where there is nothing, " + key.second;
  }
  return {};
}

class RollupWorld {
 public:
  explicit RollupWorld(uint64_t seed, TableOptions options = rollup_options())
      : world(seed, std::move(options), rollup_schema()) {}

  // One row, and what becomes of it in the shadow.
  // A row again after its id may have been forgotten would be another event: that is not sent.
  void send(const TestRow& row, bool replay = false) {
    const auto sent = first_sent_.try_emplace(row.id, world.clock.wall_us()).first;
    if (world.clock.wall_us() - sent->second > 60 * kMicrosPerHour) return;
    const BatchResult result = world.send({row}, replay);
    const TimeUs time = world.clock.wall_us() - row.age_us;
    if (result.counts.accepted == 1) counted_[row.id] = {time, row};
    if (result.counts.duplicates == 1) duplicates_.emplace_back(time, row);
  }

  // Of an event that is there: what waits for its event is table_retractions_test.cc's.
  void take_back(const std::string& id) {
    if (!counted_.contains(id)) return;
    const auto result = world.table().retract({.ids = {id}, .by = "test", .reason = ""});
    REQUIRE(result);
    if (result->retracted == 1) retracted_.insert(id);
  }

  Sums shadow(TimeUs bucket_us, TimeUs from, TimeUs to) const {
    Sums sums;
    auto place = [&](TimeUs time, const TestRow& row) -> Sum* {
      if (time < from || time >= to) return nullptr;
      return &sums[{time - time % bucket_us, row.campaign}];
    };
    for (const auto& [id, one] : counted_) {
      Sum* sum = place(one.first, one.second);
      if (sum == nullptr) continue;
      const bool gone = retracted_.contains(id);
      sum->events += 1;
      sum->retracted += gone ? 1 : 0;
      sum->clicks += gone ? 0 : one.second.click;
      sum->counted += gone ? 0 : 1;
      sum->lowest = std::min(sum->lowest, one.second.click);
      sum->users.add(unique_hash(as_bytes(one.second.user)));
    }
    for (const auto& [time, row] : duplicates_) {
      if (Sum* sum = place(time, row)) sum->duplicates += 1;
    }
    return sums;
  }

  // What the table says, through a cover whose coarsest tier is given. `cover` is left for a look at it.
  Sums ask(uint32_t rollup_id, Tier coarsest, TimeUs bucket_us, TimeUs from, TimeUs to, Cover& cover) {
    auto snapshot = world.table().snapshot();
    REQUIRE(snapshot);
    cover = make_cover((*snapshot)->manifest(), {rollup_id, coarsest, from, to});
    Sums sums;
    for (const CoverPart& part : cover.parts) {
      const ScanSource source{
          .segments = true, .memtable = false, .rollup_id = part.rollup_id, .tier = part.tier, .above = part.above};
      read(**snapshot, source, part.from, part.to, bucket_us, sums);
    }
    read(**snapshot, {.segments = false, .memtable = true}, from, to, bucket_us, sums);
    return sums;
  }

  // Every rollup, tier and a time range; days that are not kept any more must be said to be missing.
  void check_all(TimeUs from, TimeUs to) {
    const auto schema = world.table().schema();
    for (const Rollup& rollup : schema->rollups) {
      for (Tier tier : {Tier::kMinute, Tier::kHour, Tier::kDay}) {
        const TimeUs width = tier_us(tier);
        Cover cover;
        const Sums got = ask(rollup.id, tier, width, from, to, cover);
        CAPTURE(rollup.name);
        CAPTURE(std::string(tier_name(tier)));
        if (cover.first_missing_day) continue;
        CHECK(difference(got, shadow(width, from, to)) == "");
      }
    }
  }

  std::string problems() {
    const TableCheck report = check_table(world.disk, world.clock, "events", "/db/tables/events");
    std::string all;
    for (const std::string& problem : report.problems) all += problem + "\n";
    return all;
  }

  uint64_t segments_of(std::string_view rollup, Tier tier) {
    auto snapshot = world.table().snapshot();
    uint64_t count = 0;
    for (const auto& [number, info] : (*snapshot)->manifest().segments) {
      const Rollup* of = (*snapshot)->schema().find_rollup(info.rollup_id);
      count += info.tier == tier && (of == nullptr ? rollup.empty() : of->name == rollup) ? 1 : 0;
    }
    return count;
  }

  TableWorld world;

 private:
  static void read(const Snapshot& snapshot, const ScanSource& source, TimeUs from, TimeUs to, TimeUs bucket_us,
                   Sums& sums) {
    const Schema& schema = snapshot.schema();
    auto id = [&](std::string_view name) {
      const Column* column = schema.find_column(name);
      return column != nullptr ? column->id : schema.find_measure(name)->id;
    };
    ScanSpec spec;
    spec.filter.from = from;
    spec.filter.to = to;
    spec.source = source;
    const bool stored = source.rollup_id != 0;
    using namespace segment_format;
    if (stored) {
      spec.columns.kinds = false;
      spec.columns.column_ids = {id("campaign"), kEventsColumn, kRetractedColumn, kDuplicatesColumn,
                                 id("clicks"),   id("lowest"),  id("users"),      id("rows_counted")};
    } else {
      spec.columns.column_ids = {id("campaign"), id("click"), id("user")};
    }
    const auto scan = snapshot.scan(spec);
    while (true) {
      const auto block = scan->next();
      REQUIRE(block);
      if (*block == nullptr) return;
      for (uint32_t row = 0; row < (*block)->rows; ++row) {
        const auto selected = (*block)->selected;
        if (!selected.empty() && (selected[row / 64] >> row % 64 & 1) == 0) continue;
        add(snapshot, **block, row, stored, bucket_us, sums);
      }
    }
  }

  static void add(const Snapshot& snapshot, const RowBlock& block, uint32_t row, bool stored, TimeUs bucket_us,
                  Sums& sums) {
    const uint32_t code = block.columns[0].codes[row];
    const std::string campaign = code < kFirstValueCode ? "" : std::string(snapshot.dictionary(0).value(code));
    const TimeUs time = block.times[row];
    Sum& sum = sums[{time - time % bucket_us, campaign}];
    auto of = [&](size_t column) { return block.columns[column].ints[row]; };
    if (stored) {
      sum.events += of(1);
      sum.retracted += of(2);
      sum.duplicates += of(3);
      sum.clicks += of(4);
      sum.counted += of(7);
      const uint8_t* nulls = block.columns[5].nulls;
      if (nulls == nullptr || nulls[row] == 0) sum.lowest = std::min(sum.lowest, of(5));
      const StringRef& sketch = block.columns[6].strings[row];
      if (!sketch.is_null()) CHECK(merge_stored_sketch(as_bytes(sketch.view()), sum.users));
      return;
    }
    const int64_t click = of(1);
    switch (block.kinds[row]) {
      case RowKind::kEvent:
        sum.events += 1;
        sum.clicks += click;
        sum.counted += 1;
        sum.lowest = std::min(sum.lowest, click);
        sum.users.add(unique_hash(as_bytes(block.columns[2].strings[row].view())));
        break;
      case RowKind::kRetraction:
        sum.retracted += 1;
        sum.clicks -= click;
        sum.counted -= 1;
        break;
      case RowKind::kDuplicate: sum.duplicates += 1; break;
      case RowKind::kConflict: break;
    }
  }

  std::map<std::string, std::pair<TimeUs, TestRow>> counted_;
  std::map<std::string, TimeUs> first_sent_;  // by id
  std::vector<std::pair<TimeUs, TestRow>> duplicates_;
  std::set<std::string> retracted_;
};

}  // namespace

TEST_CASE("rollups: a flush is folded at once, and a day goes on to hours and days when it is over") {
  RollupWorld life(1);
  life.send({.id = "a", .campaign = "c1", .click = 3});
  life.send({.id = "b", .campaign = "c2", .click = 4, .user = "v"});
  life.check_all(INT64_MIN, INT64_MAX);
  life.world.flush();
  CHECK(life.segments_of("", Tier::kRaw) > 0);
  CHECK(life.segments_of("all", Tier::kMinute) == 1);
  CHECK(life.segments_of("all", Tier::kHour) == 0);
  CHECK(life.segments_of("hours", Tier::kHour) == 1);
  CHECK(life.segments_of("days", Tier::kDay) == 1);
  life.check_all(INT64_MIN, INT64_MAX);

  life.world.clock.advance(kDay + 2 * kMicrosPerHour);
  life.send({.id = "c"});
  life.world.flush();
  CHECK(life.segments_of("all", Tier::kHour) == 1);
  CHECK(life.segments_of("all", Tier::kDay) == 1);
  CHECK(life.segments_of("hours", Tier::kDay) == 1);
  life.check_all(INT64_MIN, INT64_MAX);
  life.world.close();
  CHECK(life.problems() == "");
}

TEST_CASE("rollups: closing a table folds for seconds only; what is left is folded when it is next written") {
  // An hour passes at every look.
  class HastyClock final : public Clock {
   public:
    explicit HastyClock(ManualClock& of) : of_(of) {}
    TimeUs wall_us() const override { return of_.wall_us(); }
    TimeUs boottime_us() const override {
      of_.advance(kMicrosPerHour);
      return of_.boottime_us();
    }
    std::string boot_id() const override { return of_.boot_id(); }
    void sleep_us(TimeUs duration) override { of_.sleep_us(duration); }

   private:
    ManualClock& of_;
  };
  TableOptions unfolded = rollup_options();
  unfolded.background = false;
  RollupWorld life(3, unfolded);
  life.send({.id = "a", .click = 3});
  life.world.close();
  const auto fold_at_close = [&](Clock& clock) {
    auto database = Database::open(life.world.disk, clock, life.world.path(), {.table = rollup_options()});
    REQUIRE(database);
    Table* table = (*database)->table("events").value();
    REQUIRE(table->prepare_writes());
    REQUIRE((*database)->close());
  };
  HastyClock hasty(life.world.clock);
  fold_at_close(hasty);
  life.world.open();
  CHECK(life.segments_of("all", Tier::kMinute) == 0);
  life.world.close();
  fold_at_close(life.world.clock);
  life.world.open();
  CHECK(life.segments_of("all", Tier::kMinute) == 1);
  life.check_all(INT64_MIN, INT64_MAX);
}

TEST_CASE("rollups: a late row and a retraction reach a day that is folded long ago") {
  RollupWorld life(2);
  life.send({.id = "a", .click = 3});
  life.world.clock.advance(2 * kDay);
  life.send({.id = "b", .click = 5});
  life.world.flush();
  life.check_all(INT64_MIN, INT64_MAX);
  life.send({.id = "late", .age_us = 2 * kDay - kMicrosPerHour, .click = 7});
  life.take_back("a");
  life.check_all(INT64_MIN, INT64_MAX);  // above everything that is folded
  life.world.flush();
  life.check_all(INT64_MIN, INT64_MAX);
  life.world.reopen();
  life.check_all(INT64_MIN, INT64_MAX);
  life.world.close();
  CHECK(life.problems() == "");
}

TEST_CASE("retention: tiers and raw go day by day, what is coarser stays, and nothing is a silent hole") {
  RollupWorld life(3);
  const TimeUs first = life.world.clock.wall_us();
  for (int day = 0; day < 40; ++day) {
    life.send({.id = "e" + std::to_string(day), .click = day});
    life.world.flush();
    life.world.clock.advance(kDay);
  }
  CHECK(life.segments_of("", Tier::kRaw) < 40);
  auto snapshot = life.world.table().snapshot();
  REQUIRE(snapshot);
  const auto& manifest = (*snapshot)->manifest();
  const uint32_t all = manifest.schema()->rollups[0].id;
  const int32_t day = utc_day(first);
  CHECK(manifest.progress({0, Tier::kRaw, day}).dropped_lsn > 0);
  CHECK(manifest.progress({all, Tier::kMinute, day}).dropped_lsn > 0);
  CHECK(manifest.progress({all, Tier::kHour, day}).dropped_lsn > 0);
  CHECK(manifest.progress({all, Tier::kDay, day}).dropped_lsn == 0);
  life.check_all(INT64_MIN, INT64_MAX);
  Cover cover;
  (void)life.ask(all, Tier::kHour, kMicrosPerHour, INT64_MIN, INT64_MAX, cover);
  CHECK(cover.first_missing_day == day);
  (void)life.ask(all, Tier::kDay, kDay, INT64_MIN, INT64_MAX, cover);
  CHECK(!cover.first_missing_day);
  snapshot->reset();
  life.world.close();
  CHECK(life.problems() == "");
  // What retention removed is removed: files and names.
  const auto files = life.world.disk.list("/db/tables/events/segments");
  REQUIRE(files);
  life.world.open();
  const uint64_t live = life.world.table().stats().segments;
  CHECK(files->size() == live);
}

TEST_CASE("retention: most of a history waits for `tally clock confirm`, which lets go what is held then, once") {
  RollupWorld life(31);
  for (int day = 0; day < 12; ++day) {
    life.send({.id = "e" + std::to_string(day), .click = day});
    life.world.flush();
    life.world.clock.advance(kDay);
  }
  const auto held = [&] { return life.world.table().condition().background.held_days; };
  CHECK(held() == 0);
  Schema next = *life.world.table().schema();
  ++next.version;
  for (Rollup& rollup : next.rollups) {
    for (TimeUs& retention_us : rollup.retention_us) retention_us = std::min(retention_us, 3 * kDay);
  }
  next.raw_retention_us = kDay * 4;
  REQUIRE(life.world.table().alter(next));
  REQUIRE(life.world.table().run_background());
  CHECK(held() > 0);
  const std::vector<ConditionLine> lines = describe_condition(life.world.table().condition());
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].state == "held");
  CHECK(lines[0].detail.find("`tally clock confirm`") != std::string::npos);
  const auto dropped = [&] {
    const auto snapshot = life.world.table().snapshot().value();
    const auto& tiers = snapshot->manifest().tiers;
    return std::ranges::count_if(tiers, [](const auto& one) { return one.second.dropped_lsn != 0; });
  };
  const auto before = dropped();
  life.world.reopen();  // it goes on waiting
  REQUIRE(life.world.table().run_background());
  CHECK(dropped() == before);
  const auto waiting = static_cast<int64_t>(held());
  CHECK(waiting > 0);

  REQUIRE(life.world.table().confirm_clock());
  REQUIRE(life.world.table().run_background());
  CHECK(held() == 0);
  CHECK(dropped() == before + waiting);
  CHECK(life.world.ledger().balanced());
  life.world.close();
  CHECK(life.problems() == "");
}

TEST_CASE("rollups: behind the seal of an idle log, what the background does is shown without another flush") {
  RollupWorld life(33);
  life.send({.id = "a", .click = 1});
  life.world.flush();
  life.world.kill();
  seal_log(life.world.disk);
  life.world.clock.advance(3 * kDay);
  life.world.open();
  REQUIRE(life.world.table().run_background());
  const auto snapshot = life.world.table().snapshot().value();
  const auto on_disk = Manifest::load(life.world.disk, "/db/tables/events").value();
  CHECK(snapshot->manifest().segments.size() == on_disk->segments.size());
  CHECK(snapshot->manifest().log.flushed_lsn == on_disk->log.flushed_lsn);
  CHECK(snapshot->manifest().removed_segments.size() == on_disk->removed_segments.size());
  CHECK(life.problems() == "");
}

TEST_CASE("rollups: a segment that was removed does not come back after a power failure as a file that nobody knows") {
  RollupWorld life(34);
  const auto unknown_files = [&] {
    const auto disk = life.world.disk.after_crash(Fate::kDroppedEntries, 34);
    const auto state = Manifest::load(*disk, "/db/tables/events").value();
    return std::ranges::count_if(disk->list("/db/tables/events/segments").value(), [&](const FileInfo& file) {
      const uint64_t number = parse_file_name(file.name).number;
      return !state->segments.contains(number) && !state->removed_segments.contains(number);
    });
  };
  for (int day = 0; day < 60; ++day) {
    if (day < 12) {
      life.send({.id = "e" + std::to_string(day), .click = day});
      life.world.flush();
    }
    life.world.clock.advance(kDay);
    // Drops write no file, so nothing else syncs the folder; what is removed is forgotten by the edit behind.
    REQUIRE(life.world.table().run_background());
    CHECK(unknown_files() == 0);
  }
  CHECK(life.world.table().stats().background.drops > 0);
  CHECK(life.problems() == "");
}

TEST_CASE("rollups: one that comes later builds itself from raw, and says of which days it has nothing") {
  RollupWorld life(5);
  const int32_t first = utc_day(life.world.clock.wall_us());
  for (int day = 0; day < 12; ++day) {
    life.send({.id = "e" + std::to_string(day), .click = day});
    life.world.flush();
    life.world.clock.advance(kDay);
  }
  Rollup later;
  later.name = "later";
  later.dimension_ids = {life.world.table().schema()->find_column("campaign")->id};
  later.every_measure = true;
  for (const Measure& measure : life.world.table().schema()->measures) later.measure_ids.push_back(measure.id);
  later.retention_us[1] = 7 * kDay;
  later.retention_us[3] = 365 * kDay;
  REQUIRE(life.world.table().alter(with_rollup(*life.world.table().schema(), later).value()));
  const uint32_t id = life.world.table().schema()->rollups.back().id;
  for (int round = 0; round < 2; ++round) {
    Cover cover;
    (void)life.ask(id, Tier::kDay, kDay, INT64_MIN, INT64_MAX, cover);
    CHECK(cover.first_missing_day == first);
    REQUIRE(cover.last_missing_day);
    CHECK(*cover.last_missing_day < first + 6);
    const TimeUs from = (TimeUs{*cover.last_missing_day} + 1) * kDay;
    life.check_all(from, INT64_MAX);
    life.world.reopen();
  }
  CHECK(life.segments_of("later", Tier::kDay) > 0);
  life.world.close();
  CHECK(life.problems() == "");
}

TEST_CASE("rollups: one that is dropped is gone with its files, and a reader keeps what it reads") {
  RollupWorld life(6);
  life.send({.id = "a", .click = 3});
  life.world.clock.advance(2 * kDay);
  life.send({.id = "b", .click = 4});
  life.world.flush();
  const uint32_t id = life.world.table().schema()->rollups[0].id;
  auto before = life.world.table().snapshot();
  REQUIRE(before);
  REQUIRE(life.world.table().alter(without_rollup(*life.world.table().schema(), "all").value()));
  auto after = life.world.table().snapshot();
  REQUIRE(after);
  for (const auto& [number, info] : (*after)->manifest().segments) CHECK(info.rollup_id != id);
  for (const auto& [of, progress] : (*after)->manifest().tiers) CHECK(of.rollup_id != id);
  uint64_t rows = 0;
  {
    ScanSpec spec;
    spec.columns.kinds = false;
    spec.source = {.segments = true, .memtable = false, .rollup_id = id, .tier = Tier::kDay};
    const auto scan = (*before)->scan(spec);
    while (true) {
      const auto block = scan->next();
      REQUIRE(block);
      if (*block == nullptr) break;
      rows += (*block)->rows;
    }
  }
  CHECK(rows == 1);
  before->reset();
  after->reset();
  life.check_all(INT64_MIN, INT64_MAX);
  const auto files = life.world.disk.list("/db/tables/events/segments");
  REQUIRE(files);
  CHECK(files->size() == life.world.table().stats().segments);
  life.world.close();
  CHECK(life.problems() == "");
}

TEST_CASE("rollups: a table without a dimension is folded, too") {
  Schema schema = test_schema();
  schema.columns.erase(schema.columns.begin() + 2);
  TableWorld world(7, rollup_options(), schema);
  for (int day = 0; day < 3; ++day) {
    BatchBuilder builder(*world.table().schema());
    for (int row = 0; row < 20; ++row) {
      builder.set_time(world.clock.wall_us());
      builder.set_id(std::to_string(day) + "-" + std::to_string(row));
      REQUIRE(builder.end_row());
    }
    IngestBatch batch;
    batch.payload = builder.finish();
    batch.payload_xxh3 = xxh3(batch.payload);
    REQUIRE(world.table().ingest(std::move(batch)));
    world.flush();
    world.clock.advance(kDay);
  }
  CHECK(world.table().stats().background.stopped == "");
  CHECK(world.table().stats().background.folds > 4);
  world.close();
  const TableCheck report = check_table(world.disk, world.clock, "events", "/db/tables/events");
  CHECK(report.problems.empty());
}

TEST_CASE("retention: a reader keeps what it reads, however much is dropped meanwhile") {
  RollupWorld life(4);
  life.send({.id = "a", .click = 3});
  life.world.flush();
  auto before = life.world.table().snapshot();
  REQUIRE(before);
  for (int day = 0; day < 20; ++day) {
    life.world.clock.advance(kDay);
    life.send({.id = "e" + std::to_string(day)});
    life.world.flush();
  }
  const auto rows = stored_rows(**before);
  REQUIRE(rows);
  CHECK(rows->size() == 1);
}

TEST_CASE("rollups: random lives agree with a plain list of rows through every cover") {
  const uint64_t seed = test_seed();
  for (uint64_t life_number = 0; life_number < 12; ++life_number) {
    Random draw(seed + life_number);
    CAPTURE(seed + life_number);
    TableOptions options = rollup_options();
    options.background_policy.late_files = 1 + draw.below(3);
    options.background_policy.join_files = 2 + draw.below(3);
    if (draw.below(2) == 0) options.background_policy.close_after_us = -30 * kDay;
    RollupWorld life(seed + life_number, options);
    uint64_t next = 0;
    const TimeUs begin = life.world.clock.wall_us();
    for (int step = 0; step < 60; ++step) {
      switch (draw.below(12)) {
        case 0: life.world.flush(); break;
        case 1: life.world.clock.advance(static_cast<TimeUs>(draw.below(30)) * kMicrosPerHour); break;
        case 2: life.world.reopen(); break;
        case 3:
          if (next > 0) life.take_back("e" + std::to_string(draw.below(next)));
          break;
        case 4: REQUIRE(life.world.table().run_background()); break;
        default: {
          const bool again = next > 0 && draw.below(5) == 0;
          const uint64_t number = again ? draw.below(next) : next++;
          TestRow row{.id = "e" + std::to_string(number), .campaign = "c" + std::to_string(number % 3)};
          row.age_us = static_cast<TimeUs>(draw.below(70)) * kMicrosPerHour;
          row.click = static_cast<int64_t>(number * 7 % 11) - 5;
          row.user = "u" + std::to_string(number % 5);
          life.send(row, draw.below(4) == 0);
        }
      }
      if (step % 4 != 0) continue;
      const TimeUs middle = begin + static_cast<TimeUs>(draw.below(100 * 3600)) * kMicrosPerSecond;
      draw.below(2) == 0 ? life.check_all(INT64_MIN, INT64_MAX) : life.check_all(middle - 2 * kDay, middle);
    }
    life.world.close();
    CHECK(life.problems() == "");
  }
}

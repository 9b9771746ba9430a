// ALTER TABLE ... ADD | DROP DIMENSION | FIELD | MEASURE: nothing is rewritten, nothing is lost, and every row is of the version
// of the schema that was in force when it was decided.
#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <map>
#include <set>

#include "base/checksum.h"
#include "engine/check.h"
#include "engine/schema_change.h"
#include "tests/support/engine/table_world.h"
#include "tests/support/seed.h"

using namespace tally;

namespace {

Column column(std::string name, ColumnRole role, ColumnType type, uint32_t values_max = 0) {
  Column made;
  made.name = std::move(name);
  made.role = role;
  made.type = type;
  made.values_max = values_max;
  return made;
}
Column dimension(std::string name, uint32_t values_max = 0) {
  return column(std::move(name), ColumnRole::kDimension, ColumnType::kString, values_max);
}
Column field(std::string name) { return column(std::move(name), ColumnRole::kField, ColumnType::kInt64); }

Status alter(TableWorld& world, const Result<Schema>& next) {
  if (!next) return std::unexpected(next.error());
  return world.table().alter(*next);
}
Status add(TableWorld& world, Column column) { return alter(world, with_column(*world.table().schema(), column)); }
Status drop(TableWorld& world, std::string_view name) {
  return alter(world, without_column(*world.table().schema(), name));
}

// Cells by the name of their column: what a producer sends, or what stands there.
using Cells = std::map<std::string, std::string>;

IngestBatch batch_of(const Schema& schema, TimeUs time, const std::vector<std::pair<std::string, Cells>>& rows) {
  BatchBuilder builder(schema);
  for (const auto& [id, cells] : rows) {
    builder.set_time(time);
    builder.set_id(id);
    for (const auto& [name, value] : cells) {
      const auto position = static_cast<size_t>(schema.find_column(name) - schema.columns.data());
      if (schema.columns[position].type == ColumnType::kString) {
        builder.set_string(position, value);
      } else {
        builder.set_int64(position, std::stoll(value));
      }
    }
    REQUIRE(builder.end_row());
  }
  IngestBatch batch;
  batch.payload = builder.finish();
  batch.payload_xxh3 = xxh3(batch.payload);
  return batch;
}

BatchResult send(TableWorld& world, const Schema& schema, const std::vector<std::pair<std::string, Cells>>& rows) {
  auto result = world.table().ingest(batch_of(schema, world.clock.wall_us(), rows));
  REQUIRE_MESSAGE(result, (result ? "" : result.error().to_string()));
  return *result;
}
BatchResult send(TableWorld& world, const std::vector<std::pair<std::string, Cells>>& rows) {
  return send(world, *world.table().schema(), rows);
}

struct Shown {
  RowKind kind;
  uint32_t version = 0;
  Cells cells;  // that are not NULL
  friend bool operator==(const Shown&, const Shown&) = default;
};

std::string cell_text(const Snapshot& snapshot, const Column& column, const BlockColumns::Selected& from,
                      uint32_t row) {
  if (column.role == ColumnRole::kDimension) {
    const uint32_t code = from.codes[row];
    if (code < kFirstValueCode) return code == kNullCode ? "" : std::string(kOtherText);
    return std::string(snapshot.find_dictionary(column.id)->value(code));
  }
  if (column.type == ColumnType::kString)
    return std::string(from.strings[row].is_null() ? "" : from.strings[row].view());
  const bool null = from.nulls != nullptr && from.nulls[row] != 0;
  return null ? "" : std::to_string(from.ints[row]);
}

// Every row of a table by id, with the columns of the schema in force.
std::multimap<std::string, Shown> shown(TableWorld& world) {
  auto snapshot = world.table().snapshot().value();
  const Schema& schema = snapshot->schema();
  ScanSpec spec;
  std::vector<const Column*> columns;
  for (const Column& one : schema.columns) {
    if (one.role != ColumnRole::kDimension && one.role != ColumnRole::kField) continue;
    spec.columns.column_ids.push_back(one.id);
    columns.push_back(&one);
  }
  spec.columns.ids = true;
  auto scan = snapshot->scan(spec);
  std::multimap<std::string, Shown> rows;
  while (true) {
    auto block = scan->next();
    REQUIRE_MESSAGE(block, (block ? "" : block.error().to_string()));
    if (*block == nullptr) return rows;
    for (uint32_t row = 0; row < (*block)->rows; ++row) {
      Shown one{(*block)->kinds[row], (*block)->schema->version, {}};
      for (size_t i = 0; i < columns.size(); ++i) {
        std::string text = cell_text(*snapshot, *columns[i], (*block)->columns[i], row);
        if (!text.empty()) one.cells[columns[i]->name] = std::move(text);
      }
      rows.emplace(format_id((*block)->id_kinds[row], (*block)->ids[row]), std::move(one));
    }
  }
}

// A closed database, every file of it.
void check_sound(TableWorld& world) {
  const auto tables = check_database(world.disk, world.clock, world.path());
  REQUIRE(tables);
  for (const TableCheck& table : *tables) {
    for (const std::string& problem : table.problems) CHECK_MESSAGE(false, problem);
  }
}

Shown only(const std::multimap<std::string, Shown>& rows, const std::string& id) {
  REQUIRE(rows.count(id) == 1);
  return rows.find(id)->second;
}

}  // namespace

TEST_CASE("alter: a new dimension is NULL in the rows before it, in memory, in segments, after a restart") {
  TableWorld world(1);
  send(world, {{"flushed", {{"campaign", "c1"}}}});
  world.flush();
  send(world, {{"in memory", {{"campaign", "c2"}, {"click", "1"}}}});
  REQUIRE(add(world, dimension("region")));
  CHECK(world.table().schema()->version == 2);
  send(world, {{"after", {{"campaign", "c1"}, {"region", "north"}}}});
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    const auto rows = shown(world);
    CHECK(only(rows, "flushed") == Shown{RowKind::kEvent, 1, {{"campaign", "c1"}}});
    CHECK(only(rows, "in memory") == Shown{RowKind::kEvent, 1, {{"campaign", "c2"}, {"click", "1"}}});
    CHECK(only(rows, "after") == Shown{RowKind::kEvent, 2, {{"campaign", "c1"}, {"region", "north"}}});
    if (round == 0) world.flush();
    if (round == 1) world.reopen();
  }
}

TEST_CASE("alter: what is dropped is gone, its name is free, and its id is not used again") {
  TableWorld world(2);
  send(world, {{"a", {{"campaign", "c1"}, {"user", "u1"}}}});
  const uint32_t campaign = world.table().schema()->find_column("campaign")->id;
  REQUIRE(drop(world, "campaign"));
  REQUIRE(drop(world, "user"));
  REQUIRE(add(world, dimension("campaign")));
  CHECK(world.table().schema()->find_column("campaign")->id > campaign);
  send(world, {{"b", {{"campaign", "c2"}}}});
  for (int round = 0; round < 2; ++round) {
    CHECK(only(shown(world), "a").cells.empty());
    CHECK(only(shown(world), "b").cells == Cells{{"campaign", "c2"}});
    world.reopen();
  }
  auto snapshot = world.table().snapshot().value();
  CHECK(snapshot->dictionary(0).size() == kFirstValueCode + 1);
  REQUIRE(snapshot->find_dictionary(campaign) != nullptr);
  CHECK(snapshot->find_dictionary(campaign)->value(kFirstValueCode) == "c1");
  world.close();
  check_sound(world);
}

TEST_CASE("alter: producers of the old version go on: new columns are NULL, dropped ones ignored, retries duplicates") {
  TableWorld world(3);
  const Schema old = *world.table().schema();
  send(world, {{"a", {{"campaign", "c1"}, {"user", "u1"}}}});
  REQUIRE(drop(world, "user"));
  REQUIRE(add(world, field("price")));
  CHECK(send(world, old, {{"a", {{"campaign", "c1"}, {"user", "u1"}}}}).counts.duplicates == 1);
  CHECK(send(world, old, {{"a", {{"campaign", "c1"}, {"user", "u2"}}}}).counts.conflicts == 1);
  CHECK(send(world, old, {{"b", {{"campaign", "c1"}, {"user", "u1"}}}}).counts.accepted == 1);
  CHECK(send(world, {{"c", {{"campaign", "c1"}, {"price", "5"}}}}).counts.accepted == 1);
  CHECK(only(shown(world), "b") == Shown{RowKind::kEvent, 3, {{"campaign", "c1"}}});
  CHECK(only(shown(world), "c").cells == Cells{{"campaign", "c1"}, {"price", "5"}});
  // A client that is ahead of the table is told.
  const Schema ahead = with_column(*world.table().schema(), field("later")).value();
  auto refused = world.table().ingest(batch_of(ahead, world.clock.wall_us(), {{"d", {{"later", "1"}}}}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "batch: schema version 4, the table is at 3");
}

TEST_CASE("alter: LIMIT holds for a dimension that came later, and for what a replay makes of it") {
  TableWorld world(4);
  REQUIRE(add(world, dimension("region", 2)));
  send(world, {{"a", {{"region", "r1"}}}, {"b", {{"region", "r2"}}}, {"c", {{"region", "r3"}}}});
  world.power_failure(Fate::kKeepAll);
  world.open();
  CHECK(only(shown(world), "b").cells == Cells{{"region", "r2"}});
  CHECK(only(shown(world), "c").cells == Cells{{"region", std::string(kOtherText)}});
}

TEST_CASE("alter: what takes a row back is of the version of its original") {
  for (const bool flushed : {false, true}) {
    CAPTURE(flushed);
    TableWorld world(5);
    send(world, {{"old", {{"campaign", "c1"}, {"user", "u1"}}}});
    if (flushed) world.flush();
    REQUIRE(drop(world, "campaign"));
    REQUIRE(add(world, field("price")));
    send(world, {{"new", {{"price", "7"}}}, {"stays", {}}});
    CHECK(world.table().retract({.ids = {"old", "new"}, .by = "ann", .reason = ""})->retracted == 2);
    send(world, {{"more", {}}});  // versions take turns
    CHECK(world.table().retract({.ids = {"early"}, .by = "ann", .reason = ""})->waiting == 1);
    send(world, {{"early", {{"price", "9"}}}});
    for (int round = 0; round < 3; ++round) {
      CAPTURE(round);
      std::multiset<std::pair<std::string, uint32_t>> taken_back;
      for (const auto& [id, row] : shown(world)) {
        if (row.kind == RowKind::kRetraction) taken_back.emplace(id, row.version);
      }
      CHECK(taken_back == std::multiset<std::pair<std::string, uint32_t>>{{"early", 3}, {"new", 3}, {"old", 1}});
      if (round == 0) {
        world.power_failure(Fate::kKeepAll);
        world.open();
      } else {
        world.reopen();
      }
    }
    world.close();
    check_sound(world);
  }
}

TEST_CASE("alter: what something needs is not dropped, by name") {
  Schema schema = complete_schema(test_schema()).value();
  Measure measure;
  measure.name = "clicks";
  measure.kind = AggregateKind::kSum;
  measure.column_id = schema.find_column("click")->id;
  schema = with_measure(schema, measure).value();
  CHECK(without_column(schema, "click").error().message ==
        "field \"click\" cannot be dropped: measure \"clicks\" needs it");
  CHECK(without_column(schema, "event_id").error().message == "event time and id of a table cannot be dropped");
  CHECK(without_column(schema, "clock").error().code == Code::kNotFound);
  CHECK(with_column(schema, field("clicks")).error().code == Code::kAlreadyExists);
  Schema late = schema;
  late.measures.clear();
  late.rollups[0].measure_ids.clear();
  late.lateness = {lateness_of_click(late, 1, 100 * kMicrosPerHour)};
  CHECK(without_column(late, "click").error().message ==
        "field \"click\" cannot be dropped: LATENESS ... WHERE click = 1 needs it");
  Schema derived = late;
  derived.lateness.clear();
  derived.id_from = {derived.find_column("user")->id};
  CHECK(without_column(derived, "user").error().message ==
        "field \"user\" cannot be dropped: the id, which is derived from it, needs it");
  Schema named = schema;
  named.rollups[0].every_dimension = named.rollups[0].every_measure = false;
  CHECK(without_column(named, "campaign").error().message ==
        "dimension \"campaign\" cannot be dropped: rollup \"all\" needs it");
  CHECK(without_measure(named, "clicks").error().message ==
        "measure \"clicks\" cannot be dropped: rollup \"all\" needs it");
}

TEST_CASE("alter: the implicit rollup follows the dimensions and measures, and so do those that name no measures") {
  Schema schema = complete_schema(test_schema()).value();
  schema = with_column(schema, dimension("region")).value();
  Measure measure;
  measure.name = "views";
  schema = with_measure(schema, measure).value();
  CHECK(schema.version == 3);
  CHECK(schema.find_measure("views")->since_version == 3);
  CHECK(schema.rollups[0].dimension_ids.size() == 2);
  CHECK(schema.rollups[0].measure_ids == std::vector<uint32_t>{schema.find_measure("views")->id});
  schema = without_column(schema, "campaign").value();
  schema = without_measure(schema, "views").value();
  CHECK(schema.rollups[0].dimension_ids == std::vector<uint32_t>{schema.find_column("region")->id});
  CHECK(schema.rollups[0].measure_ids.empty());
}

TEST_CASE("alter: a change that is none of these is refused") {
  const Schema now = complete_schema(test_schema()).value();
  auto refused = [&](auto spoil) {
    Schema next = now;
    ++next.version;
    spoil(next);
    const Status checked = check_change(now, next);
    return checked ? std::string() : checked.error().message;
  };
  CHECK(refused([](Schema& s) { s.raw_retention_us *= 2; }).empty());
  CHECK(refused([](Schema& s) { s.grace_us *= 2; }).empty());
  CHECK(refused([](Schema& s) { s.rollups[0].retention_us[2] *= 2; }).empty());
  CHECK(refused([](Schema& s) { s.table_name = "other"; }) == "changing the name of a table is not supported yet");
  CHECK(refused([](Schema& s) { s.within_us *= 2; }) == "changing the id of a table is not supported yet");
  CHECK(refused([](Schema& s) { s.columns[3].type = ColumnType::kString; }) ==
        "changing the column \"click\" is not supported: add another one");
  CHECK(refused([](Schema& s) { std::swap(s.columns[3].id, s.columns[4].id); }).find("not supported") !=
        std::string::npos);
  CHECK(refused([](Schema& s) { s.rollups.clear(); }) ==
        "a table keeps at least one rollup: nothing else outlives raw");
  CHECK(refused([](Schema& s) { s.rollups.push_back(s.rollups[0]); }).empty());  // validate_schema() sees the name
  CHECK(refused([](Schema& s) {
          s.rollups.push_back(s.rollups[0]);
          s.rollups.back().id = s.next_id++;
        }) == "rollup \"all\" is new and says that it is not");
  CHECK(refused([](Schema& s) { s.rollups[0].retention_us[1] = 0; }).find("another set of tiers") != std::string::npos);
}

TEST_CASE("alter: the power fails at every change of it, amid ingest; before it or behind it, and nothing is lost") {
  for (const Fate fate : {Fate::kDropUnsynced, Fate::kKeepAll, Fate::kRandomSubset}) {
    int before = 0, behind = 0;
    for (uint64_t at = 1;; ++at) {
      CAPTURE(at);
      CAPTURE(fate_name(fate));
      TableWorld world(6);
      const Schema old = *world.table().schema();
      send(world, {{"a", {{"campaign", "c1"}}}});
      world.disk.crash_at(at);
      const Status changed = add(world, dimension("region"));
      // A producer that does not know yet, and one that does.
      if (changed) (void)world.table().ingest(batch_of(old, world.clock.wall_us(), {{"b", {{"campaign", "c2"}}}}));
      if (changed) {
        (void)world.table().ingest(
            batch_of(*world.table().schema(), world.clock.wall_us(), {{"c", {{"region", "r1"}, {"campaign", "c3"}}}}));
        (void)world.table().flush();
      }
      if (!world.disk.crashed()) break;
      world.power_failure(fate, at);
      world.open();
      const bool is_new = world.table().schema()->version == 2;
      (is_new ? behind : before) += 1;
      if (changed) CHECK(is_new);
      if (!is_new) REQUIRE(add(world, dimension("region")));
      send(world, old, {{"a", {{"campaign", "c1"}}}, {"b", {{"campaign", "c2"}}}});
      send(world, {{"c", {{"region", "r1"}, {"campaign", "c3"}}}});
      for (int round = 0; round < 2; ++round) {
        std::map<std::string, Cells> events;
        for (const auto& [id, row] : shown(world)) {
          if (row.kind == RowKind::kEvent) CHECK(events.emplace(id, row.cells).second);
        }
        CHECK(events == std::map<std::string, Cells>{{"a", {{"campaign", "c1"}}},
                                                     {"b", {{"campaign", "c2"}}},
                                                     {"c", {{"campaign", "c3"}, {"region", "r1"}}}});
        if (round == 0) world.reopen();
      }
      CHECK(world.ledger().balanced());
    }
    CHECK(before > 0);
    CHECK(behind > 0);
  }
}

TEST_CASE("alter: a batch that was decoded before the change and has its place behind it") {
  TableOptions options = small_table_options();
  options.threads = true;
  TableWorld world(7, options);
  const Schema old = *world.table().schema();
  std::atomic<uint64_t> accepted = 0;
  constexpr uint64_t kBatches = 200;
  std::latch unanswered(kBatches);  // a flush takes what was applied: it waits for nobody's batch
  for (uint64_t i = 0; i < kBatches; ++i) {
    world.table().ingest_async(batch_of(old, world.clock.wall_us(),
                                        {{"id " + std::to_string(i), {{"campaign", "c" + std::to_string(i % 7)}}}}),
                               [&](const Result<BatchResult>& result) {
                                 if (result) accepted += result->counts.accepted;
                                 unanswered.count_down();
                               });
    if (i % 50 == 25) REQUIRE(add(world, dimension("region" + std::to_string(i))));
  }
  unanswered.wait();
  REQUIRE(world.table().flush());
  CHECK(accepted == kBatches);
  const auto rows = shown(world);
  CHECK(rows.size() == kBatches);
  std::set<uint32_t> seen;
  for (const auto& [id, row] : rows) {
    seen.insert(row.version);
    CHECK(row.cells == Cells{{"campaign", "c" + std::to_string(std::stoull(id.substr(3)) % 7)}});
  }
  CHECK(seen.contains(5));  // earlier ones as far as batches had their places by then
}

TEST_CASE("alter: random changes, rows of every version, flushes, retractions and crashes against a plain shadow") {
  const uint64_t seed = test_seed(20261122);
  CAPTURE(seed);
  for (uint64_t run = 0; run < 12; ++run) {
    CAPTURE(run);
    Random random(seed + run);
    TableWorld world(seed + run);
    std::vector<Schema> versions{*world.table().schema()};
    struct Event {
      std::map<uint32_t, std::string> cells;  // by column id
      bool taken_back = false;
    };
    std::map<std::string, Event> events;
    uint64_t next_id = 0, next_name = 0;
    for (int step = 0; step < 60; ++step) {
      CAPTURE(step);
      const Schema now = *world.table().schema();
      switch (random.below(8)) {
        case 0: REQUIRE(add(world, dimension("n" + std::to_string(next_name++)))); break;
        case 1: REQUIRE(add(world, field("n" + std::to_string(next_name++)))); break;
        case 2: {
          const Column& victim = now.columns[2 + random.below(now.columns.size() - 2)];
          if (now.columns.size() > 4) REQUIRE(drop(world, victim.name));
          break;
        }
        case 3: world.flush(); break;
        case 4:
          if (random.below(2) == 0) {
            world.reopen();
          } else {
            world.power_failure(Fate::kKeepAll, random.next());
            world.open();
          }
          break;
        case 5: {
          if (events.empty()) break;
          auto event = std::next(events.begin(), static_cast<ptrdiff_t>(random.below(events.size())));
          auto result = world.table().retract({.ids = {event->first}, .by = "chance", .reason = ""});
          REQUIRE(result);
          CHECK(result->retracted == (event->second.taken_back ? 0 : 1));
          event->second.taken_back = true;
          break;
        }
        default: {
          const Schema& known = versions[random.below(versions.size())];
          std::vector<std::pair<std::string, Cells>> rows;
          for (uint64_t i = 0; i < 1 + random.below(5); ++i) {
            const std::string id = "id " + std::to_string(next_id++);
            Cells cells;
            Event& event = events[id];
            for (const Column& one : known.columns) {
              const bool filled = one.role == ColumnRole::kDimension || one.role == ColumnRole::kField;
              if (!filled || random.below(3) == 0) continue;
              const std::string value = std::to_string(random.below(9));
              cells[one.name] = value;
              if (now.find_column(one.id) != nullptr) event.cells[one.id] = value;
            }
            rows.emplace_back(id, cells);
          }
          CHECK(send(world, known, rows).counts.accepted == rows.size());
        }
      }
      if (world.table().schema()->version != versions.back().version) versions.push_back(*world.table().schema());
    }
    for (int round = 0; round < 3; ++round) {
      CAPTURE(round);
      const Schema schema = *world.table().schema();
      std::map<std::string, std::pair<int, int>> counts;  // as events, as taken back
      for (const auto& [id, row] : shown(world)) {
        Cells wanted;
        for (const auto& [column_id, value] : events[id].cells) {
          if (const Column* one = schema.find_column(column_id)) wanted[one->name] = value;
        }
        CHECK(row.cells == wanted);
        (row.kind == RowKind::kEvent ? counts[id].first : counts[id].second) += 1;
      }
      CHECK(counts.size() == events.size());
      for (const auto& [id, event] : events) CHECK(counts[id] == std::pair(1, event.taken_back ? 1 : 0));
      if (round == 0) world.reopen();
      if (round == 1) world.flush();
    }
    world.close();
    check_sound(world);
  }
}

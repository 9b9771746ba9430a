// Stories of rows that were not taken: nothing of them is lost, and each is sent again once.
#include "engine/dead_letters.h"

#include <doctest/doctest.h>

#include <set>

#include "base/checksum.h"
#include "engine/batch_rows.h"
#include "engine/check.h"
#include "engine/dead_letter_flush.h"
#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

constexpr TimeUs kTooOld = 80 * kMicrosPerHour;  // the window is 72 hours

// A letter as these stories look at it.
struct Seen {
  std::string reason;
  std::string source;
  uint64_t source_row = 0;
  std::string what;  // the id of a refused row, the raw text of an invalid one
  Lsn replayed_lsn = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};
using Letters = std::map<LetterId, Seen>;

Letters letters_of(TableWorld& world) {
  Letters seen;
  auto view = world.table().dead_letters();
  REQUIRE_MESSAGE(view, (view ? "" : view.error().to_string()));
  const Schema& schema = *world.table().schema();
  while (true) {
    auto bundle = (*view)->next();
    REQUIRE_MESSAGE(bundle, (bundle ? "" : bundle.error().to_string()));
    if (*bundle == nullptr) return seen;
    std::unique_ptr<PreparedBatch> batch;
    if ((*bundle)->has_rows()) {
      batch = *decode_batch(schema, IdHasher(HashKey{}), 1, (*bundle)->payload, (*bundle)->payload_xxh3);
    }
    for (size_t i = 0; i < (*bundle)->letters.size(); ++i) {
      const DeadLetter& letter = (*bundle)->letters[i];
      const LetterId id{(*bundle)->lsn, letter.row};
      Seen one{
          std::string((*bundle)->reason(i)), (*bundle)->source.name, letter.source_row, {}, (*view)->replayed_lsn(id)};
      one.what = batch ? format_id(batch->id_kinds[i], batch->ids[i]) : (*bundle)->rejected[i].raw;
      CHECK(seen.emplace(id, std::move(one)).second);
    }
  }
}

IngestBatch batch_of(TableWorld& world, const std::vector<TestRow>& rows) {
  return make_test_batch(*world.table().schema(), world.clock.wall_us(), rows);
}

// "old" too late, "soon" too early, "gone" past retention, one invalid row, "fine" accepted.
BatchResult send_mixed(TableWorld& world) {
  IngestBatch batch =
      batch_of(world, {{.id = "fine"},
                       {.id = "old", .age_us = kTooOld, .campaign = "c9", .click = 7, .user = "someone"},
                       {.id = "soon", .age_us = -kMicrosPerHour}});
  batch.source = {.name = "day.csv", .format = RawFormat::kCsv, .header = "ts,id", .mapping = "event_id=id\n"};
  batch.source_rows = source_runs(std::vector<uint64_t>{2, 3, 7});
  batch.rejected = {{.source_row = 4, .code = "bad_timestamp", .message = "column \"ts\": ...", .raw = "x,1"}};
  auto result = world.table().ingest(std::move(batch));
  REQUIRE_MESSAGE(result, (result ? "" : result.error().to_string()));
  return *result;
}

// The refused rows of these letters as one batch that replays them.
IngestBatch replay_of(TableWorld& world, const std::vector<LetterId>& ids, bool waive_lateness = true) {
  const Schema& schema = *world.table().schema();
  BatchBuilder builder(schema);
  auto view = *world.table().dead_letters();
  while (const LetterBundle* bundle = *view->next()) {
    if (!bundle->has_rows()) continue;
    auto batch = *decode_batch(schema, IdHasher(HashKey{}), 1, bundle->payload, bundle->payload_xxh3);
    for (size_t i = 0; i < bundle->letters.size(); ++i) {
      if (std::ranges::find(ids, LetterId{bundle->lsn, bundle->letters[i].row}) == ids.end()) continue;
      BatchRows(schema, *batch).copy(static_cast<uint32_t>(i), builder);
      REQUIRE(builder.end_row().has_value());
    }
  }
  IngestBatch batch;
  batch.payload = builder.finish();
  batch.payload_xxh3 = xxh3(batch.payload);
  batch.replay = waive_lateness;
  batch.replays = ids;
  return batch;
}

void check_sound(TableWorld& world) {
  world.close();
  auto reports = check_database(world.disk, world.clock, world.path());
  REQUIRE(reports);
  for (const TableCheck& report : *reports) {
    for (const std::string& problem : report.problems) FAIL_CHECK(problem);
  }
  world.open();
}

size_t letter_files(TableWorld& world) { return (*world.table().snapshot())->manifest().letter_files.size(); }

TableOptions options_with_retention(TimeUs retention_us) {
  TableOptions options = small_table_options();
  options.letter_retention_us = retention_us;
  return options;
}

}  // namespace

TEST_CASE("dead letters: rows that were not taken are there at once, with reason, source and all of themselves") {
  TableWorld world(1);
  const BatchResult result = send_mixed(world);
  CHECK(result.counts.too_late == 1);
  CHECK(result.counts.rejected == 2);
  const Letters expected = {{{result.lsn, 1}, {"too_late", "day.csv", 3, "old", 0}},
                            {{result.lsn, 2}, {"too_early", "day.csv", 7, "soon", 0}},
                            {{result.lsn, 3}, {"bad_timestamp", "day.csv", 4, "x,1", 0}}};
  CHECK(letters_of(world) == expected);
  struct Then {
    const char* name;
    void (*act)(TableWorld&);
  };
  const Then cases[] = {
      {"a flush", [](TableWorld& w) { w.flush(); }},
      {"a restart", [](TableWorld& w) { w.reopen(); }},
      {"a kill",
       [](TableWorld& w) {
         w.kill();
         w.open();
       }},
      {"a power failure",
       [](TableWorld& w) {
         w.power_failure(Fate::kDropUnsynced);
         w.open();
       }},
      {"nothing to flush", [](TableWorld& w) { w.flush(); }},
  };
  for (const Then& then : cases) {
    CAPTURE(then.name);
    then.act(world);
    CHECK(letters_of(world) == expected);
    CHECK(world.ledger().received == 4);
  }
  check_sound(world);
}

TEST_CASE("dead letters: duplicates and conflicts are none") {
  TableWorld world(2);
  world.send({{.id = "a", .click = 0}});
  world.send({{.id = "a", .click = 0}, {.id = "a", .click = 1}});
  CHECK(letters_of(world).empty());
  world.flush();
  CHECK(letter_files(world) == 0);
  check_sound(world);
}

TEST_CASE("dead letters: a row comes back exactly as it was, its id in whatever spelling") {
  TableWorld world(3);
  const std::string uuid = "0123abcd-4567-89ef-0011-2233445566ff";
  const std::vector<TestRow> rows = {
      {.id = uuid, .age_us = kTooOld, .campaign = "c5", .click = -3, .user = "a user with a long name"},
      {.id = "plain", .age_us = kTooOld, .campaign = "", .click = INT64_MAX, .user = ""}};
  const Lsn lsn = world.send(rows).lsn;
  auto result = world.table().ingest(replay_of(world, {{lsn, 0}, {lsn, 1}}));
  REQUIRE_MESSAGE(result, (result ? "" : result.error().to_string()));
  CHECK(result->counts.accepted == 2);
  const TimeUs sent_at = world.clock.wall_us();
  for (const StoredRow& row : world.rows()) {
    const TestRow& sent = row.id == uuid ? rows[0] : rows[1];
    CHECK(row.campaign == sent.campaign);
    CHECK(row.click == sent.click);
    CHECK(row.user == sent.user);
    CHECK(row.time == sent_at - sent.age_us);
  }
  // The same row from its producer is a duplicate now: same id, same values.
  CHECK(world.send(rows).counts.duplicates == 2);
}

TEST_CASE("dead letters: a letter is replayed once") {
  struct Between {
    const char* name;
    void (*act)(TableWorld&);
  };
  const Between cases[] = {
      {"nothing", [](TableWorld&) {}},
      {"a flush", [](TableWorld& w) { w.flush(); }},
      {"a restart", [](TableWorld& w) { w.reopen(); }},
      {"a power failure",
       [](TableWorld& w) {
         w.power_failure(Fate::kDropUnsynced);
         w.open();
       }},
  };
  for (const Between& before : cases) {
    for (const Between& after : cases) {
      CAPTURE(before.name);
      CAPTURE(after.name);
      TableWorld world(4);
      const Lsn lsn = send_mixed(world).lsn;
      before.act(world);
      auto replayed = world.table().ingest(replay_of(world, {{lsn, 1}}));
      REQUIRE_MESSAGE(replayed, (replayed ? "" : replayed.error().to_string()));
      CHECK(replayed->counts.received == 1);  // received again, accepted now
      CHECK(replayed->counts.accepted == 1);
      after.act(world);
      const Letters letters = letters_of(world);
      CHECK(letters.size() == 3);
      CHECK(letters.at({lsn, 1}).replayed_lsn == replayed->lsn);
      CHECK(letters.at({lsn, 2}).replayed_lsn == 0);
      auto again = world.table().ingest(replay_of(world, {{lsn, 1}}));
      REQUIRE_FALSE(again);
      CHECK(again.error().code == Code::kAlreadyExists);
      CHECK(again.error().message.find("was replayed before") != std::string::npos);
      CHECK(world.events() == 2);
      CHECK(world.ledger().received == 5);
      CHECK(world.ledger().balanced());
      check_sound(world);
      CHECK(letters_of(world) == letters);
    }
  }
}

TEST_CASE("dead letters: what cannot be replayed refuses its batch before anything is logged") {
  TableWorld world(5);
  const Lsn lsn = send_mixed(world).lsn;
  struct Case {
    std::vector<LetterId> ids;
    Code code;
  };
  const Case cases[] = {
      {{{lsn, 1}, {lsn, 1}}, Code::kInvalidArgument},
      {{{lsn, 1}, {lsn + 7, 0}}, Code::kNotFound},
      {{{0, 0}}, Code::kNotFound},
  };
  for (const Case& one : cases) {
    IngestBatch batch = replay_of(world, {{lsn, 1}});
    batch.replays = one.ids;
    auto refused = world.table().ingest(std::move(batch));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == one.code);
  }
  CHECK(world.ledger().received == 4);
  CHECK(letters_of(world).at({lsn, 1}).replayed_lsn == 0);
  CHECK(world.table().ingest(replay_of(world, {{lsn, 1}})).has_value());
}

TEST_CASE("dead letters: a row refused again is a new letter, and the old one is done with") {
  TableWorld world(6);
  const Lsn lsn = send_mixed(world).lsn;
  IngestBatch batch = replay_of(world, {{lsn, 1}}, false);
  batch.source.name = "again";
  auto again = world.table().ingest(std::move(batch));
  REQUIRE(again);
  CHECK(again->counts.too_late == 1);
  world.flush();
  const Letters letters = letters_of(world);
  CHECK(letters.size() == 4);
  CHECK(letters.at({lsn, 1}).replayed_lsn == again->lsn);
  CHECK(letters.at({again->lsn, 0}) == Seen{"too_late", "again", 0, "old", 0});
  check_sound(world);
}

TEST_CASE("dead letters: after their retention whole files go, and what they held cannot be replayed") {
  TableWorld world(7, options_with_retention(10 * kMicrosPerDay));
  world.clock.advance(2 * kMicrosPerHour);  // the machine has run long enough for its clock to be believed
  const Lsn first = send_mixed(world).lsn;
  CHECK(world.table().ingest(replay_of(world, {{first, 1}})).has_value());
  world.flush();
  world.clock.advance(6 * kMicrosPerDay);
  const Lsn second = world.send({{.id = "x", .age_us = kTooOld}}).lsn;
  world.flush();
  CHECK(letters_of(world).size() == 4);
  CHECK(letter_files(world) == 2);
  world.clock.advance(6 * kMicrosPerDay);
  world.send({{.id = "y"}});
  world.flush();
  CHECK(letter_files(world) == 1);
  CHECK(letters_of(world).size() == 1);
  CHECK(letters_of(world).contains({second, 0}));
  const LetterCounts counts = (*world.table().snapshot())->manifest().letters;
  CHECK(counts == LetterCounts{.kept = 4, .dropped = 3, .replayed = 1, .before = 0, .dropped_through = first + 1});
  for (const bool restarted : {false, true}) {
    if (restarted) world.reopen();
    IngestBatch batch = batch_of(world, {{.id = "z"}});
    batch.replays = {{first, 2}};
    auto refused = world.table().ingest(std::move(batch));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kNotFound);
  }
  CHECK(world.disk.list(world.path() + "/tables/events/dead")->size() == 1);
  check_sound(world);
}

TEST_CASE("dead letters: many flushes leave few files, and lose nothing") {
  TableWorld world(8);
  std::set<LetterId> open, done;
  size_t most = 0;
  for (int i = 0; i < 60; ++i) {
    const Lsn lsn = world.send({{.id = "late" + std::to_string(i), .age_us = kTooOld}}).lsn;
    open.insert({lsn, 0});
    if (i % 5 == 4) {
      const LetterId id = *open.begin();
      REQUIRE(world.table().ingest(replay_of(world, {id})).has_value());
      open.erase(id);
      done.insert(id);
    }
    world.flush();
    most = std::max(most, letter_files(world));
    if (i % 20 == 10) world.reopen();
  }
  CHECK(most < limits::kLetterFanIn);
  const Letters letters = letters_of(world);
  CHECK(letters.size() == 60);
  for (const auto& [id, letter] : letters) CHECK((letter.replayed_lsn != 0) == done.contains(id));
  CHECK(world.disk.list(world.path() + "/tables/events/dead")->size() == letter_files(world));
  check_sound(world);
}

TEST_CASE("dead letters: a file that cannot be read is joined with nothing, and named") {
  TableWorld world(9);
  for (int i = 0; i < 7; ++i) {
    world.send({{.id = "late" + std::to_string(i), .age_us = kTooOld}});
    world.flush();
  }
  const std::string path = TablePaths(world.path() + "/tables/events")
                               .letter_file((*world.table().snapshot())->manifest().letter_files.begin()->first);
  auto file = *world.disk.open(path, OpenMode::kReadWrite);
  uint8_t byte;
  REQUIRE(file->read_at(150, {&byte, 1}).has_value());
  byte ^= 4;
  REQUIRE(file->write_at(150, {&byte, 1}).has_value());
  REQUIRE(file->sync().has_value());
  world.send({{.id = "late7", .age_us = kTooOld}});
  world.flush();
  CHECK(letter_files(world) == 8);
  auto view = world.table().dead_letters();
  REQUIRE(view);
  auto bundle = (*view)->next();
  REQUIRE_FALSE(bundle);
  CHECK(bundle.error().message.find(path) != std::string::npos);
  world.close();
  auto reports = check_database(world.disk, world.clock, world.path());
  REQUIRE(reports);
  REQUIRE(reports->front().problems.size() == 1);
  CHECK(reports->front().problems.front().find(path) != std::string::npos);
}

TEST_CASE("dead letters: what they take in memory brings the flush") {
  TableOptions options = small_table_options();
  options.memtable_bytes_max = 256 * limits::kKiB;
  options.log_file_bytes = 64 * limits::kMiB;
  TableWorld world(10, options);
  for (int i = 0; i < 40; ++i) {
    IngestBatch batch = batch_of(world, {});
    for (int row = 0; row < 4; ++row) {
      batch.rejected.push_back({.source_row = 1, .code = "bad_row", .message = "", .raw = std::string(4'000, 'x')});
    }
    REQUIRE(world.table().ingest(std::move(batch)).has_value());
  }
  CHECK(world.table().stats().flushes > 0);
  CHECK(letters_of(world).size() == 160);
}

TEST_CASE("dead letters: a text is cut at its limit, and says so, before and after a restart") {
  TableWorld world(11);
  IngestBatch batch = batch_of(world, {});
  batch.rejected = {{.source_row = 1, .code = "bad_row", .message = "", .raw = std::string(5'000, 'x')},
                    {.source_row = 2, .code = "bad_row", .message = "", .raw = std::string(4'096, 'y')}};
  REQUIRE(world.table().ingest(std::move(batch)).has_value());
  for (const bool restarted : {false, true}) {
    if (restarted) {
      world.kill();
      world.open();
    }
    auto view = *world.table().dead_letters();
    const LetterBundle* bundle = *view->next();
    REQUIRE(bundle != nullptr);
    CHECK(bundle->rejected[0].raw.size() == limits::kRejectedRawBytesMax);
    CHECK(bundle->rejected[0].cut);
    CHECK_FALSE(bundle->rejected[1].cut);
  }
}

TEST_CASE("dead letters: which files a new one takes along") {
  constexpr TimeUs kRetention = 80 * kMicrosPerDay;  // a joined file spans ten days at most
  auto file = [](uint64_t number, uint64_t size, TimeUs day) {
    LetterFileInfo info;
    info.number = number;
    info.size = size;
    info.min_arrival_us = info.max_arrival_us = day * kMicrosPerDay;
    return info;
  };
  auto joined = [&](const std::vector<LetterFileInfo>& files, TimeUs day) {
    return letter_files_to_join(files, day * kMicrosPerDay, kRetention).size();
  };
  std::vector<LetterFileInfo> small(6, file(1, 100, 50));
  CHECK(joined(small, 50) == 0);
  small.push_back(file(2, 100, 50));
  CHECK(joined(small, 50) == 7);
  CHECK(joined(small, 60) == 7);
  CHECK(joined(small, 61) == 0);  // too far apart
  // A large one before them is left alone until it has company of its size.
  std::vector<LetterFileInfo> mixed(1, file(1, 4 * limits::kMiB, 50));
  mixed.insert(mixed.end(), small.begin(), small.end());
  CHECK(joined(mixed, 50) == 7);
  mixed.pop_back();
  CHECK(joined(mixed, 50) == 7);  // seven files, the large one of the next size among them
  std::vector<LetterFileInfo> huge(20, file(1, limits::kLetterFileBytesMax, 50));
  CHECK(joined(huge, 50) == 0);
}

TEST_CASE("dead letters: runs of source rows") {
  const std::vector<uint64_t> lines = {2, 3, 4, 9, 10, 8, 8, 9};
  const std::vector<SourceRun> runs = source_runs(lines);
  CHECK(runs == std::vector<SourceRun>{{0, 2}, {3, 9}, {5, 8}, {6, 8}});
  for (uint32_t i = 0; i < lines.size(); ++i) CHECK(source_row_of(runs, i) == lines[i]);
  CHECK(source_row_of({}, 3) == 0);
  std::vector<uint64_t> jumping;
  for (uint64_t i = 0; i < 10'000; ++i) jumping.push_back(2 * i + 1);
  const std::vector<SourceRun> most = source_runs(jumping);
  CHECK(most.size() == limits::kSourceRunsMax);
  CHECK(source_row_of(most, 8'190) == jumping[8'190]);
  CHECK(source_row_of(most, 8'191) == 0);
  CHECK(source_row_of(most, 9'999) == 0);
}

// Taking events back: the verdict before, after and between its event and the event's retries, over flushes, restarts and crashes.
#include <doctest/doctest.h>

#include "base/limits.h"
#include "tests/support/engine/seed.h"
#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

constexpr TimeUs kWithin = 72 * kMicrosPerHour;

RetractResult take_back(TableWorld& world, const std::vector<std::string>& ids, const std::string& reason = "bot") {
  Result<RetractResult> result = world.table().retract({.ids = ids, .by = "ann", .reason = reason});
  REQUIRE_MESSAGE(result, (result ? "" : result.error().to_string()));
  CHECK(result->received == result->retracted + result->waiting + result->unresolved + result->repeated);
  return *result;
}

// Rows of each kind that stand in raw for an id.
struct Kinds {
  int events = 0, duplicates = 0, retractions = 0;
  friend bool operator==(const Kinds&, const Kinds&) = default;
};
Kinds kinds_of(TableWorld& world, const std::string& id) {
  Kinds kinds;
  for (const StoredRow& row : world.rows()) {
    if (row.id != id) continue;
    kinds.events += row.kind == RowKind::kEvent;
    kinds.duplicates += row.kind == RowKind::kDuplicate;
    kinds.retractions += row.kind == RowKind::kRetraction;
  }
  return kinds;
}

std::vector<Retraction> retractions(TableWorld& world) {
  auto all = world.table().snapshot().value()->retractions();
  REQUIRE_MESSAGE(all, (all ? "" : all.error().to_string()));
  return *all;
}
Retraction retraction_of(TableWorld& world, const std::string& id) {
  for (const Retraction& one : retractions(world)) {
    if (one.text == id) return one;
  }
  FAIL("no retraction of " << id);
  return {};
}

}  // namespace

TEST_CASE("retractions: an event is taken back once, in its own bucket with its own values") {
  for (const bool flushed : {false, true}) {
    CAPTURE(flushed);
    TableWorld world(1);
    world.send({{.id = "a", .age_us = kMicrosPerHour, .campaign = "shoes", .click = 7}, {.id = "b"}});
    if (flushed) world.flush();
    world.clock.advance(kMicrosPerMinute);
    const RetractResult first = take_back(world, {"a"});
    CHECK(first.retracted == 1);
    CHECK(take_back(world, {"a"}).repeated == 1);
    CHECK(kinds_of(world, "a") == Kinds{.events = 1, .retractions = 1});
    CHECK(kinds_of(world, "b") == Kinds{.events = 1});
    StoredRow event, retraction;
    for (const StoredRow& row : world.rows()) {
      if (row.id == "a") (row.kind == RowKind::kEvent ? event : retraction) = row;
    }
    CHECK(retraction.time == event.time);
    CHECK(retraction.campaign == event.campaign);
    CHECK(retraction.click == 7);
    CHECK(retraction.lsn > event.lsn);
    const Retraction what = retraction_of(world, "a");
    CHECK(what.state == RetractionState::kRetracted);
    CHECK(what.original_lsn == event.lsn);
    CHECK(what.request->lsn == first.lsn);
    CHECK(what.request->by == "ann");
    CHECK(what.request->reason == "bot");
    CHECK(world.ledger().retracted == 1);
    CHECK(world.ledger().accepted == 2);
    CHECK(world.ledger().balanced());
  }
}

TEST_CASE(
    "retractions: a verdict before its event waits, takes it back in the event's record, and its retries stay "
    "duplicates") {
  TableWorld world(2);
  CHECK(take_back(world, {"a"}).waiting == 1);
  CHECK(take_back(world, {"a"}).repeated == 1);
  CHECK(retraction_of(world, "a").state == RetractionState::kWaiting);
  const BatchResult sent = world.send({{.id = "a"}, {.id = "a"}});
  CHECK(sent.counts.accepted == 1);
  CHECK(sent.counts.duplicates == 1);
  CHECK(sent.counts.retracted == 1);
  CHECK(kinds_of(world, "a") == Kinds{.events = 1, .duplicates = 1, .retractions = 1});
  const Retraction what = retraction_of(world, "a");
  CHECK(what.state == RetractionState::kRetracted);
  CHECK(what.original_lsn == sent.lsn);
  CHECK(what.settled_lsn == sent.lsn);
  CHECK(take_back(world, {"a"}).repeated == 1);
}

TEST_CASE("retractions: an id twice in one request counts once; what is wrong with an id is said by its place") {
  TableWorld world(3);
  world.send({{.id = "a"}});
  const RetractResult result = take_back(world, {"a", "b", "a", "b"});
  CHECK(result.retracted == 1);
  CHECK(result.waiting == 1);
  CHECK(result.repeated == 2);
  const Lsn before = world.table().snapshot().value()->lsn();
  const std::vector<std::pair<RetractRequest, std::string>> wrong{
      {{.ids = {}, .by = "", .reason = ""}, "there is no id to take back"},
      {{.ids = {"a", ""}, .by = "", .reason = ""}, "id 2 is empty"},
      {{.ids = {std::string(limits::kStringBytesMax + 1, 'x')}, .by = "", .reason = ""},
       "id 1 is longer than 65535 bytes"},
      {{.ids = {"a"}, .by = "", .reason = std::string(2000, 'x')}, "the reason is longer than 1024 bytes"},
      {{.ids = std::vector<std::string>(limits::kRetractionIdsMax + 1, "a"), .by = "", .reason = ""},
       "65537 ids in one request are above the limit of 65536 (retraction_ids_max)"}};
  for (const auto& [request, message] : wrong) {
    const Result<RetractResult> refused = world.table().retract(request);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kInvalidArgument);
    CHECK(refused.error().message == message);
  }
  CHECK(world.table().snapshot().value()->lsn() == before);  // nothing was logged
}

TEST_CASE("retractions: the spelling of a UUID does not matter") {
  TableWorld world(4);
  world.send({{.id = "0123456789abcdef0123456789abcdef"}});
  CHECK(take_back(world, {"{01234567-89AB-CDEF-0123-456789ABCDEF}"}).retracted == 1);
}

TEST_CASE("retractions: all of it is there after a flush, a restart and a power failure") {
  for (const bool flush : {false, true}) {
    for (const bool power : {false, true}) {
      CAPTURE(flush);
      CAPTURE(power);
      TableWorld world(5);
      world.send({{.id = "a"}, {.id = "b"}});
      if (flush) world.flush();
      CHECK(take_back(world, {"a", "early"}).retracted == 1);
      if (flush) world.flush();
      if (power) {
        world.power_failure(Fate::kDropUnsynced);
        world.open();
      } else {
        world.reopen();
      }
      CHECK(kinds_of(world, "a") == Kinds{.events = 1, .retractions = 1});
      CHECK(retraction_of(world, "a").state == RetractionState::kRetracted);
      CHECK(retraction_of(world, "a").request->reason == "bot");
      CHECK(retraction_of(world, "early").state == RetractionState::kWaiting);
      CHECK(take_back(world, {"a", "early"}).repeated == 2);
      CHECK(world.send({{.id = "early"}}).counts.retracted == 1);
      CHECK(world.send({{.id = "early"}}).counts.duplicates == 1);
      CHECK(world.ledger().retracted == 2);
      world.reopen();
      CHECK(world.ledger().retracted == 2);
      CHECK(retractions(world).size() == 2);
    }
  }
}

TEST_CASE(
    "retractions: an id that was forgotten is found in raw; one never counted waits until its event could not come any "
    "more") {
  TableOptions options = small_table_options();
  options.forget_boottime_us = 0;
  TableWorld world(6, options);
  world.send({{.id = "old"}});
  world.flush();
  auto forget_all = [&] {
    for (int i = 0; i < 2; ++i) {
      world.send({{.id = std::to_string(world.clock.wall_us()) + std::to_string(i)}});
      world.flush();
    }
  };
  world.clock.advance(2 * kWithin);
  forget_all();
  REQUIRE(world.table().stats().remembered_ids == 2);
  CHECK(take_back(world, {"old", "never"}).retracted == 1);
  CHECK(kinds_of(world, "old") == Kinds{.events = 1, .retractions = 1});
  world.clock.advance(kWithin);
  forget_all();
  CHECK(retraction_of(world, "never").state == RetractionState::kWaiting);
  world.clock.advance(kWithin);
  forget_all();
  CHECK(retraction_of(world, "never").state == RetractionState::kNeverCame);
  CHECK(take_back(world, {"never"}).repeated == 1);
  world.reopen();
  CHECK(retraction_of(world, "never").state == RetractionState::kNeverCame);
  CHECK(world.send({{.id = "never"}}).counts.retracted == 0);
}

TEST_CASE("retractions: a verdict that a crash left without its look-up is looked up at the next start") {
  // Power fails at every change of the disk while two events are taken back.
  int left = 0;
  for (uint64_t at = 1;; ++at) {
    CAPTURE(at);
    TableWorld world(7);
    world.send({{.id = "a"}, {.id = "b"}});
    world.flush();
    world.send({{.id = "c"}});
    world.disk.crash_at(at);
    const Result<RetractResult> result = world.table().retract({.ids = {"a", "c"}, .by = "ann", .reason = ""});
    const bool failed = world.disk.crashed();
    if (!failed) {
      CHECK(result->retracted == 2);
      break;
    }
    world.power_failure(Fate::kKeepAll);
    world.open();
    world.send({{.id = "d"}});  // brings the write side up, which looks up what was left
    for (const Retraction& one : retractions(world)) {
      CHECK(one.state == RetractionState::kRetracted);
      ++left;
    }
    take_back(world, {"a", "c"});
    for (const std::string id : {"a", "c"}) CHECK(kinds_of(world, id) == Kinds{.events = 1, .retractions = 1});
    CHECK(world.ledger().retracted == 2);
    CHECK(world.ledger().balanced());
  }
  CHECK(left > 0);
}

TEST_CASE("retractions: a look-up that fails is done again by the next request") {
  TableWorld world(10);
  world.send({{.id = "a"}, {.id = "b"}});
  world.flush();
  world.disk.inject({.effect = FaultEffect::kIoError, .ops = {DiskOp::kRead}, .path_part = "segments"});
  const Result<RetractResult> failed = world.table().retract({.ids = {"a"}, .by = "ann", .reason = "first"});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == Code::kIndeterminate);
  CHECK(failed.error().message.find("will be looked for at the next request or start") != std::string::npos);
  CHECK(retraction_of(world, "a").state == RetractionState::kWaiting);
  CHECK(take_back(world, {"b"}).retracted == 1);
  CHECK(retraction_of(world, "a").state == RetractionState::kRetracted);
  CHECK(retraction_of(world, "a").request->reason == "first");
  CHECK(take_back(world, {"a"}).repeated == 1);
  CHECK(kinds_of(world, "a") == Kinds{.events = 1, .retractions = 1});
}

TEST_CASE("retractions: flushes take small files along, so that few are ever there, and what they hold stays") {
  TableWorld world(8);
  std::vector<std::string> ids;
  for (int i = 0; i < 60; ++i) {
    ids.push_back("id " + std::to_string(i));
    if (i % 2 == 0) world.send({{.id = ids.back()}});
    take_back(world, {ids.back()}, "reason " + std::to_string(i % 7));
    world.flush();
  }
  const auto state = Manifest::load(world.disk, "/db/tables/events").value();
  CHECK(state->retraction_files.size() <= 6);
  CHECK(state->retraction_files.size() == world.disk.list("/db/tables/events/retractions")->size());
  for (int i = 0; i < 60; ++i) {
    const Retraction one = retraction_of(world, ids[static_cast<size_t>(i)]);
    CHECK(one.state == (i % 2 == 0 ? RetractionState::kRetracted : RetractionState::kWaiting));
    CHECK(one.request->reason == "reason " + std::to_string(i % 7));
  }
  // A snapshot reads what it saw, although a flush has taken the files along meanwhile.
  const auto before = world.table().snapshot().value();
  take_back(world, {"one more"});
  world.flush();
  CHECK(before->retractions()->size() == 60);
  CHECK(retractions(world).size() == 61);
}

TEST_CASE("retractions: many at once, over segments and memtable, with threads") {
  TableOptions options = small_table_options();
  options.threads = true;
  TableWorld world(9, options);
  std::vector<std::string> ids;
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<TestRow> rows;
    for (int i = 0; i < 100; ++i) {
      ids.push_back(std::to_string(batch) + "-" + std::to_string(i));
      rows.push_back({.id = ids.back()});
    }
    world.send(rows);
    if (batch % 5 == 4) world.flush();
  }
  std::vector<std::string> half;
  for (size_t i = 0; i < ids.size(); i += 2) half.push_back(ids[i]);
  CHECK(take_back(world, half).retracted == half.size());
  CHECK(take_back(world, ids).retracted == ids.size() - half.size());
  CHECK(world.ledger().retracted == ids.size());
  std::map<std::string, int> net;
  for (const StoredRow& row : world.rows()) net[row.id] += row.kind == RowKind::kEvent ? 1 : -1;
  for (const auto& [id, sum] : net) CHECK(sum == 0);
  CHECK(net.size() == ids.size());
}

// One shard by itself: records that a table never makes twice, or only when an event comes between two steps of its resolver,
// applied in the order that a log could hold them.
#include "engine/shard.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "base/checksum.h"
#include "engine/dictionary.h"
#include "tests/support/engine/test_rows.h"

using namespace tally;

namespace {

constexpr TimeUs kNow = 20'000 * kMicrosPerDay;

// The only shard of a table, and the records that it is given.
struct ShardWorld {
  explicit ShardWorld(uint32_t chunk_rows = limits::kChunkRows)
      : shard(0, 1, classes, publisher, 0, nullptr, chunk_rows) {}

  std::shared_ptr<const Schema> schema = std::make_shared<const Schema>(complete_schema(test_schema()).value());
  IdHasher hasher{std::array<uint8_t, 16>{1}};
  StatePublisher publisher{first_state()};
  LatenessClasses classes{std::span(&schema, 1)};
  Shard shard;
  Lsn lsn = 0;

  static PublishedState first_state() {
    PublishedState state;
    state.chunks.push_back(std::make_shared<const ChunkList>());
    state.retractions.emplace_back();
    return state;
  }

  std::unique_ptr<PreparedBatch> batch_of(const std::vector<TestRow>& rows) const {
    IngestBatch sent = make_test_batch(*schema, kNow, rows);
    const uint64_t sum = xxh3(sent.payload);
    auto batch = decode_batch(*schema, hasher, 1, std::move(sent.payload), sum);
    REQUIRE_MESSAGE(batch, (batch ? "" : batch.error().to_string()));
    for (PreparedBatch::Dimension& dimension : (*batch)->dimensions) {
      for (size_t i = 1; i < dimension.table_codes.size(); ++i) {
        dimension.table_codes[i] = static_cast<uint32_t>(kFirstValueCode + i - 1);
      }
    }
    return *std::move(batch);
  }

  void apply(LoggedBatch& logged) {
    logged.lsn = ++lsn;
    logged.times = {.arrival_us = kNow, .reference_us = 0};
    logged.schema = schema;
    logged.outcomes.resize(1);
    REQUIRE(shard.apply(logged));
  }

  void send(const std::vector<TestRow>& rows) {
    LoggedBatch logged;
    logged.batch = batch_of(rows);
    logged.lateness_classes.assign(rows.size(), 0);
    apply(logged);
  }

  void ask_back(const std::vector<std::string>& ids) {
    auto verdict = prepare_verdict(hasher, 1, false, ids, "ann", "bot");
    REQUIRE(verdict);
    LoggedBatch logged;
    logged.verdict = std::make_shared<VerdictWork>();
    logged.verdict->remembered.resize((*verdict)->rows());
    logged.verdict->fresh.resize(1);
    logged.verdict->request = std::make_shared<const RetractionRequest>(
        RetractionRequest{.lsn = lsn + 1, .arrival_us = kNow, .by = "ann", .reason = "bot"});
    logged.verdict->verdict = *std::move(verdict);
    apply(logged);
  }

  // A RETRACT that has found these rows in the record `original`, and nothing of the ids `gone`.
  void take_back(const std::vector<TestRow>& rows, Lsn original, const std::vector<std::string>& gone = {}) {
    auto settlement = std::make_unique<PreparedSettlement>();
    settlement->originals = batch_of(rows);
    settlement->original_lsns.assign(rows.size(), original);
    settlement->shard_gone.resize(1);
    if (!gone.empty()) {
      auto ids = prepare_verdict(hasher, 1, false, gone, "", "");
      REQUIRE(ids);
      settlement->gone = (*ids)->keys;
      settlement->shard_gone = (*ids)->shard_rows;
    }
    LoggedBatch logged;
    logged.settlement = std::make_shared<SettlementWork>();
    logged.settlement->settlement = std::move(settlement);
    apply(logged);
  }

  uint64_t rows_of(RowKind kind) const {
    uint64_t count = 0;
    for (const auto& chunk : *publisher.get()->chunks[0]) {
      count += static_cast<uint64_t>(std::count(chunk->kinds(), chunk->kinds() + chunk->rows(), kind));
    }
    return count;
  }
};

const TestRow kEventA{.id = "a", .age_us = kMicrosPerHour, .click = 7};

}  // namespace

TEST_CASE("retractions of a shard: a RETRACT that is applied again takes nothing back again") {
  ShardWorld world;
  world.send({kEventA, {.id = "b"}});
  world.ask_back({"a"});
  for (int time = 1; time <= 3; ++time) {
    CAPTURE(time);
    world.take_back({kEventA}, 1);
    CHECK(world.shard.ledger().retracted == 1);
    CHECK(world.rows_of(RowKind::kRetraction) == 1);
    CHECK(world.rows_of(RowKind::kEvent) == 2);
    CHECK(world.shard.applied_lsn() == world.lsn);
  }
}

// The look-up saw the event, and so did the shard: the verdict was waiting when the event came.
TEST_CASE("retractions of a shard: an event that comes between look-up and RETRACT is taken back once") {
  ShardWorld world;
  world.ask_back({"a"});
  world.send({kEventA});
  CHECK(world.shard.ledger().retracted == 1);
  world.take_back({kEventA}, 2);
  CHECK(world.shard.ledger().retracted == 1);
  CHECK(world.rows_of(RowKind::kRetraction) == 1);
  CHECK(world.shard.ledger().balanced());
}

TEST_CASE("retractions of a shard: an id that is gone and was taken back meanwhile stays retracted") {
  ShardWorld world;
  world.ask_back({"a", "c"});
  world.send({kEventA});
  world.take_back({}, 0, {"a", "c"});
  CHECK(world.shard.ledger().retracted == 1);
  const std::shared_ptr<const RetractionLog> log = world.shard.freeze(world.lsn, kNow).retractions;
  REQUIRE(log);
  std::map<std::string, RetractionState> last;
  for (const Retraction& change : log->read(world.lsn)) last[change.text] = change.state;
  CHECK(last["a"] == RetractionState::kRetracted);
  CHECK(last["c"] == RetractionState::kNotInRaw);
}

TEST_CASE("retractions of a shard: a RETRACT of an id that nobody asked for changes nothing") {
  ShardWorld world;
  world.send({kEventA});
  world.take_back({kEventA}, 1, {"d"});
  CHECK(world.shard.ledger().retracted == 0);
  CHECK(world.rows_of(RowKind::kRetraction) == 0);
}

TEST_CASE("memory of a shard: orders of its chunks are counted until they are released, whoever holds the chunks") {
  ShardWorld world(4);
  std::vector<TestRow> rows;
  for (int i = 0; i < 10; ++i) rows.push_back({.id = std::to_string(i)});
  world.send(rows);
  const uint64_t before = world.shard.memory_bytes();
  const ChunkList held = *world.publisher.get()->chunks[0];
  REQUIRE(held.size() == 3);
  REQUIRE(held[0]->order(0) != nullptr);
  const uint64_t behind = world.shard.memory_bytes();
  CHECK(behind == before + held[0]->order_bytes());
  CHECK(behind > before);
  const FrozenShard frozen = world.shard.freeze(world.lsn, kNow);
  REQUIRE(held[1]->order(0) != nullptr);
  CHECK(world.shard.memory_bytes() == behind + held[1]->order_bytes());
  world.shard.release(frozen);
  CHECK(world.shard.memory_bytes() == 0);
  REQUIRE(held[1]->slice_zones() != nullptr);  // made for an old snapshot
  CHECK(world.shard.memory_bytes() == 0);
}

#include "engine/derived_id.h"

#include <doctest/doctest.h>

#include <set>

#include "base/checksum.h"
#include "base/random.h"
#include "engine/database.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/engine/seed.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

constexpr TimeUs kNoon = 1'700'000'000 * kMicrosPerSecond;
const IdHasher kHasher(HashKey{7});

// small_schema() with ids from some of its columns: ts, id, country, slot, kind, amount, cost.
Schema derived_schema(const std::vector<std::string_view>& from) {
  Schema schema = small_schema();
  for (std::string_view name : from) schema.id_from.push_back(schema.find_column(name)->id);
  REQUIRE(validate_schema(schema).has_value());
  return schema;
}

struct Cells {
  TimeUs time = kNoon;
  std::optional<std::string> country = {}, kind = {};
  std::optional<int64_t> slot = {}, amount = {}, cost = {};
};

Status add(BatchBuilder& builder, const Cells& cells) {
  builder.set_time(cells.time);
  if (cells.country) builder.set_string(2, *cells.country);
  if (cells.slot) builder.set_int64(3, *cells.slot);
  if (cells.kind) builder.set_string(4, *cells.kind);
  if (cells.amount) builder.set_int64(5, *cells.amount);
  if (cells.cost) builder.set_int64(6, *cells.cost);
  return builder.end_row();
}

Result<std::unique_ptr<PreparedBatch>> decode(const Schema& schema, Bytes payload) {
  const uint64_t sum = xxh3(payload);
  return decode_batch(schema, kHasher, 1, std::move(payload), sum);
}

std::string id_of(const Schema& schema, const Cells& cells) {
  BatchBuilder builder(schema);
  REQUIRE(add(builder, cells).has_value());
  auto batch = decode(schema, builder.finish());
  REQUIRE_MESSAGE(batch.has_value(), batch.error().message);
  CHECK((*batch)->id_kinds[0] == IdKind::kDerived);
  return format_id((*batch)->id_kinds[0], (*batch)->ids[0]);
}

}  // namespace

TEST_CASE("derived id: the worked example") {
  DerivedIdBytes bytes;
  bytes.add_time(kNoon);
  bytes.add_string("a");
  bytes.add_null();
  CHECK(hex(bytes.bytes()) == "0400401e18240a060001010000006100");
  IdSlot id;
  bytes.finish(id.raw);
  CHECK(format_id(IdKind::kDerived, id) == "9d2ac5be-02cd-34d1-4abf-8932abfa4b26");
}

TEST_CASE("derived id: the same values, the same id; what is not named takes no part") {
  const Schema schema = derived_schema({"country", "amount"});
  const std::string id = id_of(schema, {.country = "de", .amount = 5});
  CHECK(id == id_of(schema, {.country = "de", .amount = 5}));
  CHECK(id == id_of(schema, {.time = kNoon + 1, .country = "de", .kind = "click", .slot = 3, .amount = 5, .cost = 7}));
  CHECK(id != id_of(schema, {.country = "de", .amount = 6}));
  CHECK(id != id_of(schema, {.country = "dE", .amount = 5}));
  CHECK(id != id_of(derived_schema({"amount", "country"}), {.country = "de", .amount = 5}));  // the order is part of it
}

TEST_CASE("derived id: no two rows of values share an id") {
  const Schema schema = derived_schema({"country", "kind", "slot", "amount", "cost", "ts"});
  const Cells rows[] = {
      {},
      {.country = ""},
      {.kind = ""},
      {.country = "", .kind = ""},
      {.country = "ab", .kind = "c"},
      {.country = "a", .kind = "bc"},
      {.country = "abc"},
      {.kind = "abc"},
      {.country = std::string("\0", 1)},
      {.country = "0"},
      {.slot = 0},
      {.amount = 0},
      {.cost = 0},
      {.slot = 48},
      {.slot = 0, .amount = 0},
      {.time = kNoon + 1},
      {.time = kNoon + 1, .slot = 0},
      {.amount = kNoon},
  };
  std::set<std::string> ids;
  for (const Cells& cells : rows) CHECK(ids.insert(id_of(schema, cells)).second);
}

TEST_CASE("derived id: the same from every encoding, whatever stands beside it in the batch") {
  const uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  const Schema schema = derived_schema({"kind", "country", "slot"});
  BatchBuilder builder(schema);
  std::vector<Cells> rows;
  for (int i = 0; i < 3'000; ++i) {
    Cells cells;
    if (random.chance(0.9)) cells.kind = "k" + std::to_string(random.below(i < 1'500 ? 3 : 100'000));
    if (random.chance(0.5)) cells.country = std::string(random.below(4), 'c');
    if (random.chance(0.5) || (!cells.kind && !cells.country)) cells.slot = static_cast<int64_t>(random.below(9)) - 4;
    REQUIRE(add(builder, cells).has_value());
    rows.push_back(std::move(cells));
  }
  auto batch = decode(schema, builder.finish(BatchBuilder::Compression::kLz4));
  REQUIRE(batch.has_value());
  for (size_t i = 0; i < rows.size(); i += 7) {
    CAPTURE(i);
    REQUIRE(format_id(IdKind::kDerived, (*batch)->ids[i]) == id_of(schema, rows[i]));
  }
}

TEST_CASE("derived id: rows bring none, and cannot do without a value to derive it from") {
  const Schema schema = derived_schema({"country", "slot"});
  BatchBuilder builder(schema);
  builder.set_id("mine");
  Status brought = add(builder, {.country = "de"});
  REQUIRE_FALSE(brought.has_value());
  CHECK(brought.error().message == "column \"id\": the table derives its ids, rows bring none");
  Status nothing = add(builder, {.kind = "click"});
  REQUIRE_FALSE(nothing.has_value());
  CHECK(nothing.error().message == "column \"id\": every column that it is derived from is NULL");
  CHECK(builder.rows() == 0);

  // A batch of a client that knows better.
  BatchBuilder other(small_schema());
  other.set_time(kNoon);
  other.set_id("mine");
  other.set_string(2, "de");
  REQUIRE(other.end_row().has_value());
  auto with_ids = decode(schema, other.finish());
  REQUIRE_FALSE(with_ids.has_value());
  CHECK(with_ids.error().message.find("column \"id\": the table derives its ids") != std::string::npos);

  const Schema by_kind = derived_schema({"kind"});
  REQUIRE(add(builder, {.country = "de"}).has_value());
  auto null_row = decode(by_kind, builder.finish());
  REQUIRE_FALSE(null_row.has_value());
  CHECK(null_row.error().message == "batch: row 0: every column that its id is derived from is NULL");
}

TEST_CASE("derived id: a retry is a duplicate, other content a conflict, across a flush and a power failure") {
  SeededRandomScope random(3);
  SimDisk disk(3);
  ManualClock clock(kNoon);
  REQUIRE(init_database(disk, "/db").has_value());
  DatabaseOptions options;
  options.table = {.threads = false, .shards = 2, .log_file_bytes = 64 * limits::kKiB};
  auto database = *Database::open(disk, clock, "/db", options);
  Table* table = *database->create_table(derived_schema({"country", "slot"}));
  auto send = [&](const std::vector<Cells>& rows) {
    BatchBuilder builder(*table->schema());
    for (const Cells& cells : rows) REQUIRE(add(builder, cells).has_value());
    IngestBatch batch;
    batch.payload = builder.finish();
    batch.payload_xxh3 = xxh3(batch.payload);
    auto result = table->ingest(std::move(batch));
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    return result->counts;
  };
  const std::vector<Cells> rows = {{.country = "de", .slot = 1, .amount = 5}, {.country = "de", .slot = 2}};
  CHECK(send(rows).accepted == 2);
  CHECK(send(rows).duplicates == 2);
  REQUIRE(table->flush().has_value());
  CHECK(send(rows).duplicates == 2);
  CHECK(send({{.country = "de", .slot = 1, .amount = 6}}).conflicts == 1);
  CHECK(send({{.time = kNoon - 1, .country = "de", .slot = 1, .amount = 5}}).duplicates == 1);
  database.reset();
  disk.crash(Fate::kDropUnsynced, 1);
  database = *Database::open(disk, clock, "/db", options);
  table = *database->table("small");
  CHECK(table->schema()->id_from.size() == 2);
  CHECK(send(rows).duplicates == 2);
  CHECK(table->stats().ledger.accepted == 2);
}

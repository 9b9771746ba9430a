#include "engine/batch.h"

#include <doctest/doctest.h>

#include <fstream>
#include <map>

#include "base/checksum.h"
#include "base/limits.h"
#include "base/random.h"
#include "engine/batch_columns.h"
#include "engine/batch_format.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/engine/seed.h"

using namespace tally;
using Compression = BatchBuilder::Compression;

namespace {

const IdHasher kHasher(HashKey{7});
constexpr TimeUs kNoon = 1'700'000'000 * kMicrosPerSecond;

Result<std::unique_ptr<PreparedBatch>> decode(const Schema& schema, Bytes payload) {
  uint64_t sum = xxh3(payload);
  return decode_batch(schema, kHasher, 2, std::move(payload), sum);
}

// One row as a plain map: column position -> value. What the decoder must give back.
struct Row {
  TimeUs time = 0;
  std::string id;
  std::map<size_t, Value> values;
};

bool is_string(const Column& column) { return column.type == ColumnType::kString; }

Status add_row(const Schema& schema, const Row& row, BatchBuilder& builder) {
  builder.set_time(row.time);
  builder.set_id(row.id);
  for (const auto& [column, value] : row.values) {
    if (is_null(value)) continue;
    if (is_string(schema.columns[column])) {
      builder.set_string(column, std::get<std::string>(value));
    } else {
      builder.set_int64(column, std::get<int64_t>(value));
    }
  }
  return builder.end_row();
}

Value dimension_value(const Column& column, const PreparedBatch::Dimension& dimension, size_t row) {
  uint32_t code = dimension.local_codes[row];
  if (code == 0) return {};
  std::string_view value = dimension.local_values[code - 1];
  if (is_string(column)) return std::string(value);
  return load_le<int64_t>(as_bytes(value).data());
}

Value field_value(const Column& column, const PreparedBatch::Field& field, size_t row) {
  if (is_string(column)) {
    const StringRef& text = field.strings[row];
    if (text.is_null()) return {};
    return std::string(text.view());
  }
  if (!field.nulls.empty() && field.nulls[row] != 0) return {};
  return field.ints[row];
}

std::vector<Row> rows_of(const Schema& schema, const PreparedBatch& batch) {
  std::vector<Row> rows(batch.rows);
  auto dimensions = schema.dimensions();
  auto fields = schema.fields();
  for (size_t i = 0; i < batch.rows; ++i) {
    rows[i].time = batch.times[i];
    rows[i].id = format_id(batch.id_kinds[i], batch.ids[i]);
    for (size_t d = 0; d < dimensions.size(); ++d) {
      size_t column = dimensions[d];
      rows[i].values[column] = dimension_value(schema.columns[column], batch.dimensions[d], i);
    }
    for (size_t f = 0; f < fields.size(); ++f) {
      size_t column = fields[f];
      rows[i].values[column] = field_value(schema.columns[column], batch.fields[f], i);
    }
  }
  return rows;
}

void check_same(const std::vector<Row>& got, const std::vector<Row>& want) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    REQUIRE(got[i].time == want[i].time);
    REQUIRE(got[i].id == want[i].id);
    for (const auto& [column, value] : got[i].values) {
      CAPTURE(column);
      auto sent = want[i].values.find(column);
      REQUIRE(value == (sent == want[i].values.end() ? Value() : sent->second));
    }
  }
}

std::string random_text(Random& random, uint64_t distinct) {
  uint64_t pick = random.below(distinct);
  return "v" + std::to_string(pick) + std::string(pick % 40, 'x');
}

std::string random_id(Random& random, bool uuids) {
  if (!uuids && random.chance(0.5)) return "id-" + std::to_string(random.next());
  IdSlot slot;
  random.fill({slot.raw, 16});
  return format_id(IdKind::kUuid, slot);
}

// `shape` draws how the columns look, so that every encoding and width has its turn.
std::vector<Row> random_rows(const Schema& schema, Random& random, size_t count) {
  bool uuids = random.chance(0.5);
  double null_rate = random.chance(0.5) ? 0 : 0.3;
  uint64_t distinct = 1 + random.below(random.chance(0.5) ? 3 : 5'000);
  unsigned bits = 1 + static_cast<unsigned>(random.below(29));
  std::vector<Row> rows(count);
  for (Row& row : rows) {
    row.time = kNoon + static_cast<TimeUs>(random.next() >> (64 - bits));
    row.id = random_id(random, uuids);
    for (size_t c = 2; c < schema.columns.size(); ++c) {
      if (random.chance(null_rate)) continue;
      if (is_string(schema.columns[c])) {
        row.values[c] = random_text(random, distinct);
      } else {
        row.values[c] = static_cast<int64_t>(random.next() >> (64 - bits)) - 3;
      }
    }
  }
  return rows;
}

Bytes build(const Schema& schema, const std::vector<Row>& rows, Compression compression) {
  BatchBuilder builder(schema);
  for (const Row& row : rows) REQUIRE(add_row(schema, row, builder).has_value());
  return builder.finish(compression);
}

std::vector<Row> three_rows() {
  return {
      {kNoon,
       "0123abcd-4567-89ef-0011-2233445566ff",
       {{2, "de"}, {3, int64_t{4}}, {4, "click"}, {5, int64_t{-1}}, {6, int64_t{999'999'999}}}},
      {kNoon + 1, "order 77", {{2, "fr"}, {5, INT64_MAX}}},
      {kNoon - 5, "x", {{2, "de"}, {3, int64_t{-4}}, {4, ""}, {5, INT64_MIN}}},
  };
}

// The hex digits of the example in the format's page: of each line of the block, what stands before the explanation.
std::string documented_example() {
  std::ifstream page("docs/formats/batch.md");
  std::string line, digits;
  bool inside = false;
  while (std::getline(page, line)) {
    if (line.starts_with("```")) {
      inside = !inside;
    } else if (inside) {
      for (char c : line.substr(0, line.find("   "))) {
        if (c != ' ') digits += c;
      }
    }
  }
  return digits;
}

std::string hex_of(const Schema& schema, const std::vector<Row>& rows) {
  return hex(build(schema, rows, Compression::kNone));
}

}  // namespace

TEST_CASE("rows come back as they were set") {
  Schema schema = small_schema();
  for (Compression compression : {Compression::kNone, Compression::kLz4}) {
    auto batch = decode(schema, build(schema, three_rows(), compression));
    REQUIRE(batch.has_value());
    check_same(rows_of(schema, **batch), three_rows());
    CHECK((*batch)->id_kinds[0] == IdKind::kUuid);
    CHECK((*batch)->id_kinds[1] == IdKind::kText);
    CHECK((*batch)->dimensions[0].local_values.size() == 2);
    CHECK((*batch)->dimensions[0].table_codes.size() == 3);
  }
}

TEST_CASE("random batches of every shape come back, compressed or not") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  Schema schema = small_schema();
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    auto rows = random_rows(schema, random, random.below(round < 5 ? 5 : 3'000));
    auto compression = random.chance(0.5) ? Compression::kLz4 : Compression::kNone;
    auto batch = decode(schema, build(schema, rows, compression));
    REQUIRE(batch.has_value());
    check_same(rows_of(schema, **batch), rows);
    size_t routed = 0;
    for (uint32_t shard = 0; shard < 2; ++shard) {
      for (uint32_t row : (*batch)->shard_rows[shard]) {
        REQUIRE(shard_of((*batch)->id_hashes[row], 2) == shard);
        ++routed;
      }
    }
    CHECK(routed == rows.size());
  }
}

TEST_CASE("a builder can be used again, and the estimate is never too low") {
  Schema schema = small_schema();
  BatchBuilder builder(schema);
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    auto rows = random_rows(schema, random, 500);
    for (const Row& row : rows) REQUIRE(add_row(schema, row, builder).has_value());
    CHECK(builder.rows() == 500);
    size_t estimate = builder.estimated_bytes();
    Bytes payload = builder.finish();
    CHECK(payload.size() <= estimate + kBatchHeaderBytes + 7 * kBatchEntryBytes);
    auto batch = decode(schema, std::move(payload));
    REQUIRE(batch.has_value());
    check_same(rows_of(schema, **batch), rows);
    CHECK(builder.rows() == 0);
  }
}

TEST_CASE("a row that breaks a rule is dropped, and the message names the column") {
  Schema schema = small_schema();
  BatchBuilder builder(schema);
  std::string long_text(limits::kStringBytesMax + 1, 'x');
  auto expect = [&](const char* message) {
    Status status = builder.end_row();
    REQUIRE_FALSE(status.has_value());
    CAPTURE(status.error().message);
    CHECK(status.error().code == Code::kInvalidArgument);
    CHECK(status.error().message.find(message) != std::string::npos);
  };
  builder.set_id("a");
  expect("column \"ts\": an event time is needed");
  builder.set_time(kNoon);
  expect("column \"id\": an id is needed");
  builder.set_time(kNoon);
  builder.set_id("");
  expect("column \"id\": an id cannot be empty");
  builder.set_time(kEventTimeUsMax + 1);
  builder.set_id("a");
  expect("column \"ts\": outside of the years");
  builder.set_time(kNoon);
  builder.set_id("a");
  builder.set_string(2, long_text);
  expect("column \"country\": longer than");
  builder.set_time(kNoon);
  builder.set_id("a");
  builder.set_int64(6, 1'000'000'000);
  expect("column \"cost\": 1000000000 has too many digits");

  REQUIRE(add_row(schema, three_rows()[0], builder).has_value());
  CHECK(builder.rows() == 1);
  builder.set_string(2, "dropped");
  builder.drop_row();
  auto batch = decode(schema, builder.finish());
  REQUIRE(batch.has_value());
  check_same(rows_of(schema, **batch), {three_rows()[0]});
}

TEST_CASE("a full batch refuses the row and keeps what it has") {
  Schema schema = small_schema();
  BatchBuilder builder(schema);
  for (uint32_t i = 0; i < limits::kBatchRowsMax; ++i) {
    REQUIRE(add_row(schema, {kNoon + i, std::to_string(i), {}}, builder).has_value());
  }
  CHECK(builder.full());
  CHECK(add_row(schema, three_rows()[0], builder).error().code == Code::kLimitExceeded);
  auto batch = decode(schema, builder.finish());
  REQUIRE(batch.has_value());
  CHECK((*batch)->rows == limits::kBatchRowsMax);

  std::string wide(limits::kStringBytesMax, 'w');
  uint32_t rows = 0;
  while (!builder.full()) {
    wide[0] = static_cast<char>(rows);
    REQUIRE(add_row(schema, {kNoon, "id" + std::to_string(rows++), {{2, wide}}}, builder).has_value());
  }
  CHECK(rows == 128);
  CHECK(decode(schema, builder.finish()).has_value());
}

TEST_CASE("the digest depends on values and columns, not on how they are encoded") {
  Schema schema = small_schema();
  Row row = three_rows()[0];
  auto digest_of = [&](const Row& of, size_t copies) {
    std::vector<Row> rows(copies, of);
    rows.push_back(three_rows()[2]);  // other values beside it change dictionaries and widths
    for (size_t i = 0; i < copies; ++i) rows.push_back({kNoon, std::to_string(i), {{4, "t" + std::to_string(i)}}});
    return (*decode(schema, build(schema, rows, Compression::kNone)))->digests[0];
  };
  uint32_t digest = digest_of(row, 1);
  CHECK(digest == digest_of(row, 3'000));
  Row later = row;
  later.time += 5;
  later.id = "another";
  CHECK(digest_of(later, 1) == digest);
  for (const auto& [column, value] : row.values) {
    Row changed = row;
    if (is_string(schema.columns[column])) {
      changed.values[column] = "?";
    } else {
      changed.values[column] = int64_t{12};
    }
    CHECK(digest_of(changed, 1) != digest);
    changed.values.erase(column);
    CHECK(digest_of(changed, 1) != digest);
  }
  Row swapped = row;
  std::swap(swapped.values[2], swapped.values[4]);
  CHECK(digest_of(swapped, 1) != digest);
}

TEST_CASE("an older payload decodes after columns were added and dropped") {
  Schema before = small_schema();
  Bytes payload = build(before, three_rows(), Compression::kNone);
  auto old_batch = decode(before, payload);
  REQUIRE(old_batch.has_value());

  Schema after = before;
  after.version = 2;
  after.columns.erase(after.columns.begin() + 2);  // country
  after.rollups[0].dimension_ids.erase(after.rollups[0].dimension_ids.begin());
  Column added;
  added.name = "region";
  added.role = ColumnRole::kDimension;
  after.columns.push_back(added);
  after = *complete_schema(after);

  auto batch = decode(after, payload);
  REQUIRE(batch.has_value());
  CHECK((*batch)->schema_version == 1);
  CHECK((*batch)->digests == (*old_batch)->digests);
  auto rows = rows_of(after, **batch);
  CHECK(rows[0].values[2] == Value(int64_t{4}));             // slot, one place to the left
  CHECK(is_null(rows[0].values[after.columns.size() - 1]));  // region

  CHECK_FALSE(decode(before, build(after, {}, Compression::kNone)).has_value());  // newer than the table
  after.columns.pop_back();
  auto refused = decode(after, build(*complete_schema(after), {}, Compression::kNone));
  CHECK(refused.has_value());
}

TEST_CASE("batch: worked example of docs/formats/batch.md") {
  Schema schema = small_schema();
  CHECK(hex_of(schema, three_rows()) == documented_example());
  auto batch = decode(schema, build(schema, three_rows(), Compression::kNone));
  REQUIRE(batch.has_value());
  CHECK((*batch)->digests == std::vector<uint32_t>{0xcfe65267, 0xed2984f1, 0xf9b7abc2});
}

TEST_CASE("a field of one long value repeated beyond all measure is refused") {
  auto repeated = [](uint32_t rows) {
    Bytes body;
    ByteWriter out(body);
    BatchHeader header{
        .flags = 0, .schema_version = 1, .rows = rows, .body_bytes = 0, .stored_bytes = 0, .columns = {}};
    auto end_column = [&](uint32_t id, ColumnEncoding encoding) {
      auto bytes = static_cast<uint32_t>(body.size()) - header.body_bytes;
      header.columns.push_back({.column_id = id, .encoding = encoding, .has_nulls = false, .bytes = bytes});
      header.body_bytes += bytes;
    };
    encode_ints(std::vector<int64_t>(rows), {}, out);
    end_column(1, ColumnEncoding::kInts);
    out.zeros(size_t{rows} * 16);
    end_column(2, ColumnEncoding::kUuids);
    const uint16_t length = 65'535;
    encode_string_dictionary({&length, 1}, Bytes(length), std::vector<uint32_t>(rows, 1), out);
    end_column(5, ColumnEncoding::kStringDictionary);
    header.stored_bytes = header.body_bytes;
    Bytes payload;
    ByteWriter writer(payload);
    encode_batch_header(header, writer);
    writer.bytes(body);
    return payload;
  };
  Schema schema = small_schema();
  CHECK(decode(schema, repeated(256)).has_value());
  auto refused = decode(schema, repeated(257));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("\"kind\"") != std::string::npos);
  CHECK(refused.error().message.find("repeated ones") != std::string::npos);
}

TEST_CASE("every truncation and every flipped bit gives an error or a batch that can be used") {
  Schema schema = small_schema();
  for (Compression compression : {Compression::kNone, Compression::kLz4}) {
    Bytes payload = build(schema, three_rows(), compression);
    uint64_t sum = xxh3(payload);
    for (size_t size = 0; size < payload.size(); ++size) {
      CHECK_FALSE(decode(schema, Bytes(payload.begin(), payload.begin() + size)).has_value());
    }
    for (size_t bit = 0; bit < payload.size() * 8; ++bit) {
      Bytes damaged = payload;
      damaged[bit / 8] = static_cast<uint8_t>(damaged[bit / 8] ^ (1u << (bit % 8)));
      CHECK_FALSE(decode_batch(schema, kHasher, 2, damaged, sum).has_value());
      auto batch = decode(schema, damaged);  // as a hostile sender would, with the right checksum
      if (!batch) {
        REQUIRE((batch.error().code == Code::kInvalidArgument || batch.error().code == Code::kUnsupported));
        continue;
      }
      auto rows = rows_of(schema, **batch);
      auto again = decode(schema, build(schema, rows, compression));
      REQUIRE(again.has_value());
      check_same(rows_of(schema, **again), rows);
    }
  }
}

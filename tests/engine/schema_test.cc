#include "engine/schema.h"

#include <doctest/doctest.h>

#include <functional>

#include "base/limits.h"
#include "tests/support/engine/sample_schemas.h"

using namespace tally;

namespace {

Bytes encoded(const Schema& schema) {
  Bytes bytes;
  ByteWriter out(bytes);
  encode_schema(schema, out);
  return bytes;
}
Column dimension(std::string name) {
  Column column;
  column.name = std::move(name);
  column.role = ColumnRole::kDimension;
  return column;
}

}  // namespace

TEST_CASE("complete_schema gives ids and the defaults of the manual") {
  Schema schema = ad_events_schema();
  CHECK(schema.raw_retention_us == 7 * kMicrosPerDay);
  CHECK(schema.grace_us == 5 * kMicrosPerMinute);
  CHECK(schema.find_column("country")->values_max == 1'000'000);
  CHECK(schema.find_measure("users")->unique_precision == 14);
  CHECK(schema.time_column() == 0);
  CHECK(schema.id_column() == 1);
  CHECK(schema.dimensions().size() == 9);
  CHECK(schema.fields().size() == 4);

  REQUIRE(schema.rollups.size() == 1);
  const Rollup& all = schema.rollups[0];
  CHECK(all.name == "all");
  CHECK(all.dimension_ids.size() == 9);
  CHECK(all.measure_ids.size() == 6);  // ctr is derived
  CHECK(all.retention_us[1] == 7 * kMicrosPerDay);
  CHECK(all.retention_us[2] == 90 * kMicrosPerDay);
  CHECK(all.retention_us[3] == 730 * kMicrosPerDay);
  CHECK(last_tier_retention_us(schema) == 730 * kMicrosPerDay);
  CHECK(schema.next_id == all.id + 1);
}

TEST_CASE("ids go on after the highest ever given") {
  Schema schema = small_schema();
  uint32_t next = schema.next_id;
  schema.columns.erase(schema.columns.begin() + 3);  // dropped: its id stays unused
  schema.rollups[0].dimension_ids.pop_back();
  schema.columns.push_back(dimension("region"));
  schema.columns.back().values_max = 10;
  auto changed = complete_schema(schema);
  REQUIRE(changed.has_value());
  CHECK(changed->columns.back().id == next);
  CHECK(changed->next_id == next + 1);
}

TEST_CASE("the window is the lateness of rows of no class") {
  Schema schema = ad_events_schema();
  CHECK(lateness_of(schema, 0) == 30 * kMicrosPerDay);
  CHECK(lateness_of(schema, 1) == 72 * kMicrosPerHour);
}

TEST_CASE("schemas that break a rule are refused with the reason") {
  struct Case {
    const char* message;
    std::function<void(Schema&)> spoil;
  };
  const Case cases[] = {
      {"exactly one TIMESTAMP", [](Schema& s) { s.columns.erase(s.columns.begin()); }},
      {"exactly one ID", [](Schema& s) { s.columns.erase(s.columns.begin() + 1); }},
      {"named twice", [](Schema& s) { s.columns[3].name = "country"; }},
      {"named twice", [](Schema& s) { s.measures[0].name = "country"; }},
      {"every table has", [](Schema& s) { s.columns[3].name = "late"; }},
      {"the engine's", [](Schema& s) { s.columns[3].name = "_lsn"; }},
      {"is empty", [](Schema& s) { s.columns[3].name = ""; }},
      {"longer than", [](Schema& s) { s.columns[3].name = std::string(129, 'x'); }},
      {"control character", [](Schema& s) { s.table_name = "a\nb"; }},
      {"LIMIT must be", [](Schema& s) { s.columns[2].values_max = 16'000'001; }},
      {"DECIMAL(p,s)", [](Schema& s) { s.columns[6].precision = 19; }},
      {"DECIMAL(p,s)", [](Schema& s) { s.columns[6].scale = 10; }},
      {"cannot be used", [](Schema& s) { s.columns[2].type = ColumnType::kDecimal; }},
      {"used twice", [](Schema& s) { s.columns[3].id = s.columns[2].id; }},
      {"not given", [](Schema& s) { s.columns[3].id = s.next_id; }},
      {"plus 5 minutes", [](Schema& s) { s.raw_retention_us = s.within_us; }},
      {"200 years", [](Schema& s) { s.grace_us = -1; }},
      {"numeric field",
       [](Schema& s) {
         s.measures[0].kind = AggregateKind::kSum;
         s.measures[0].column_id = s.columns[2].id;
       }},
      {"value of another type", [](Schema& s) { s.measures[0].condition->values[0] = std::string("x"); }},
      {"not possible on the id", [](Schema& s) { s.measures[0].condition->column_id = s.columns[1].id; }},
      {"does not have", [](Schema& s) { s.measures[0].condition->column_id = 999; }},
      {"no dimension", [](Schema& s) { s.rollups[0].dimension_ids.push_back(s.columns[4].id); }},
      {"twice", [](Schema& s) { s.rollups[0].dimension_ids.push_back(s.columns[2].id); }},
      {"no tier",
       [](Schema& s) {
         for (TimeUs& kept : s.rollups[0].retention_us) kept = 0;
       }},
      {"cannot be fed by minute",
       [](Schema& s) {
         s.rollups[0].retention_us[1] = kMicrosPerHour;
         s.rollups[0].retention_us[2] = 0;
       }},
      {"must be the last one",
       [](Schema& s) {
         s.lateness.resize(2);
         for (LatenessClass& entry : s.lateness) entry.lateness_us = kMicrosPerDay;
       }},
      {"derived from a column that the table does not have", [](Schema& s) { s.id_from = {999}; }},
      {"cannot be derived from itself", [](Schema& s) { s.id_from = {s.columns[1].id}; }},
      {"derived from \"country\" twice",
       [](Schema& s) { s.id_from = {s.columns[2].id, s.columns[0].id, s.columns[2].id}; }},
  };
  for (const Case& c : cases) {
    CAPTURE(c.message);
    Schema schema = small_schema();
    c.spoil(schema);
    Status status = validate_schema(schema);
    REQUIRE_FALSE(status.has_value());
    CAPTURE(status.error().message);
    CHECK(status.error().message.find(c.message) != std::string::npos);
  }
}

TEST_CASE("a table may have 256 columns and measures, and no more") {
  Schema schema = small_schema();
  while (schema.columns.size() + schema.measures.size() < limits::kColumnsMax) {
    schema.columns.push_back(dimension("d" + std::to_string(schema.columns.size())));
  }
  CHECK(complete_schema(schema).has_value());
  schema.columns.push_back(dimension("one_more"));
  CHECK(complete_schema(schema).error().code == Code::kLimitExceeded);
}

TEST_CASE("a schema reads back as it was written") {
  for (const Schema& schema : {ad_events_schema(), small_schema()}) {
    Bytes bytes = encoded(schema);
    ByteReader in(bytes);
    auto decoded = decode_schema(in);
    REQUIRE(decoded.has_value());
    CHECK(*decoded == schema);
    CHECK(in.at_end());
  }
}

TEST_CASE("every truncation and every flipped bit of a schema gives an error or a valid schema") {
  Bytes bytes = encoded(small_schema());
  for (size_t size = 0; size < bytes.size(); ++size) {
    ByteReader in(ByteSpan(bytes).first(size));
    CHECK_FALSE(decode_schema(in).has_value());
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes damaged = bytes;
    damaged[bit / 8] = static_cast<uint8_t>(damaged[bit / 8] ^ (1u << (bit % 8)));
    ByteReader in(damaged);
    auto decoded = decode_schema(in);
    if (decoded) CHECK(validate_schema(*decoded).has_value());
  }
}

#include "tests/support/engine/sample_schemas.h"

namespace tally {
namespace {

Column column(std::string name, ColumnRole role, ColumnType type, uint8_t precision = 0, uint8_t scale = 0) {
  Column made;
  made.name = std::move(name);
  made.role = role;
  made.type = type;
  made.precision = precision;
  made.scale = scale;
  return made;
}

void add_time_and_id(Schema& schema, std::string id_name) {
  schema.columns.push_back(column("ts", ColumnRole::kEventTime, ColumnType::kTimestamp));
  schema.columns.push_back(column(std::move(id_name), ColumnRole::kId, ColumnType::kId));
  schema.within_us = 72 * kMicrosPerHour;
}

void add_measure(Schema& schema, std::string name, AggregateKind kind, std::string_view of = {}) {
  Measure measure;
  measure.name = std::move(name);
  measure.kind = kind;
  if (!of.empty()) measure.column_id = schema.find_column(of)->id;
  schema.measures.push_back(std::move(measure));
}

void add_count(Schema& schema, std::string name, std::string_view of, Value value) {
  add_measure(schema, std::move(name), AggregateKind::kCount);
  schema.measures.back().condition = column_equals(schema, of, std::move(value));
}

}  // namespace

Condition column_equals(const Schema& schema, std::string_view column, Value value) {
  Condition condition;
  condition.op = Condition::Op::kEq;
  condition.column_id = schema.find_column(column)->id;
  condition.values.push_back(std::move(value));
  return condition;
}

Schema ad_events_schema() {
  Schema schema;
  schema.table_name = "ad_events";
  add_time_and_id(schema, "event_id");
  schema.columns.push_back(column("event_type", ColumnRole::kField, ColumnType::kString));
  for (const char* name : {"advertiser_id", "campaign_id", "ad_group_id", "creative_id", "publisher_id", "country",
                           "region", "device_type", "os"}) {
    schema.columns.push_back(column(name, ColumnRole::kDimension, ColumnType::kString));
  }
  schema.columns.push_back(column("user_id", ColumnRole::kField, ColumnType::kString));
  schema.columns.push_back(column("cost", ColumnRole::kField, ColumnType::kDecimal, 18, 6));
  schema.columns.push_back(column("revenue", ColumnRole::kField, ColumnType::kDecimal, 18, 6));
  assign_ids(schema);
  add_count(schema, "impressions", "event_type", std::string("impression"));
  add_count(schema, "clicks", "event_type", std::string("click"));
  add_count(schema, "conversions", "event_type", std::string("conversion"));
  add_measure(schema, "spend", AggregateKind::kSum, "cost");
  add_measure(schema, "income", AggregateKind::kSum, "revenue");
  add_measure(schema, "users", AggregateKind::kUnique, "user_id");
  add_measure(schema, "ctr", AggregateKind::kDerived);
  schema.measures.back().expression = "clicks / impressions";
  schema.lateness.push_back({.lateness_us = 30 * kMicrosPerDay,
                             .condition = column_equals(schema, "event_type", std::string("conversion")),
                             .condition_text = "event_type = 'conversion'"});
  return complete_schema(std::move(schema)).value();
}

Schema small_schema() {
  Schema schema;
  schema.table_name = "small";
  add_time_and_id(schema, "id");
  schema.columns.push_back(column("country", ColumnRole::kDimension, ColumnType::kString));
  schema.columns.push_back(column("slot", ColumnRole::kDimension, ColumnType::kInt64));
  schema.columns.push_back(column("kind", ColumnRole::kField, ColumnType::kString));
  schema.columns.push_back(column("amount", ColumnRole::kField, ColumnType::kInt64));
  schema.columns.push_back(column("cost", ColumnRole::kField, ColumnType::kDecimal, 9, 2));
  assign_ids(schema);
  add_count(schema, "free", "cost", int64_t{0});
  return complete_schema(std::move(schema)).value();
}

}  // namespace tally

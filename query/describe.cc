#include "query/describe.h"

#include "base/interval.h"
#include "query/datum.h"

namespace tally {
namespace {

Cell text_cell(std::string text) { return to_cell(Datum::of_text(std::move(text))); }

void add_columns(QueryResult& result, std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) result.columns.push_back({std::string(name), SqlType::kString, 0});
}

std::string_view role_name(ColumnRole role) {
  switch (role) {
    case ColumnRole::kEventTime: return "event time";
    case ColumnRole::kId: return "id";
    case ColumnRole::kDimension: return "dimension";
    case ColumnRole::kField: return "field";
  }
  return "";
}

std::string column_type(const Column& column) {
  switch (column.type) {
    case ColumnType::kTimestamp: return "TIMESTAMP";
    case ColumnType::kId: return "ID";
    case ColumnType::kString: return "STRING";
    case ColumnType::kInt64: return "INT64";
    case ColumnType::kDecimal:
      return "DECIMAL(" + std::to_string(column.precision) + "," + std::to_string(column.scale) + ")";
  }
  return "";
}

std::string column_details(const Schema& schema, const Column& column) {
  if (column.role == ColumnRole::kDimension) return "at most " + std::to_string(column.values_max) + " values";
  if (column.role != ColumnRole::kId) return "";
  std::string details = "unique within " + format_duration(schema.within_us);
  std::string separator = ", from ";
  for (uint32_t id : schema.id_from) {
    const Column* source = schema.find_column(id);
    details += separator + (source != nullptr ? source->name : "?");
    separator = ", ";
  }
  return details;
}

std::string measure_details(const Schema& schema, const Measure& measure) {
  const Column* column = schema.find_column(measure.column_id);
  std::string argument = column != nullptr ? "(" + column->name + ")" : "";
  std::string text;
  switch (measure.kind) {
    case AggregateKind::kCount: text = "COUNT"; break;
    case AggregateKind::kSum: text = "SUM" + argument; break;
    case AggregateKind::kMin: text = "MIN" + argument; break;
    case AggregateKind::kMax: text = "MAX" + argument; break;
    case AggregateKind::kUnique:
      text = "UNIQUE" + argument + " PRECISION " + std::to_string(measure.unique_precision);
      break;
    case AggregateKind::kDerived: return measure.expression;
  }
  return measure.condition ? text + " WHERE " + measure.condition_text : text;
}

std::string names_of(const Schema& schema, const std::vector<uint32_t>& ids) {
  std::string text;
  for (uint32_t id : ids) {
    const Column* column = schema.find_column(id);
    text += (text.empty() ? "" : ", ") + (column != nullptr ? column->name : std::string("?"));
  }
  return text;
}

std::string rollup_details(const Schema& schema, const Rollup& rollup) {
  constexpr std::string_view kTiers[] = {"raw", "minute", "hour", "day"};
  std::string text = "(" + names_of(schema, rollup.dimension_ids) + ")";
  for (size_t tier = 1; tier < 4; ++tier) {
    if (rollup.retention_us[tier] == 0) continue;
    text += " " + std::string(kTiers[tier]) + " " + format_duration(rollup.retention_us[tier]);
  }
  return text;
}

std::string lateness_details(const LatenessClass& entry) {
  const std::string text = format_duration(entry.lateness_us);
  return entry.condition ? text + " WHERE " + entry.condition_text : text;
}

}  // namespace

QueryResult describe_table(const Schema& schema) {
  QueryResult result;
  add_columns(result, {"name", "kind", "type", "details"});
  auto row = [&](const std::string& name, std::string_view kind, std::string type, std::string details) {
    result.rows.push_back(
        {text_cell(name), text_cell(std::string(kind)), text_cell(std::move(type)), text_cell(std::move(details))});
  };
  for (const Column& column : schema.columns) {
    row(column.name, role_name(column.role), column_type(column), column_details(schema, column));
  }
  for (const Measure& measure : schema.measures) {
    bool derived = measure.kind == AggregateKind::kDerived;
    row(measure.name, derived ? "derived measure" : "measure", "", measure_details(schema, measure));
  }
  for (const Rollup& rollup : schema.rollups) row(rollup.name, "rollup", "", rollup_details(schema, rollup));
  row("raw", "retention", "", format_duration(schema.raw_retention_us));
  for (const LatenessClass& entry : schema.lateness) row("lateness", "rule", "", lateness_details(entry));
  if (schema.lateness.empty() || schema.lateness.back().condition) {
    row("lateness", "rule", "", format_duration(schema.within_us));  // of rows that no class takes
  }
  row("grace", "rule", "", format_duration(schema.grace_us));
  return result;
}

QueryResult show_tables(const Catalog& catalog) {
  QueryResult result;
  add_columns(result, {"table"});
  for (std::string& name : catalog.table_names()) result.rows.push_back({text_cell(std::move(name))});
  return result;
}

}  // namespace tally

#include "query/alter_table.h"

#include <algorithm>

#include "query/create_table.h"
#include "query/find_table.h"

namespace tally {
namespace {

using Action = AlterTableStatement::Action;
using Part = AlterTableStatement::Part;

std::unexpected<SqlError> not_yet(const AlterTableStatement& statement, std::string_view what) {
  return sql_fail(statement.action_offset, "ALTER TABLE ... " + std::string(what) + " is not supported yet", {},
                  Code::kUnsupported);
}

std::string part_name(Part part) {
  switch (part) {
    case Part::kDimension: return "DIMENSION";
    case Part::kField: return "FIELD";
    case Part::kMeasure: return "MEASURE";
    case Part::kRollup: return "ROLLUP";
  }
  return "";
}

std::vector<std::string> rollup_names(const Schema& schema) {
  std::vector<std::string> names;
  for (const Rollup& rollup : schema.rollups) names.push_back(rollup.name);
  return names;
}

std::vector<std::string> part_names(const Schema& schema, Part part) {
  if (part == Part::kRollup) return rollup_names(schema);
  std::vector<std::string> names;
  if (part == Part::kMeasure) {
    for (const Measure& measure : schema.measures) names.push_back(measure.name);
    return names;
  }
  const ColumnRole role = part == Part::kDimension ? ColumnRole::kDimension : ColumnRole::kField;
  for (const Column& column : schema.columns) {
    if (column.role == role) names.push_back(column.name);
  }
  return names;
}

Sql<void> must_exist(const std::string& name, uint32_t offset, const Schema& schema, Part part) {
  const std::vector<std::string> names = part_names(schema, part);
  if (std::find(names.begin(), names.end(), name) != names.end()) return {};
  return sql_fail(offset, "unknown " + lower_case(part_name(part)) + " " + quoted(name), did_you_mean(name, names),
                  Code::kNotFound);
}

Sql<QueryResult> add(const AlterTableStatement& statement, const Schema& schema) {
  const std::string& name = statement.column ? statement.column->name : statement.rollup->name;
  const uint32_t offset = statement.column ? statement.column->offset : statement.rollup->offset;
  const std::vector<std::string> rollups = rollup_names(schema);
  const bool taken = statement.part == Part::kRollup
                         ? std::find(rollups.begin(), rollups.end(), name) != rollups.end()
                         : schema.find_column(name) != nullptr || schema.find_measure(name) != nullptr;
  if (taken) {
    return sql_fail(offset, "table " + quoted(schema.table_name) + " has a " + quoted(name) + " already", {},
                    Code::kAlreadyExists);
  }
  return not_yet(statement, "ADD " + part_name(statement.part));
}

Sql<QueryResult> set_retention(const AlterTableStatement& statement, const Schema& schema) {
  if (!statement.rollup) {
    SQL_TRY(build_duration(statement.interval.first, statement.interval.second));
    return not_yet(statement, "SET RETENTION");
  }
  SQL_TRY(must_exist(statement.rollup->name, statement.rollup->offset, schema, Part::kRollup));
  for (const RollupDefinition::Retention& retention : statement.rollup->retention) {
    SQL_TRY(build_duration(retention.interval, retention.interval_offset));
  }
  return not_yet(statement, "SET RETENTION");
}

Sql<QueryResult> set_lateness(const AlterTableStatement& statement, const Schema& schema, Catalog& catalog) {
  Schema next = schema;
  next.version = schema.version + 1;
  SQL_ASSIGN(next.lateness, build_lateness(statement.lateness, schema));
  if (Status changed = catalog.alter_table(std::move(next)); !changed) {
    return sql_fail(statement.action_offset, changed.error().message, {}, changed.error().code);
  }
  QueryResult result;
  result.message = "ALTER TABLE";
  return result;
}

}  // namespace

Sql<QueryResult> alter_table(const AlterTableStatement& statement, Catalog& catalog) {
  SQL_ASSIGN(auto snapshot, snapshot_of(statement.table, statement.offset, catalog));
  const Schema& schema = snapshot->schema();
  switch (statement.action) {
    case Action::kAdd: return add(statement, schema);
    case Action::kDrop:
      SQL_TRY(must_exist(statement.dropped.first, statement.dropped.second, schema, statement.part));
      return not_yet(statement, "DROP " + part_name(statement.part));
    case Action::kSetRetention: return set_retention(statement, schema);
    case Action::kSetLateness: return set_lateness(statement, schema, catalog);
    case Action::kSetGrace:
      SQL_TRY(build_duration(statement.interval.first, statement.interval.second));
      return not_yet(statement, "SET GRACE");
    case Action::kSetDurability: return not_yet(statement, "SET DURABILITY");
  }
  return not_yet(statement, "this");
}

Sql<QueryResult> drop_table(const DropTableStatement& statement, Catalog& catalog) {
  const std::vector<std::string> names = catalog.table_names();
  if (std::find(names.begin(), names.end(), statement.table) == names.end()) {
    if (statement.if_exists) {
      QueryResult result;
      result.message = "DROP TABLE";
      return result;
    }
    SQL_TRY(snapshot_of(statement.table, statement.offset, catalog));
  }
  return sql_fail(statement.offset, "DROP TABLE is not supported yet", {}, Code::kUnsupported);
}

}  // namespace tally

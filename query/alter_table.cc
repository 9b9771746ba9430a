#include "query/alter_table.h"

#include <algorithm>

#include "engine/retention_preview.h"
#include "engine/schema_change.h"
#include "query/create_table.h"
#include "query/find_table.h"
#include "query/parser.h"

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

// Whether an expression has this name in it.
bool names(const Expr& expr, const std::string& name) {
  if (expr.kind == ExprKind::kName && expr.text == name) return true;
  return std::any_of(expr.args.begin(), expr.args.end(), [&](const ExprPtr& arg) { return names(*arg, name); });
}

Sql<void> must_exist(const std::string& name, uint32_t offset, const Schema& schema, Part part) {
  const std::vector<std::string> names = part_names(schema, part);
  if (std::find(names.begin(), names.end(), name) != names.end()) return {};
  return sql_fail(offset, "unknown " + lower_case(part_name(part)) + " " + quoted(name), did_you_mean(name, names),
                  Code::kNotFound);
}

// The engine's reason, at `offset`.
template <class T>
Sql<T> at(uint32_t offset, Result<T> result) {
  if (result) return *std::move(result);
  return sql_fail(offset, result.error().message, {}, result.error().code);
}

Sql<QueryResult> change(const AlterTableStatement& statement, Schema next, Catalog& catalog) {
  if (Status changed = catalog.alter_table(std::move(next)); !changed) {
    return sql_fail(statement.action_offset, changed.error().message, {}, changed.error().code);
  }
  QueryResult result;
  result.message = "ALTER TABLE";
  return result;
}

Schema next_version(const Schema& schema) {
  Schema next = schema;
  ++next.version;
  return next;
}

// --- ADD -------------------------------------------------------------------------------------------------------------

Sql<void> check_new_name(const AlterTableStatement& statement, const Schema& schema) {
  const std::string& name = statement.column ? statement.column->name : statement.rollup->name;
  const uint32_t offset = statement.column ? statement.column->offset : statement.rollup->offset;
  const std::vector<std::string> rollups = rollup_names(schema);
  const bool taken = statement.part == Part::kRollup
                         ? std::find(rollups.begin(), rollups.end(), name) != rollups.end()
                         : schema.find_column(name) != nullptr || schema.find_measure(name) != nullptr;
  if (!taken) return {};
  return sql_fail(offset, "table " + quoted(schema.table_name) + " has a " + quoted(name) + " already", {},
                  Code::kAlreadyExists);
}

Sql<QueryResult> add(const AlterTableStatement& statement, const Schema& schema, Catalog& catalog) {
  SQL_TRY(check_new_name(statement, schema));
  if (statement.part == Part::kRollup) {
    SQL_ASSIGN(Rollup rollup, build_rollup(*statement.rollup, schema));
    SQL_ASSIGN(Schema next, at(statement.rollup->offset, with_rollup(schema, std::move(rollup))));
    return change(statement, std::move(next), catalog);
  }
  const ColumnDefinition& column = *statement.column;
  if (statement.part == Part::kMeasure) {
    SQL_ASSIGN(Measure measure, build_measure(column, schema));
    SQL_ASSIGN(Schema next, at(column.offset, with_measure(schema, std::move(measure))));
    return change(statement, std::move(next), catalog);
  }
  SQL_ASSIGN(Column built, build_column(column));
  SQL_ASSIGN(Schema next, at(column.offset, with_column(schema, std::move(built))));
  return change(statement, std::move(next), catalog);
}

// --- DROP ------------------------------------------------------------------------------------------------------------

// Only this folder reads what derived measures are made of.
Sql<void> check_no_derived_needs(const Schema& schema, const std::string& name, uint32_t offset) {
  for (const Measure& measure : schema.measures) {
    if (measure.kind != AggregateKind::kDerived || measure.name == name) continue;
    auto expression = parse_expression(measure.expression);
    if (!expression || !names(**expression, name)) continue;
    return sql_fail(
        offset, "measure " + quoted(name) + " cannot be dropped: measure " + quoted(measure.name) + " is made of it");
  }
  return {};
}

Sql<QueryResult> drop(const AlterTableStatement& statement, const Schema& schema, Catalog& catalog) {
  const auto& [name, offset] = statement.dropped;
  SQL_TRY(must_exist(name, offset, schema, statement.part));
  if (statement.part == Part::kRollup) {
    SQL_ASSIGN(Schema next, at(offset, without_rollup(schema, name)));
    return change(statement, std::move(next), catalog);
  }
  const bool measure = statement.part == Part::kMeasure;
  if (measure) SQL_TRY(check_no_derived_needs(schema, name, offset));
  SQL_ASSIGN(Schema next, at(offset, measure ? without_measure(schema, name) : without_column(schema, name)));
  return change(statement, std::move(next), catalog);
}

// --- SET -------------------------------------------------------------------------------------------------------------

// What the next pass of retention would drop, and nothing is changed.
Sql<QueryResult> dry_run(const AlterTableStatement& statement, const Schema& next, Catalog& catalog) {
  SQL_ASSIGN(auto snapshot, snapshot_of(statement.table, statement.offset, catalog));
  for (const Status& allowed : {validate_schema(next), check_change(snapshot->schema(), next)}) {
    if (!allowed) return sql_fail(statement.action_offset, allowed.error().message, {}, allowed.error().code);
  }
  QueryResult result;
  result.columns = {{"rollup", SqlType::kString}, {"tier", SqlType::kString}, {"day", SqlType::kTimestamp},
                    {"files", SqlType::kInt64},   {"rows", SqlType::kInt64},  {"events", SqlType::kInt64},
                    {"bytes", SqlType::kInt64},   {"held", SqlType::kBool}};
  auto cell = [](Cell::Kind kind, auto fill) {
    Cell made;
    made.kind = kind;
    fill(made);
    return made;
  };
  auto text = [&](std::string_view value) { return cell(Cell::Kind::kString, [&](Cell& made) { made.text = value; }); };
  auto count = [&](uint64_t value) { return cell(Cell::Kind::kNumber, [&](Cell& made) { made.number = value; }); };
  for (const RetentionLine& line : preview_retention(snapshot->manifest(), next, catalog.now())) {
    const Rollup* rollup = next.find_rollup(line.rollup_id);
    const TimeUs day_us = TimeUs{line.day} * kMicrosPerDay;
    result.rows.push_back({rollup == nullptr ? Cell() : text(rollup->name), text(tier_name(line.tier)),
                           cell(Cell::Kind::kTimestamp, [&](Cell& made) { made.timestamp = day_us; }),
                           count(line.files), count(line.rows), count(line.events), count(line.bytes),
                           cell(Cell::Kind::kBool, [&](Cell& made) { made.boolean = line.held; })});
  }
  return result;
}

Sql<QueryResult> set_retention(const AlterTableStatement& statement, const Schema& schema, Catalog& catalog) {
  Schema next = next_version(schema);
  if (statement.rollup) {
    SQL_TRY(must_exist(statement.rollup->name, statement.rollup->offset, schema, Part::kRollup));
    auto rollup = std::find_if(next.rollups.begin(), next.rollups.end(),
                               [&](const Rollup& known) { return known.name == statement.rollup->name; });
    SQL_TRY(build_tiers(*statement.rollup, *rollup));
  } else {
    SQL_ASSIGN(next.raw_retention_us, build_duration(statement.interval.first, statement.interval.second));
  }
  return statement.dry_run ? dry_run(statement, next, catalog) : change(statement, std::move(next), catalog);
}

Sql<QueryResult> set_lateness(const AlterTableStatement& statement, const Schema& schema, Catalog& catalog) {
  Schema next = next_version(schema);
  SQL_ASSIGN(next.lateness, build_lateness(statement.lateness, schema));
  return change(statement, std::move(next), catalog);
}

Sql<QueryResult> set_grace(const AlterTableStatement& statement, const Schema& schema, Catalog& catalog) {
  Schema next = next_version(schema);
  SQL_ASSIGN(next.grace_us, build_duration(statement.interval.first, statement.interval.second));
  return change(statement, std::move(next), catalog);
}

}  // namespace

Sql<QueryResult> alter_table(const AlterTableStatement& statement, Catalog& catalog) {
  SQL_ASSIGN(auto snapshot, snapshot_of(statement.table, statement.offset, catalog));
  const Schema& schema = snapshot->schema();
  switch (statement.action) {
    case Action::kAdd: return add(statement, schema, catalog);
    case Action::kDrop: return drop(statement, schema, catalog);
    case Action::kSetRetention: return set_retention(statement, schema, catalog);
    case Action::kSetLateness: return set_lateness(statement, schema, catalog);
    case Action::kSetGrace: return set_grace(statement, schema, catalog);
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

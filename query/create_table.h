// CREATE TABLE to the engine's Schema: names become ids, intervals microseconds, conditions engine conditions. What needs
// the text is checked here, with positions; the rest of the rules are the engine's (validate_schema).
#pragma once

#include "engine/schema.h"
#include "query/ast.h"
#include "query/sql_error.h"

namespace tally {

Sql<Schema> build_schema(const CreateTableStatement& statement);

// What CREATE TABLE and ALTER TABLE ... ADD declare, over the columns and measures of `schema`, without an id.
Sql<Column> build_column(const ColumnDefinition& from);  // a dimension or a field
Sql<Measure> build_measure(const ColumnDefinition& from, const Schema& schema);
Sql<Rollup> build_rollup(const RollupDefinition& from, const Schema& schema);
// Sets how long the tiers are kept that `from` names; others stay as they are.
Sql<void> build_tiers(const RollupDefinition& from, Rollup& rollup);

// The lateness classes of CREATE TABLE and of ALTER TABLE ... SET LATENESS, over the columns of `schema`.
Sql<std::vector<LatenessClass>> build_lateness(const std::vector<LatenessDefinition>& classes, const Schema& schema);

// '7 days' as microseconds: an interval of a fixed length, above 0.
Sql<TimeUs> build_duration(const std::string& text, uint32_t offset);

}  // namespace tally

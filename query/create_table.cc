#include "query/create_table.h"

#include <algorithm>
#include <set>

#include "base/interval.h"
#include "base/limits.h"
#include "query/binder.h"
#include "query/condition_builder.h"

namespace tally {
namespace {

using Kind = ColumnDefinition::Kind;

Sql<void> check_free_name(const ColumnDefinition& column) {
  const bool reserved =
      column.name.starts_with("_") ||
      std::find(std::begin(kEngineMeasures), std::end(kEngineMeasures), column.name) != std::end(kEngineMeasures);
  if (!reserved) return {};
  return sql_fail(column.offset, quoted(column.name) + " is a name that the engine keeps for itself",
                  "; so are events, duplicates, conflicts, late, retracted and names that begin with _");
}

Sql<void> check_type(const ColumnDefinition& column) {
  if (column.kind != Kind::kDimension || column.type != ColumnDefinition::Type::kDecimal) return {};
  return sql_fail(column.offset, "a dimension is STRING or INT64, and " + quoted(column.name) + " is DECIMAL");
}

Column column_of(const ColumnDefinition& from) {
  Column column;
  column.name = from.name;
  column.precision = static_cast<uint8_t>(from.precision);
  column.scale = static_cast<uint8_t>(from.scale);
  switch (from.type) {
    case ColumnDefinition::Type::kString: column.type = ColumnType::kString; break;
    case ColumnDefinition::Type::kInt64: column.type = ColumnType::kInt64; break;
    case ColumnDefinition::Type::kDecimal: column.type = ColumnType::kDecimal; break;
  }
  switch (from.kind) {
    case Kind::kEventTime:
      column.role = ColumnRole::kEventTime;
      column.type = ColumnType::kTimestamp;
      break;
    case Kind::kId:
      column.role = ColumnRole::kId;
      column.type = ColumnType::kId;
      break;
    case Kind::kDimension:
      column.role = ColumnRole::kDimension;
      column.values_max = limits::kDimensionValuesDefault;
      if (from.values_max) column.values_max = static_cast<uint32_t>(std::min<uint64_t>(*from.values_max, UINT32_MAX));
      break;
    default: column.role = ColumnRole::kField;
  }
  return column;
}

Sql<const Column*> find_column(const Schema& schema, const std::string& name, uint32_t offset, std::string_view noun) {
  if (const Column* found = schema.find_column(name)) return found;
  std::vector<std::string> names;
  for (const Column& column : schema.columns) names.push_back(column.name);
  return sql_fail(offset, "unknown " + std::string(noun) + " " + quoted(name), did_you_mean(name, names));
}

Sql<void> set_argument(const ColumnDefinition& from, const Schema& schema, Measure& measure) {
  const auto& [name, offset] = from.argument;
  SQL_ASSIGN(const Column* column, find_column(schema, name, offset, "column"));
  bool unique = measure.kind == AggregateKind::kUnique;
  bool field = column->role == ColumnRole::kField, dimension = column->role == ColumnRole::kDimension;
  bool numeric = column->type == ColumnType::kInt64 || column->type == ColumnType::kDecimal;
  if (unique && !field && !dimension) return sql_fail(offset, "UNIQUE counts the values of a field or dimension");
  if (!unique && !field) return sql_fail(offset, "SUM, MIN and MAX take a field, and " + quoted(name) + " is none");
  if (!unique && !numeric)
    return sql_fail(offset, "SUM, MIN and MAX take a number, and " + quoted(name) + " is STRING");
  measure.column_id = column->id;
  return {};
}

// Without its id, over the columns of `schema`.
Sql<Measure> measure_of(const ColumnDefinition& from, const Schema& schema) {
  Measure measure;
  measure.name = from.name;
  if (from.kind == Kind::kDerived) {
    measure.kind = AggregateKind::kDerived;
    measure.expression = from.expression_text;
    return measure;
  }
  using Aggregate = ColumnDefinition::Aggregate;
  switch (from.aggregate) {
    case Aggregate::kCount: measure.kind = AggregateKind::kCount; break;
    case Aggregate::kSum: measure.kind = AggregateKind::kSum; break;
    case Aggregate::kMin: measure.kind = AggregateKind::kMin; break;
    case Aggregate::kMax: measure.kind = AggregateKind::kMax; break;
    case Aggregate::kUnique: measure.kind = AggregateKind::kUnique; break;
  }
  if (from.aggregate != Aggregate::kCount) SQL_TRY(set_argument(from, schema, measure));
  if (from.unique_precision) {
    if (*from.unique_precision < 10 || *from.unique_precision > 16) {
      return sql_fail(from.unique_precision_offset, "PRECISION is from 10 to 16");
    }
    measure.unique_precision = static_cast<uint8_t>(*from.unique_precision);
  }
  if (from.expression != nullptr) {
    SQL_ASSIGN(measure.condition, build_condition(*from.expression, schema));
    measure.condition_text = from.expression_text;
  }
  return measure;
}

Sql<void> add_rollup_measures(const RollupDefinition& from, const Schema& schema, Rollup& rollup) {
  for (const auto& [name, offset] : from.measures) {
    const Measure* measure = schema.find_measure(name);
    if (measure == nullptr) {
      std::vector<std::string> names;
      for (const Measure& known : schema.measures) names.push_back(known.name);
      return sql_fail(offset, "unknown measure " + quoted(name), did_you_mean(name, names));
    }
    if (measure->kind == AggregateKind::kDerived) {
      return sql_fail(offset, quoted(name) + " is derived and always there where its parts are", "; list those");
    }
    rollup.measure_ids.push_back(measure->id);
  }
  if (!from.measures.empty()) return {};
  rollup.every_measure = true;
  for (const Measure& measure : schema.measures) {
    if (measure.kind != AggregateKind::kDerived) rollup.measure_ids.push_back(measure.id);
  }
  return {};
}

class SchemaBuilder {
 public:
  explicit SchemaBuilder(const CreateTableStatement& statement) : statement_(statement) {}

  Sql<Schema> build() {
    if (statement_.name == kSystemSchema) {
      return sql_fail(statement_.offset, "no table can be called " + quoted(kSystemSchema),
                      "; it stands before the names of the tables that Tally shows of itself, as in system.tables");
    }
    schema_.table_name = statement_.name;
    SQL_TRY(add_columns());
    SQL_TRY(add_measures());
    SQL_TRY(add_options());
    for (const RollupDefinition& definition : statement_.rollups) {
      SQL_ASSIGN(Rollup rollup, build_rollup(definition, schema_));
      rollup.id = next_id_++;
      schema_.rollups.push_back(std::move(rollup));
    }
    schema_.next_id = next_id_;
    return std::move(schema_);
  }

 private:
  static bool is_measure(const ColumnDefinition& column) {
    return column.kind == Kind::kMeasure || column.kind == Kind::kDerived;
  }

  Sql<void> add_columns() {
    std::set<std::string> names;
    unsigned times = 0, ids = 0;
    for (const ColumnDefinition& column : statement_.columns) {
      if (!names.insert(column.name).second) return sql_fail(column.offset, quoted(column.name) + " is there twice");
      SQL_TRY(check_free_name(column));
      if (column.kind == Kind::kEventTime && ++times > 1)
        return sql_fail(column.offset, "a table has one event time, and this is the second");
      if (column.kind == Kind::kId && ++ids > 1)
        return sql_fail(column.offset, "a table has one id, and this is the second");
      if (is_measure(column)) continue;
      schema_.columns.push_back(column_of(column));
      schema_.columns.back().id = next_id_++;
    }
    if (times == 0)
      return sql_fail(statement_.offset, "a table needs an event time", "; add a column like: ts TIMESTAMP EVENT TIME");
    if (ids == 0) {
      return sql_fail(statement_.offset, "a table needs an id, so that no event counts twice",
                      "; add a column like: event_id ID UNIQUE WITHIN '72 hours'");
    }
    return add_id();
  }

  Sql<void> add_id() {
    for (const ColumnDefinition& column : statement_.columns) {
      SQL_TRY(check_type(column));
      if (column.kind != Kind::kId) continue;
      SQL_ASSIGN(schema_.within_us, build_duration(column.within, column.within_offset));
      for (const auto& [name, offset] : column.id_from) {
        SQL_ASSIGN(const Column* source, find_column(schema_, name, offset, "column"));
        if (source->role == ColumnRole::kId) return sql_fail(offset, "the id cannot be derived from itself");
        schema_.id_from.push_back(source->id);
      }
    }
    return {};
  }

  Sql<void> add_measures() {
    for (const ColumnDefinition& column : statement_.columns) {
      if (!is_measure(column)) continue;
      SQL_ASSIGN(Measure measure, measure_of(column, schema_));
      measure.id = next_id_++;
      schema_.measures.push_back(std::move(measure));
    }
    // Derived measures may name any other measure, whatever the order.
    for (const ColumnDefinition& column : statement_.columns) {
      if (column.kind == Kind::kDerived) SQL_TRY(check_derived_measure(schema_, *column.expression));
    }
    return {};
  }

  Sql<void> add_options() {
    if (statement_.raw_retention) {
      SQL_ASSIGN(schema_.raw_retention_us,
                 build_duration(statement_.raw_retention->first, statement_.raw_retention->second));
    }
    if (statement_.grace) {
      SQL_ASSIGN(schema_.grace_us, build_duration(statement_.grace->first, statement_.grace->second));
    }
    if (statement_.fsync) schema_.durability = *statement_.fsync ? Durability::kFsync : Durability::kInterval;
    SQL_ASSIGN(schema_.lateness, build_lateness(statement_.lateness, schema_));
    return {};
  }

  const CreateTableStatement& statement_;
  Schema schema_;
  uint32_t next_id_ = 1;
};

}  // namespace

Sql<Column> build_column(const ColumnDefinition& from) {
  SQL_TRY(check_free_name(from));
  SQL_TRY(check_type(from));
  return column_of(from);
}

Sql<Measure> build_measure(const ColumnDefinition& from, const Schema& schema) {
  SQL_TRY(check_free_name(from));
  SQL_ASSIGN(Measure measure, measure_of(from, schema));
  if (from.kind == Kind::kDerived) SQL_TRY(check_derived_measure(schema, *from.expression));
  return measure;
}

Sql<void> build_tiers(const RollupDefinition& from, Rollup& rollup) {
  TimeUs kept[4] = {0, 0, 0, 0};
  for (const RollupDefinition::Retention& retention : from.retention) {
    Tier tier = retention.tier == "minute" ? Tier::kMinute : retention.tier == "hour" ? Tier::kHour : Tier::kDay;
    TimeUs& target = kept[static_cast<size_t>(tier)];
    if (target != 0) return sql_fail(retention.offset, "the tier " + retention.tier + " is there twice");
    SQL_ASSIGN(target, build_duration(retention.interval, retention.interval_offset));
  }
  for (size_t tier = 1; tier < 4; ++tier) {
    if (kept[tier] != 0) rollup.retention_us[tier] = kept[tier];
  }
  return {};
}

Sql<Rollup> build_rollup(const RollupDefinition& from, const Schema& schema) {
  Rollup rollup;
  rollup.name = from.name;
  for (const auto& [name, offset] : from.dimensions) {
    SQL_ASSIGN(const Column* column, find_column(schema, name, offset, "dimension"));
    if (column->role != ColumnRole::kDimension) return sql_fail(offset, quoted(name) + " is no dimension");
    rollup.dimension_ids.push_back(column->id);
  }
  SQL_TRY(add_rollup_measures(from, schema, rollup));
  SQL_TRY(build_tiers(from, rollup));
  return rollup;
}

Sql<TimeUs> build_duration(const std::string& text, uint32_t offset) {
  auto parsed = parse_duration(text);
  if (!parsed) return sql_fail(offset, parsed.error().message);
  if (*parsed <= 0) return sql_fail(offset, "'" + printable(text) + "' is no length of time");
  return *parsed;
}

Sql<std::vector<LatenessClass>> build_lateness(const std::vector<LatenessDefinition>& classes, const Schema& schema) {
  std::vector<LatenessClass> result;
  for (const LatenessDefinition& from : classes) {
    LatenessClass lateness;
    SQL_ASSIGN(lateness.lateness_us, build_duration(from.interval, from.offset));
    if (from.condition != nullptr) {
      SQL_ASSIGN(lateness.condition, build_condition(*from.condition, schema));
      lateness.condition_text = from.condition_text;
    }
    result.push_back(std::move(lateness));
  }
  return result;
}

Sql<Schema> build_schema(const CreateTableStatement& statement) { return SchemaBuilder(statement).build(); }

}  // namespace tally

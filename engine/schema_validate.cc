#include "engine/schema.h"

#include <algorithm>
#include <set>

#include "base/limits.h"
#include "engine/schema_format.h"

namespace tally {
namespace {

std::unexpected<Error> invalid(std::string message) { return fail(Code::kInvalidArgument, std::move(message)); }
std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

Status check_name(std::string_view what, std::string_view name) {
  std::string where = std::string(what) + " name ";
  if (name.empty()) return invalid(where + "is empty");
  if (name.size() > limits::kNameBytesMax) {
    return invalid(where + quoted(name.substr(0, 32)) + "... is longer than " + std::to_string(limits::kNameBytesMax) +
                   " bytes");
  }
  for (char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return invalid(where + "has a control character");
    }
  }
  return {};
}

// Names that share the namespace of columns: the engine's own may not be taken.
Status check_column_name(std::string_view what, std::string_view name) {
  TALLY_TRY(check_name(what, name));
  if (name.front() == '_') return invalid(quoted(name) + ": names with _ in front are the engine's");
  if (std::ranges::find(kEngineMeasures, name) != std::end(kEngineMeasures)) {
    return invalid(quoted(name) + " is a measure that every table has");
  }
  return {};
}

Status check_duration(std::string_view what, TimeUs value) {
  if (value >= 0 && value <= kDurationUsMax) return {};
  return invalid(std::string(what) + " is negative or longer than 200 years");
}

bool type_fits_role(ColumnType type, ColumnRole role) {
  switch (role) {
    case ColumnRole::kEventTime: return type == ColumnType::kTimestamp;
    case ColumnRole::kId: return type == ColumnType::kId;
    case ColumnRole::kDimension: return type == ColumnType::kString || type == ColumnType::kInt64;
    case ColumnRole::kField:
      return type == ColumnType::kString || type == ColumnType::kInt64 || type == ColumnType::kDecimal;
  }
  return false;
}

Status check_column(const Column& column) {
  TALLY_TRY(check_column_name("column", column.name));
  std::string where = "column " + quoted(column.name);
  if (!type_fits_role(column.type, column.role)) {
    return invalid(where + ": this type cannot be used for this kind of column");
  }
  bool decimal = column.type == ColumnType::kDecimal;
  if (decimal && (column.precision < 1 || column.precision > kDecimalPrecisionMax || column.scale > column.precision)) {
    return invalid(where + ": DECIMAL(p,s) needs 1 <= p <= 18 and s <= p");
  }
  if (!decimal && (column.precision != 0 || column.scale != 0)) {
    return invalid(where + ": only DECIMAL has precision and scale");
  }
  if (column.role == ColumnRole::kDimension) {
    if (column.values_max < 1 || column.values_max > limits::kDimensionValuesMax) {
      return invalid(where + ": LIMIT must be between 1 and " + std::to_string(limits::kDimensionValuesMax));
    }
  } else if (column.values_max != 0) {
    return invalid(where + ": only a dimension has a LIMIT");
  }
  return {};
}

bool holds_int(const Column& column) {
  return column.type == ColumnType::kInt64 || column.type == ColumnType::kDecimal ||
         column.type == ColumnType::kTimestamp;
}

Status check_condition_columns(const Schema& schema, const Condition& node) {
  for (const Condition& child : node.children) {
    TALLY_TRY(check_condition_columns(schema, child));
  }
  if (!node.children.empty()) return {};
  const Column* column = schema.find_column(node.column_id);
  if (column == nullptr) {
    return invalid("condition on column id " + std::to_string(node.column_id) + ", which the table does not have");
  }
  if (column->role == ColumnRole::kId) {
    return invalid("condition on " + quoted(column->name) + ": not possible on the id");
  }
  for (const Value& value : node.values) {
    if (is_null(value) || std::holds_alternative<int64_t>(value) == holds_int(*column)) continue;
    return invalid("condition on " + quoted(column->name) + ": a value of another type");
  }
  return {};
}

Status check_optional_condition(const Schema& schema, const std::optional<Condition>& condition) {
  if (!condition) return {};
  TALLY_TRY(check_condition(*condition));
  return check_condition_columns(schema, *condition);
}

Status check_aggregated_column(const Schema& schema, const Measure& measure) {
  std::string where = "measure " + quoted(measure.name);
  const Column* column = schema.find_column(measure.column_id);
  if (column == nullptr) return invalid(where + ": no column with its id");
  bool dimension = column->role == ColumnRole::kDimension;
  bool field = column->role == ColumnRole::kField;
  if (measure.kind == AggregateKind::kUnique) {
    if (!dimension && !field) return invalid(where + ": UNIQUE takes a dimension or a field");
    if (measure.unique_precision < 10 || measure.unique_precision > 16) {
      return invalid(where + ": PRECISION must be between 10 and 16");
    }
  } else if (!field || column->type == ColumnType::kString) {
    return invalid(where + ": SUM, MIN and MAX take a numeric field, not " + quoted(column->name));
  }
  return {};
}

Status check_measure(const Schema& schema, const Measure& measure) {
  TALLY_TRY(check_column_name("measure", measure.name));
  std::string where = "measure " + quoted(measure.name);
  if (measure.kind < AggregateKind::kCount || measure.kind > AggregateKind::kDerived) {
    return invalid(where + ": unknown aggregate");
  }
  if (measure.since_version < 1 || measure.since_version > schema.version) {
    return invalid(where + ": since a version that the table has not come to");
  }
  if (measure.expression.size() > kSchemaTextBytesMax || measure.condition_text.size() > kSchemaTextBytesMax) {
    return invalid(where + ": its text is longer than 64 KiB");
  }
  if (measure.kind == AggregateKind::kDerived) {
    if (measure.expression.empty() || measure.condition || measure.column_id != 0) {
      return invalid(where + ": a derived measure is an expression and nothing else");
    }
    return {};
  }
  if (!measure.expression.empty()) return invalid(where + ": only derived measures have AS");
  if (measure.kind == AggregateKind::kCount) {
    if (measure.column_id != 0) return invalid(where + ": COUNT takes no column");
  } else {
    TALLY_TRY(check_aggregated_column(schema, measure));
  }
  return check_optional_condition(schema, measure.condition);
}

constexpr TimeUs kBucketUs[4] = {0, kMicrosPerMinute, kMicrosPerHour, kMicrosPerDay};

Status check_tiers(const Schema& schema, const Rollup& rollup) {
  std::string where = "rollup " + quoted(rollup.name);
  if (rollup.retention_us[0] != 0) return invalid(where + ": raw retention is the table's");
  size_t feeder = 0;
  TimeUs feeder_kept_us = schema.raw_retention_us;
  for (size_t tier = 1; tier < 4; ++tier) {
    TimeUs kept_us = rollup.retention_us[tier];
    if (kept_us == 0) continue;
    TALLY_TRY(check_duration(where + ": retention", kept_us));
    if (feeder_kept_us < kBucketUs[tier]) {
      return invalid(where + ": tier " + std::string(tier_name(static_cast<Tier>(tier))) + " cannot be fed by " +
                     std::string(tier_name(static_cast<Tier>(feeder))) + ", which is kept for less than one " +
                     std::string(tier_name(static_cast<Tier>(tier))));
    }
    feeder = tier;
    feeder_kept_us = kept_us;
  }
  if (feeder == 0) return invalid(where + ": no tier is kept");
  return {};
}

Status check_rollup(const Schema& schema, const Rollup& rollup) {
  TALLY_TRY(check_name("rollup", rollup.name));
  std::string where = "rollup " + quoted(rollup.name);
  std::set<uint32_t> seen;
  for (uint32_t id : rollup.dimension_ids) {
    const Column* column = schema.find_column(id);
    if (column == nullptr || column->role != ColumnRole::kDimension) {
      return invalid(where + ": id " + std::to_string(id) + " is no dimension of the table");
    }
    if (!seen.insert(id).second) return invalid(where + ": " + quoted(column->name) + " twice");
  }
  for (uint32_t id : rollup.measure_ids) {
    auto measure = std::ranges::find(schema.measures, id, &Measure::id);
    if (measure == schema.measures.end()) {
      return invalid(where + ": id " + std::to_string(id) + " is no measure of the table");
    }
    if (measure->kind == AggregateKind::kDerived) {
      return invalid(where + ": " + quoted(measure->name) + " is derived; name the measures it is made of");
    }
    if (!seen.insert(id).second) return invalid(where + ": " + quoted(measure->name) + " twice");
  }
  if (rollup.since_version < 1 || rollup.since_version > schema.version) {
    return invalid(where + ": since a version that the table has not come to");
  }
  return check_tiers(schema, rollup);
}

// Columns and measures share one namespace, rollups have their own; ids are one sequence for all.
Status check_names_and_ids(const Schema& schema) {
  std::set<std::string_view> names, rollup_names;
  std::set<uint32_t> ids;
  auto check_id = [&](uint32_t id, std::string_view name) -> Status {
    if (id != 0 && id < schema.next_id && ids.insert(id).second) return {};
    return invalid(quoted(name) + ": id " + std::to_string(id) + " is 0, used twice or not given");
  };
  for (const Column& column : schema.columns) {
    TALLY_TRY(check_id(column.id, column.name));
    if (!names.insert(column.name).second) return invalid(quoted(column.name) + " is named twice");
  }
  for (const Measure& measure : schema.measures) {
    TALLY_TRY(check_id(measure.id, measure.name));
    if (!names.insert(measure.name).second) {
      return invalid(quoted(measure.name) + " is named twice");
    }
  }
  for (const Rollup& rollup : schema.rollups) {
    TALLY_TRY(check_id(rollup.id, rollup.name));
    if (!rollup_names.insert(rollup.name).second) {
      return invalid("rollup " + quoted(rollup.name) + " is named twice");
    }
  }
  return {};
}

Status check_columns(const Schema& schema) {
  if (schema.columns.size() + schema.measures.size() > limits::kColumnsMax) {
    return fail(Code::kLimitExceeded,
                "a table has at most " + std::to_string(limits::kColumnsMax) + " columns and measures");
  }
  size_t times = 0;
  size_t ids = 0;
  for (const Column& column : schema.columns) {
    TALLY_TRY(check_column(column));
    times += column.role == ColumnRole::kEventTime;
    ids += column.role == ColumnRole::kId;
  }
  if (times != 1) return invalid("a table has exactly one TIMESTAMP EVENT TIME column");
  if (ids != 1) return invalid("a table has exactly one ID UNIQUE WITHIN column");
  return {};
}

Status check_lateness(const Schema& schema) {
  if (schema.lateness.size() > kLatenessClassesMax) {
    return fail(Code::kLimitExceeded,
                "a table has at most " + std::to_string(kLatenessClassesMax) + " LATENESS clauses");
  }
  for (size_t i = 0; i < schema.lateness.size(); ++i) {
    const LatenessClass& entry = schema.lateness[i];
    TALLY_TRY(check_duration("LATENESS", entry.lateness_us));
    if (entry.lateness_us == 0) return invalid("LATENESS must be longer than nothing");
    if (entry.condition_text.size() > kSchemaTextBytesMax) {
      return invalid("LATENESS: its condition is longer than 64 KiB");
    }
    if (!entry.condition && i + 1 < schema.lateness.size()) {
      return invalid("LATENESS without WHERE takes every row: it must be the last one");
    }
    TALLY_TRY(check_optional_condition(schema, entry.condition));
  }
  return {};
}

Status check_id_from(const Schema& schema) {
  for (size_t i = 0; i < schema.id_from.size(); ++i) {
    const Column* column = schema.find_column(schema.id_from[i]);
    if (column == nullptr) return invalid("the id is derived from a column that the table does not have");
    if (column->role == ColumnRole::kId) return invalid("the id cannot be derived from itself");
    if (std::count(schema.id_from.begin(), schema.id_from.end(), schema.id_from[i]) > 1) {
      return invalid("the id is derived from \"" + column->name + "\" twice");
    }
  }
  return {};
}

Status check_times(const Schema& schema) {
  TALLY_TRY(check_duration("UNIQUE WITHIN", schema.within_us));
  TALLY_TRY(check_duration("RETENTION raw", schema.raw_retention_us));
  TALLY_TRY(check_duration("GRACE", schema.grace_us));
  if (schema.within_us == 0) return invalid("UNIQUE WITHIN must be longer than nothing");
  if (schema.raw_retention_us < schema.within_us + limits::kFutureSkewUs) {
    return invalid("RETENTION raw must be at least UNIQUE WITHIN plus 5 minutes");
  }
  if (schema.durability == Durability::kInterval) {  // docs/decisions/0004-durability-interval.md
    return fail(Code::kUnsupported,
                "DURABILITY interval is not there yet: leave it out, and rows are on disk when they are acknowledged");
  }
  if (schema.durability != Durability::kFsync) return invalid("unknown DURABILITY");
  return {};
}

}  // namespace

Status validate_schema(const Schema& schema) {
  TALLY_TRY(check_name("table", schema.table_name));
  if (schema.version == 0) return invalid("schema versions start at 1");
  TALLY_TRY(check_columns(schema));
  if (schema.rollups.size() > limits::kRollupsMax) {
    return fail(Code::kLimitExceeded, "a table has at most " + std::to_string(limits::kRollupsMax) + " rollups");
  }
  TALLY_TRY(check_names_and_ids(schema));
  TALLY_TRY(check_times(schema));
  for (const Measure& measure : schema.measures) TALLY_TRY(check_measure(schema, measure));
  for (const Rollup& rollup : schema.rollups) TALLY_TRY(check_rollup(schema, rollup));
  TALLY_TRY(check_lateness(schema));
  return check_id_from(schema);
}

}  // namespace tally

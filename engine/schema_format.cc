#include "engine/schema_format.h"

#include "base/limits.h"
#include "engine/schema.h"

namespace tally {
namespace {

constexpr uint8_t kEveryDimension = 1;
constexpr uint8_t kEveryMeasure = 2;

void encode_optional_condition(const std::optional<Condition>& condition, const std::string& text, ByteWriter& out) {
  out.u8(condition.has_value());
  if (!condition) return;
  encode_condition(*condition, out);
  out.string(text);
}

Status decode_optional_condition(ByteReader& in, std::optional<Condition>& condition, std::string& text) {
  TALLY_ASSIGN_OR_RETURN(uint8_t present, in.u8("condition flag"));
  if (present > 1) return fail(Code::kCorruption, "schema: condition flag is neither 0 nor 1");
  if (present == 0) return {};
  TALLY_ASSIGN_OR_RETURN(condition, decode_condition(in));
  TALLY_ASSIGN_OR_RETURN(text, in.string(kSchemaTextBytesMax, "condition text"));
  return {};
}

// Counts are checked against their limit before anything is made of that size.
Result<uint32_t> decode_count(ByteReader& in, size_t max, std::string_view what) {
  TALLY_ASSIGN_OR_RETURN(uint32_t count, in.u32(what));
  if (count <= max) return count;
  return fail(Code::kCorruption, "schema: " + std::to_string(count) + " " + std::string(what) + ", at most " +
                                     std::to_string(max) + " are possible");
}

Result<std::string> decode_name(ByteReader& in, std::string_view what) {
  TALLY_ASSIGN_OR_RETURN(auto name, in.string(limits::kNameBytesMax, what));
  return std::string(name);
}

void encode_ids(const std::vector<uint32_t>& ids, ByteWriter& out) {
  out.u32(static_cast<uint32_t>(ids.size()));
  for (uint32_t id : ids) out.u32(id);
}

Status decode_ids(ByteReader& in, std::vector<uint32_t>& ids, std::string_view what) {
  TALLY_ASSIGN_OR_RETURN(uint32_t count, decode_count(in, limits::kColumnsMax, what));
  for (uint32_t i = 0; i < count; ++i) {
    TALLY_ASSIGN_OR_RETURN(uint32_t id, in.u32(what));
    ids.push_back(id);
  }
  return {};
}

void encode_column(const Column& column, ByteWriter& out) {
  out.u32(column.id);
  out.string(column.name);
  out.u8(static_cast<uint8_t>(column.role));
  out.u8(static_cast<uint8_t>(column.type));
  out.u8(column.precision);
  out.u8(column.scale);
  out.u32(column.values_max);
}

Status decode_column(ByteReader& in, Column& column) {
  TALLY_ASSIGN_OR_RETURN(column.id, in.u32("column id"));
  TALLY_ASSIGN_OR_RETURN(column.name, decode_name(in, "column name"));
  TALLY_ASSIGN_OR_RETURN(uint8_t role, in.u8("column role"));
  TALLY_ASSIGN_OR_RETURN(uint8_t type, in.u8("column type"));
  column.role = static_cast<ColumnRole>(role);
  column.type = static_cast<ColumnType>(type);
  TALLY_ASSIGN_OR_RETURN(column.precision, in.u8("column precision"));
  TALLY_ASSIGN_OR_RETURN(column.scale, in.u8("column scale"));
  TALLY_ASSIGN_OR_RETURN(column.values_max, in.u32("column limit"));
  return {};
}

void encode_measure(const Measure& measure, ByteWriter& out) {
  out.u32(measure.id);
  out.string(measure.name);
  out.u8(static_cast<uint8_t>(measure.kind));
  out.u32(measure.column_id);
  out.u8(measure.unique_precision);
  encode_optional_condition(measure.condition, measure.condition_text, out);
  out.string(measure.expression);
  out.u32(measure.since_version);
}

Status decode_measure(ByteReader& in, Measure& measure) {
  TALLY_ASSIGN_OR_RETURN(measure.id, in.u32("measure id"));
  TALLY_ASSIGN_OR_RETURN(measure.name, decode_name(in, "measure name"));
  TALLY_ASSIGN_OR_RETURN(uint8_t kind, in.u8("measure kind"));
  measure.kind = static_cast<AggregateKind>(kind);
  TALLY_ASSIGN_OR_RETURN(measure.column_id, in.u32("measure column"));
  TALLY_ASSIGN_OR_RETURN(measure.unique_precision, in.u8("measure precision"));
  TALLY_TRY(decode_optional_condition(in, measure.condition, measure.condition_text));
  TALLY_ASSIGN_OR_RETURN(measure.expression, in.string(kSchemaTextBytesMax, "measure expression"));
  return {};
}

Status decode_measure_since(ByteReader& in, Measure& measure) {
  TALLY_TRY(decode_measure(in, measure));
  TALLY_ASSIGN_OR_RETURN(measure.since_version, in.u32("measure since version"));
  return {};
}

void encode_rollup(const Rollup& rollup, ByteWriter& out) {
  out.u32(rollup.id);
  out.string(rollup.name);
  encode_ids(rollup.dimension_ids, out);
  encode_ids(rollup.measure_ids, out);
  for (size_t tier = 1; tier < 4; ++tier) out.i64(rollup.retention_us[tier]);
  out.u8(static_cast<uint8_t>((rollup.every_dimension ? kEveryDimension : 0) |
                              (rollup.every_measure ? kEveryMeasure : 0)));
  out.u32(rollup.since_version);
}

Status decode_rollup(ByteReader& in, Rollup& rollup) {
  TALLY_ASSIGN_OR_RETURN(rollup.id, in.u32("rollup id"));
  TALLY_ASSIGN_OR_RETURN(rollup.name, decode_name(in, "rollup name"));
  TALLY_TRY(decode_ids(in, rollup.dimension_ids, "rollup dimensions"));
  TALLY_TRY(decode_ids(in, rollup.measure_ids, "rollup measures"));
  for (size_t tier = 1; tier < 4; ++tier) {
    TALLY_ASSIGN_OR_RETURN(rollup.retention_us[tier], in.i64("rollup retention"));
  }
  return {};
}

Status decode_rollup_since(ByteReader& in, Rollup& rollup) {
  TALLY_TRY(decode_rollup(in, rollup));
  TALLY_ASSIGN_OR_RETURN(uint8_t flags, in.u8("rollup flags"));
  if (flags > (kEveryDimension | kEveryMeasure)) return fail(Code::kCorruption, "schema: unknown flags of a rollup");
  rollup.every_dimension = (flags & kEveryDimension) != 0;
  rollup.every_measure = (flags & kEveryMeasure) != 0;
  TALLY_ASSIGN_OR_RETURN(rollup.since_version, in.u32("rollup since version"));
  return {};
}

// What version 1 did not say.
void infer_flags(Schema& schema) {
  size_t measures = 0;
  for (const Measure& measure : schema.measures) measures += measure.kind != AggregateKind::kDerived;
  for (Rollup& rollup : schema.rollups) {
    rollup.every_measure = rollup.measure_ids.size() == measures;
    rollup.every_dimension = schema.rollups.size() == 1 && rollup.name == kImplicitRollup &&
                             rollup.dimension_ids.size() == schema.dimensions().size();
  }
}

void encode_lateness(const LatenessClass& entry, ByteWriter& out) {
  out.i64(entry.lateness_us);
  encode_optional_condition(entry.condition, entry.condition_text, out);
}

Status decode_lateness(ByteReader& in, LatenessClass& entry) {
  TALLY_ASSIGN_OR_RETURN(entry.lateness_us, in.i64("lateness"));
  return decode_optional_condition(in, entry.condition, entry.condition_text);
}

template <class T>
void encode_list(const std::vector<T>& items, void (*encode)(const T&, ByteWriter&), ByteWriter& out) {
  out.u32(static_cast<uint32_t>(items.size()));
  for (const T& item : items) encode(item, out);
}

template <class T>
Status decode_list(ByteReader& in, std::vector<T>& items, Status (*decode)(ByteReader&, T&), size_t max,
                   std::string_view what) {
  TALLY_ASSIGN_OR_RETURN(uint32_t count, decode_count(in, max, what));
  for (uint32_t i = 0; i < count; ++i) TALLY_TRY(decode(in, items.emplace_back()));
  return {};
}

Status decode_head(ByteReader& in, Schema& schema, uint16_t& format) {
  TALLY_ASSIGN_OR_RETURN(format, in.u16("schema format version"));
  if (format < kSchemaFormatVersionMin || format > kSchemaFormatVersion) {
    return fail(Code::kUnsupported, "schema: format version " + std::to_string(format) + " is not known to this build");
  }
  TALLY_ASSIGN_OR_RETURN(schema.version, in.u32("schema version"));
  TALLY_ASSIGN_OR_RETURN(schema.next_id, in.u32("schema next id"));
  TALLY_ASSIGN_OR_RETURN(schema.table_name, decode_name(in, "table name"));
  TALLY_ASSIGN_OR_RETURN(schema.within_us, in.i64("within"));
  TALLY_ASSIGN_OR_RETURN(schema.raw_retention_us, in.i64("raw retention"));
  TALLY_ASSIGN_OR_RETURN(schema.grace_us, in.i64("grace"));
  TALLY_ASSIGN_OR_RETURN(uint8_t durability, in.u8("durability"));
  schema.durability = static_cast<Durability>(durability);
  return {};
}

}  // namespace

void encode_schema(const Schema& schema, ByteWriter& out) {
  out.u16(kSchemaFormatVersion);
  out.u32(schema.version);
  out.u32(schema.next_id);
  out.string(schema.table_name);
  out.i64(schema.within_us);
  out.i64(schema.raw_retention_us);
  out.i64(schema.grace_us);
  out.u8(static_cast<uint8_t>(schema.durability));
  encode_list(schema.columns, encode_column, out);
  encode_list(schema.measures, encode_measure, out);
  encode_list(schema.rollups, encode_rollup, out);
  encode_list(schema.lateness, encode_lateness, out);
  encode_ids(schema.id_from, out);
}

Result<Schema> decode_schema(ByteReader& in) {
  Schema schema;
  uint16_t format = 0;
  TALLY_TRY(decode_head(in, schema, format));
  const bool first = format == kSchemaFormatVersionMin;
  size_t max = limits::kColumnsMax;
  TALLY_TRY(decode_list(in, schema.columns, decode_column, max, "columns"));
  TALLY_TRY(decode_list(in, schema.measures, first ? decode_measure : decode_measure_since, max, "measures"));
  TALLY_TRY(
      decode_list(in, schema.rollups, first ? decode_rollup : decode_rollup_since, limits::kRollupsMax, "rollups"));
  TALLY_TRY(decode_list(in, schema.lateness, decode_lateness, kLatenessClassesMax, "lateness"));
  TALLY_TRY(decode_ids(in, schema.id_from, "columns of the id"));
  if (first) infer_flags(schema);
  // Stored bytes that break a rule are damage or another build's, never somebody's typing.
  if (Status valid = validate_schema(schema); !valid) {
    Code code = valid.error().code == Code::kUnsupported ? Code::kUnsupported : Code::kCorruption;
    return fail(code, "schema: " + valid.error().message);
  }
  return schema;
}

}  // namespace tally

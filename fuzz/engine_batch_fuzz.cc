// A batch of hostile bytes: decode, use every row, build it again, and find the same rows. The checksum is computed here,
// so that the fuzzer gets past it. The first byte of the input picks the schema: as declared, or after a column was dropped
// and one added.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "base/checksum.h"
#include "engine/batch.h"

namespace tally {
namespace {

// Every kind of column: ids 1 to 7, as in docs/formats/batch.md.
Schema declared_schema() {
  Schema schema;
  schema.table_name = "small";
  schema.within_us = kMicrosPerHour;
  auto add = [&](const char* name, ColumnRole role, ColumnType type, uint8_t precision) {
    Column column;
    column.name = name;
    column.role = role;
    column.type = type;
    column.precision = precision;
    schema.columns.push_back(column);
  };
  add("ts", ColumnRole::kEventTime, ColumnType::kTimestamp, 0);
  add("id", ColumnRole::kId, ColumnType::kId, 0);
  add("country", ColumnRole::kDimension, ColumnType::kString, 0);
  add("slot", ColumnRole::kDimension, ColumnType::kInt64, 0);
  add("kind", ColumnRole::kField, ColumnType::kString, 0);
  add("amount", ColumnRole::kField, ColumnType::kInt64, 0);
  add("cost", ColumnRole::kField, ColumnType::kDecimal, 9);
  return complete_schema(std::move(schema)).value();
}

Schema altered_schema() {
  Schema schema = declared_schema();
  schema.version = 2;
  schema.columns.erase(schema.columns.begin() + 4);
  Column added;
  added.name = "region";
  added.role = ColumnRole::kDimension;
  schema.columns.push_back(added);
  return complete_schema(std::move(schema)).value();
}

void demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

void set_dimension(const Schema& schema, size_t column, std::string_view value, BatchBuilder& builder) {
  if (schema.columns[column].type == ColumnType::kString) {
    builder.set_string(column, value);
  } else {
    builder.set_int64(column, load_le<int64_t>(as_bytes(value).data()));
  }
}

void set_field(size_t column, const PreparedBatch::Field& field, uint32_t row, BatchBuilder& builder) {
  if (!field.strings.empty()) {
    if (!field.strings[row].is_null()) builder.set_string(column, field.strings[row].view());
  } else if (field.nulls.empty() || field.nulls[row] == 0) {
    builder.set_int64(column, field.ints[row]);
  }
}

Bytes rebuild(const Schema& schema, const PreparedBatch& batch) {
  BatchBuilder builder(schema);
  auto dimensions = schema.dimensions();
  auto fields = schema.fields();
  for (uint32_t row = 0; row < batch.rows; ++row) {
    builder.set_time(batch.times[row]);
    builder.set_id(format_id(batch.id_kinds[row], batch.ids[row]));
    for (size_t i = 0; i < dimensions.size(); ++i) {
      uint32_t code = batch.dimensions[i].local_codes[row];
      if (code == 0) continue;
      set_dimension(schema, dimensions[i], batch.dimensions[i].local_values[code - 1], builder);
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      set_field(fields[i], batch.fields[i], row, builder);
    }
    if (!builder.end_row()) return {};  // values repeated by a small dictionary can outgrow a batch
  }
  return builder.finish();
}

Result<std::unique_ptr<PreparedBatch>> decode(const Schema& schema, Bytes payload) {
  static const IdHasher hasher(HashKey{3});
  uint64_t sum = xxh3(payload);
  return decode_batch(schema, hasher, 3, std::move(payload), sum);
}

void try_payload(const Schema& schema, Bytes payload) {
  auto batch = decode(schema, std::move(payload));
  if (!batch) return;
  const PreparedBatch& first = **batch;
  Bytes bytes = rebuild(schema, first);
  if (bytes.empty()) return;
  auto again = decode(schema, std::move(bytes));
  demand(again.has_value(), "a rebuilt batch does not decode");
  const PreparedBatch& second = **again;
  demand(first.rows == second.rows && first.times == second.times, "rows differ");
  demand(first.id_hashes == second.id_hashes, "ids differ");
  demand(first.shard_rows == second.shard_rows, "shards differ");
  bool same_version = first.schema_version == schema.version;  // else dropped columns count
  demand(!same_version || first.digests == second.digests, "digests differ");
}

}  // namespace
}  // namespace tally

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const tally::Schema schemas[] = {tally::declared_schema(), tally::altered_schema()};
  if (size == 0) return 0;
  tally::try_payload(schemas[data[0] & 1], tally::Bytes(data + 1, data + size));
  return 0;
}

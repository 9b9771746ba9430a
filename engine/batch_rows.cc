#include "engine/batch_rows.h"

namespace tally {

BatchRows::BatchRows(const Schema& schema, const PreparedBatch& batch) : schema_(schema), batch_(batch) {
  size_t dimensions = 0, fields = 0;
  for (const Column& column : schema.columns) {
    Place& place = places_.emplace_back();
    if (column.role == ColumnRole::kDimension) place.dimension = &batch.dimensions[dimensions++];
    if (column.role == ColumnRole::kField) place.field = &batch.fields[fields++];
  }
}

void BatchRows::copy(uint32_t row, BatchBuilder& builder) const {
  for (size_t position = 0; position < places_.size(); ++position) {
    const Column& column = schema_.columns[position];
    if (column.role == ColumnRole::kEventTime) {
      builder.set_time(batch_.times[row]);
      continue;
    }
    if (column.role == ColumnRole::kId && schema_.derives_ids()) continue;
    const Value cell = value(row, position);
    if (is_null(cell)) continue;
    if (column.role == ColumnRole::kId) {
      builder.set_id(std::get<std::string>(cell));
    } else if (const auto* number = std::get_if<int64_t>(&cell)) {
      builder.set_int64(position, *number);
    } else {
      builder.set_string(position, std::get<std::string>(cell));
    }
  }
}

Value BatchRows::value(uint32_t row, size_t position) const {
  const Place& place = places_[position];
  const bool text = schema_.columns[position].type == ColumnType::kString;
  if (place.dimension != nullptr) {
    const uint32_t code = place.dimension->local_codes[row];
    if (code == 0) return {};
    const std::string_view value = place.dimension->local_values[code - 1];
    if (text) return std::string(value);
    return load_le<int64_t>(as_bytes(value).data());
  }
  if (place.field != nullptr) {
    const PreparedBatch::Field& field = *place.field;
    if (text) return field.strings[row].is_null() ? Value() : Value(std::string(field.strings[row].view()));
    return !field.nulls.empty() && field.nulls[row] != 0 ? Value() : Value(field.ints[row]);
  }
  if (schema_.columns[position].role == ColumnRole::kEventTime) return batch_.times[row];
  return format_id(batch_.id_kinds[row], batch_.ids[row]);
}

}  // namespace tally

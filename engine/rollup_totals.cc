#include "engine/rollup_totals.h"

namespace tally {

ColumnSelection tier_selection(const RollupShape& shape) {
  ColumnSelection selection;
  selection.kinds = false;
  selection.cached = false;
  selection.column_ids = shape.dimension_ids;
  for (const RollupShape::Value& value : shape.values) selection.column_ids.push_back(value.column_id);
  return selection;
}

void show_tier_block(const RollupShape& shape, const BlockColumns& block, RollupRows::Input& input) {
  const size_t dimensions = shape.dimension_ids.size();
  input.rows = block.rows.rows;
  input.times = block.rows.times;
  input.codes.resize(dimensions);
  input.values.assign(shape.values.size(), {});
  for (size_t d = 0; d < dimensions; ++d) input.codes[d] = block.by_column[d].codes;
  for (size_t i = 0; i < shape.values.size(); ++i) {
    const BlockColumns::Selected& column = block.by_column[dimensions + i];
    RollupRows::Value& value = input.values[i];
    if (shape.values[i].kind == RollupShape::Kind::kSketch) {
      value.sketches = column.strings;
    } else {
      value.ints = column.ints;
      value.nulls = column.nulls;
    }
  }
}

void add_totals(const RollupShape& shape, const RollupRows::Input& input, uint32_t first, uint32_t count,
                RollupTotals& totals) {
  for (size_t i = 0; i < shape.values.size(); ++i) {
    if (shape.values[i].kind != RollupShape::Kind::kSum) continue;
    const RollupRows::Value& value = input.values[i];
    for (uint32_t row = first; row < first + count; ++row) {
      if (value.counts != nullptr) totals[i] += value.counts[row];
      if (value.ints != nullptr && (value.nulls == nullptr || value.nulls[row] == 0)) totals[i] += value.ints[row];
    }
  }
  for (const RollupRows::Input::Carry& carry : input.carries) {
    if (carry.row >= first && carry.row - first < count) totals[carry.value] += 1;
  }
}

}  // namespace tally

#include "engine/rollup_totals.h"

#include <numeric>

#include "engine/column_loops.h"
#include "engine/segment_format.h"

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

namespace {

__int128 sum_of(const int64_t* values, size_t count) {
  int64_t high = 0;
  uint64_t low = 0;
  column_kernels().sum_halves(values, count, &high, &low);
  return static_cast<__int128>(high) * (__int128{1} << 32) + static_cast<__int128>(low);
}

__int128 sum_of(const RollupRows::Value& value, uint32_t first, uint32_t count) {
  __int128 sum = 0;
  if (value.counts != nullptr) sum += std::accumulate(value.counts + first, value.counts + first + count, int32_t{0});
  if (value.ints == nullptr) return sum;
  if (value.nulls == nullptr) return sum + sum_of(value.ints + first, count);
  for (uint32_t row = first; row < first + count; ++row) sum += value.nulls[row] == 0 ? value.ints[row] : 0;
  return sum;
}

}  // namespace

void add_totals(const RollupShape& shape, const RollupRows::Input& input, uint32_t first, uint32_t count,
                RollupTotals& totals) {
  for (size_t i = 0; i < shape.values.size(); ++i) {
    if (shape.values[i].kind == RollupShape::Kind::kSum) totals[i] += sum_of(input.values[i], first, count);
  }
  for (const RollupRows::Input::Carry& carry : input.carries) {
    if (carry.row >= first && carry.row - first < count) totals[carry.value] += 1;
  }
}

Status add_stored_totals(const RollupShape& shape, const SegmentReader& reader, TotalsByDay& totals) {
  ColumnSelection selection;
  selection.times = selection.kinds = selection.cached = false;
  std::vector<size_t> sums;
  for (size_t i = 0; i < shape.values.size(); ++i) {
    if (shape.values[i].kind != RollupShape::Kind::kSum) continue;
    selection.column_ids.push_back(shape.values[i].column_id);
    sums.push_back(i);
  }
  auto cursor = reader.cursor(selection);
  for (const SegmentReader::Section& section : reader.sections()) {
    RollupTotals& of_day = totals.try_emplace(section.day, shape.values.size()).first->second;
    for (uint32_t block = section.first_block; block < section.first_block + section.blocks; ++block) {
      TALLY_ASSIGN_OR_RETURN(const BlockColumns* columns, cursor->read(block));
      for (size_t i = 0; i < sums.size(); ++i) {
        of_day[sums[i]] += sum_of(columns->by_column[i].ints, columns->rows.rows);  // 0 where NULL
      }
    }
  }
  return {};
}

Status check_conserved(const RollupShape& shape, const TotalsByDay& in, const TotalsByDay& out) {
  const RollupTotals none(shape.values.size());
  for (const auto& [day, got] : out) {
    if (!in.contains(day)) return fail(Code::kCorruption, "folding made rows of day " + std::to_string(day));
  }
  for (const auto& [day, wanted] : in) {
    const auto found = out.find(day);
    const RollupTotals& got = found == out.end() ? none : found->second;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i] == got[i]) continue;
      return fail(Code::kCorruption, "folding into rollup " + std::to_string(shape.rollup_id) + " changed " +
                                         segment_format::column_name(*shape.schema, shape.values[i].column_id) +
                                         " of day " + std::to_string(day));
    }
  }
  return {};
}

}  // namespace tally

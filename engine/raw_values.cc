#include "engine/raw_values.h"

#include <algorithm>

#include "engine/condition_eval.h"
#include "engine/condition_leaf.h"
#include "engine/dictionary.h"
#include "engine/hyperloglog.h"
#include "engine/segment_format.h"

namespace tally {

using namespace segment_format;  // NOLINT: the ids of the engine's measures

RawValues::RawValues(const RollupShape& shape, const std::map<uint32_t, const Dictionary*>& dictionaries)
    : shape_(shape), dictionaries_(dictionaries), sources_(shape.values.size()) {
  selection_.arrivals = true;
  selection_.lsns = true;
  selection_.cached = false;
  for (uint32_t id : shape.dimension_ids) dimension_places_.push_back(column(id));
  for (const RollupShape::Value& value : shape.values) {
    if (value.measure == nullptr) continue;
    if (value.measure->kind != AggregateKind::kCount) (void)column(value.measure->column_id);
    if (value.measure->condition) ask(*value.measure->condition);
  }
  input_.codes.resize(shape.dimension_ids.size());
  input_.values.resize(shape.values.size());
}

size_t RawValues::column(uint32_t id) {
  auto& ids = selection_.column_ids;
  const auto found = std::ranges::find(ids, id);
  if (found == ids.end()) ids.push_back(id);
  return static_cast<size_t>(std::ranges::find(ids, id) - ids.begin());
}

void RawValues::ask(const Condition& condition) {
  const Column* asked = condition.children.empty() ? shape_.schema->find_column(condition.column_id) : nullptr;
  if (asked != nullptr && (asked->role == ColumnRole::kDimension || asked->role == ColumnRole::kField)) {
    (void)column(asked->id);
  }
  for (const Condition& child : condition.children) ask(child);
}

const RollupRows::Input& RawValues::values(const BlockColumns& block, const Schema& version) {
  input_.rows = block.rows.rows;
  input_.times = block.rows.times;
  for (size_t d = 0; d < dimension_places_.size(); ++d) {
    input_.codes[d] = block.by_column[dimension_places_[d]].codes;
  }
  engine_values(block, version.grace_us);
  input_.carries.clear();
  for (size_t i = kEngineMeasureColumns; i < shape_.values.size(); ++i) {
    if (shape_.values[i].measure->since_version > version.version) {
      input_.values[i] = {};
    } else {
      measure(i, block);
    }
  }
  return input_;
}

void RawValues::engine_values(const BlockColumns& block, TimeUs grace_us) {
  const uint32_t rows = block.rows.rows;
  const RowKind* kinds = block.rows.kinds;
  auto fill = [&](uint32_t column_id, auto counts) {
    const size_t i = column_id - kEventsColumn;
    std::vector<int8_t>& out = sources_[i].counts;
    out.resize(rows);
    bool any = false;
    for (uint32_t row = 0; row < rows; ++row) {
      out[row] = counts(row) ? 1 : 0;
      any |= out[row] != 0;
    }
    input_.values[i] = {};
    if (any) input_.values[i].counts = out.data();
  };
  auto of_kind = [kinds](RowKind kind) { return [=](uint32_t row) { return kinds[row] == kind; }; };
  fill(kEventsColumn, of_kind(RowKind::kEvent));
  fill(kDuplicatesColumn, of_kind(RowKind::kDuplicate));
  fill(kConflictsColumn, of_kind(RowKind::kConflict));
  fill(kRetractedColumn, of_kind(RowKind::kRetraction));
  fill(kLateColumn, [&](uint32_t row) {
    return kinds[row] == RowKind::kEvent && block.rows.arrivals[row] - block.rows.times[row] > grace_us;
  });
}

void RawValues::measure(size_t index, const BlockColumns& block) {
  const RollupShape::Value& value = shape_.values[index];
  Source& out = sources_[index];
  RollupRows::Value& shown = input_.values[index];
  const uint32_t rows = block.rows.rows;
  const Measure& measure = *value.measure;
  shown = {};
  std::vector<uint8_t> holds;
  if (measure.condition) holds = truths(*measure.condition, block);
  const bool additive = value.kind == RollupShape::Kind::kSum;
  out.counts.resize(rows);  // the sign with which a row counts
  bool any = false;
  for (uint32_t row = 0; row < rows; ++row) {
    const RowKind kind = block.rows.kinds[row];
    int8_t sign = kind == RowKind::kEvent ? 1 : (additive && kind == RowKind::kRetraction) ? -1 : 0;
    if (!holds.empty() && holds[row] != kTrue) sign = 0;
    out.counts[row] = sign;
    any |= sign != 0;
  }
  if (!any) return;
  if (measure.kind == AggregateKind::kCount) {
    shown.counts = out.counts.data();
    return;
  }
  const Column& column = *shape_.schema->find_column(measure.column_id);
  out.nulls.resize(rows);
  for (uint32_t row = 0; row < rows; ++row) out.nulls[row] = out.counts[row] == 0 ? 1 : 0;
  shown.nulls = out.nulls.data();
  if (value.kind == RollupShape::Kind::kSketch) {
    hash_column(column, block, out);
    shown.hashes = out.hashes.data();
    return;
  }
  const BlockColumns::Selected& from = block.by_column[this->column(column.id)];
  out.ints.resize(rows);
  for (uint32_t row = 0; row < rows; ++row) {
    if (from.nulls != nullptr) out.nulls[row] |= from.nulls[row];
    out.ints[row] = from.ints[row];
    if (!additive || out.counts[row] >= 0 || out.nulls[row] != 0) continue;
    const bool no_negative = from.ints[row] == INT64_MIN;
    out.ints[row] = no_negative ? INT64_MAX : -from.ints[row];
    if (no_negative) input_.carries.push_back({row, index});
  }
  shown.ints = out.ints.data();
}

void RawValues::hash_column(const Column& column, const BlockColumns& block, Source& out) {
  const uint32_t rows = block.rows.rows;
  const BlockColumns::Selected& from = block.by_column[this->column(column.id)];
  out.hashes.resize(rows);
  for (uint32_t row = 0; row < rows; ++row) {
    if (out.nulls[row] != 0) continue;
    if (column.role == ColumnRole::kDimension) {
      const bool no_number = column.type == ColumnType::kInt64 && from.codes[row] == kOtherCode;
      out.nulls[row] = no_number || from.codes[row] == kNullCode ? 1 : 0;
      if (out.nulls[row] == 0) out.hashes[row] = hash_of_code(column, from.codes[row]);
    } else if (column.type == ColumnType::kString) {
      out.nulls[row] = from.strings[row].is_null() ? 1 : 0;
      if (out.nulls[row] == 0) out.hashes[row] = unique_hash(as_bytes(from.strings[row].view()));
    } else {
      out.nulls[row] = from.nulls != nullptr ? from.nulls[row] : 0;
      if (out.nulls[row] == 0) out.hashes[row] = unique_hash(from.ints[row]);
    }
  }
}

uint64_t RawValues::hash_of_code(const Column& column, uint32_t code) {
  std::vector<uint64_t>& known = code_hashes_[column.id];
  if (known.size() <= code) known.resize(std::max<size_t>(code + 1, known.size() * 2));
  if (known[code] == 0) {
    known[code] = unique_hash(as_bytes(code == kOtherCode ? kOtherText : dictionaries_.at(column.id)->value(code)));
  }
  return known[code];
}

// --- conditions ----------------------------------------------------------------------------------------------------

std::vector<uint8_t> RawValues::truths(const Condition& condition, const BlockColumns& block) {
  return evaluate_truths(condition, [&](const Condition& node) { return leaf(node, block); });
}

std::vector<uint8_t> RawValues::leaf(const Condition& node, const BlockColumns& block) {
  const uint32_t rows = block.rows.rows;
  const Column* column = shape_.schema->find_column(node.column_id);
  if (column == nullptr || column->role == ColumnRole::kId) {
    return std::vector<uint8_t>(rows, IntLeaf(node).of_null());
  }
  std::vector<uint8_t> truths(rows);
  if (column->role == ColumnRole::kEventTime) {
    const IntLeaf leaf(node);
    for (uint32_t row = 0; row < rows; ++row) truths[row] = leaf.of(block.rows.times[row]);
    return truths;
  }
  const BlockColumns::Selected& from = block.by_column[this->column(column->id)];
  if (column->role == ColumnRole::kDimension) {
    const std::vector<uint8_t>& by_code = truths_by_code(node, *column);
    for (uint32_t row = 0; row < rows; ++row) truths[row] = by_code[from.codes[row]];
  } else if (column->type == ColumnType::kString) {
    const StringLeaf leaf(node);
    for (uint32_t row = 0; row < rows; ++row) {
      truths[row] = from.strings[row].is_null() ? leaf.of_null() : leaf.of(from.strings[row].view());
    }
  } else {
    const IntLeaf leaf(node);
    for (uint32_t row = 0; row < rows; ++row) {
      truths[row] = from.nulls != nullptr && from.nulls[row] != 0 ? leaf.of_null() : leaf.of(from.ints[row]);
    }
  }
  return truths;
}

const std::vector<uint8_t>& RawValues::truths_by_code(const Condition& node, const Column& column) {
  const auto [at, made] = code_truths_.try_emplace(&node);
  std::vector<uint8_t>& truths = at->second;
  if (!made) return truths;
  const Dictionary& dictionary = *dictionaries_.at(column.id);
  const uint32_t codes = dictionary.size();
  for (uint32_t code = 0; code < std::max(codes, kFirstValueCode); ++code) {
    const std::string_view text = code == kOtherCode || code == kNullCode ? kOtherText : dictionary.value(code);
    if (column.type == ColumnType::kString) {
      const StringLeaf leaf(node);
      truths.push_back(code == kNullCode ? leaf.of_null() : leaf.of(text));
    } else {
      const IntLeaf leaf(node);
      const bool null = code == kNullCode || code == kOtherCode;  // (other) is no number
      truths.push_back(null ? leaf.of_null() : leaf.of(load_le<int64_t>(as_bytes(text).data())));
    }
  }
  return truths;
}

}  // namespace tally

#include "engine/raw_values.h"

#include <algorithm>

#include "engine/column_loops.h"
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
  read_signs(block);
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

void RawValues::read_signs(const BlockColumns& block) {
  const uint32_t rows = block.rows.rows;
  const auto* kinds = reinterpret_cast<const uint8_t*>(block.rows.kinds);
  all_events_ = column_kernels().max_byte(kinds, rows) == static_cast<uint8_t>(RowKind::kEvent);
  events_.assign(rows, 1);
  signs_.assign(rows, 1);
  if (all_events_) return;
  for (uint32_t row = 0; row < rows; ++row) {
    const RowKind kind = block.rows.kinds[row];
    events_[row] = kind == RowKind::kEvent ? 1 : 0;
    signs_[row] = kind == RowKind::kRetraction ? int8_t{-1} : events_[row];
  }
}

void RawValues::engine_values(const BlockColumns& block, TimeUs grace_us) {
  const uint32_t rows = block.rows.rows;
  auto fill = [&](uint32_t column_id, auto counts) {
    const size_t i = column_id - kEventsColumn;
    int8_t* out = sources_[i].counts.data();
    int8_t any = 0;
    for (uint32_t row = 0; row < rows; ++row) any |= out[row] = counts(row) ? 1 : 0;
    input_.values[i] = {};
    if (any != 0) input_.values[i].counts = out;
  };
  for (uint32_t i = 0; i < kEngineMeasureColumns; ++i) {
    sources_[i].counts.resize(rows);
    input_.values[i] = {};
  }
  const TimeUs *arrivals = block.rows.arrivals, *times = block.rows.times;
  fill(kLateColumn, [&](uint32_t row) { return events_[row] != 0 && arrivals[row] - times[row] > grace_us; });
  if (all_events_) {
    input_.values[0].counts = events_.data();
    return;
  }
  auto of_kind = [kinds = block.rows.kinds](RowKind kind) { return [=](uint32_t row) { return kinds[row] == kind; }; };
  fill(kEventsColumn, of_kind(RowKind::kEvent));
  fill(kDuplicatesColumn, of_kind(RowKind::kDuplicate));
  fill(kConflictsColumn, of_kind(RowKind::kConflict));
  fill(kRetractedColumn, of_kind(RowKind::kRetraction));
}

void RawValues::measure(size_t index, const BlockColumns& block) {
  const RollupShape::Value& value = shape_.values[index];
  Source& out = sources_[index];
  RollupRows::Value& shown = input_.values[index];
  const uint32_t rows = block.rows.rows;
  const Measure& measure = *value.measure;
  shown = {};
  out.counts = value.kind == RollupShape::Kind::kSum ? signs_ : events_;  // the sign with which a row counts
  if (measure.condition) {
    const std::vector<uint8_t> holds = truths(*measure.condition, block);
    for (uint32_t row = 0; row < rows; ++row) out.counts[row] = holds[row] == kTrue ? out.counts[row] : int8_t{0};
  }
  if (std::ranges::all_of(out.counts, [](int8_t sign) { return sign == 0; })) return;
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
  take_numbers(index, block.by_column[this->column(column.id)], rows);
  shown.ints = out.ints.data();
}

void RawValues::take_numbers(size_t index, const BlockColumns::Selected& from, uint32_t rows) {
  Source& out = sources_[index];
  out.ints.assign(from.ints, from.ints + rows);
  if (from.nulls != nullptr) {
    for (uint32_t row = 0; row < rows; ++row) out.nulls[row] |= from.nulls[row];
  }
  if (all_events_ || shape_.values[index].kind != RollupShape::Kind::kSum) return;
  for (uint32_t row = 0; row < rows; ++row) {
    if (out.counts[row] >= 0 || out.nulls[row] != 0) continue;
    const bool no_negative = from.ints[row] == INT64_MIN;
    out.ints[row] = no_negative ? INT64_MAX : -from.ints[row];
    if (no_negative) input_.carries.push_back({row, index});
  }
}

void RawValues::hash_column(const Column& column, const BlockColumns& block, Source& out) {
  const uint32_t rows = block.rows.rows;
  const BlockColumns::Selected& from = block.by_column[this->column(column.id)];
  out.hashes.resize(rows);
  // What has no hash is NULL, too.
  auto fill = [&](auto is_null, auto hash_of) {
    for (uint32_t row = 0; row < rows; ++row) {
      if (out.nulls[row] != 0) continue;
      out.nulls[row] = is_null(row) ? 1 : 0;
      if (out.nulls[row] == 0) out.hashes[row] = hash_of(row);
    }
  };
  if (column.role == ColumnRole::kDimension) {
    const bool number = column.type == ColumnType::kInt64;
    fill([&](uint32_t row) { return from.codes[row] == kNullCode || (number && from.codes[row] == kOtherCode); },
         [&](uint32_t row) { return hash_of_code(column, from.codes[row]); });
  } else if (column.type == ColumnType::kString) {
    fill([&](uint32_t row) { return from.strings[row].is_null(); },
         [&](uint32_t row) { return unique_hash(as_bytes(from.strings[row].view())); });
  } else {
    fill([&](uint32_t row) { return from.nulls != nullptr && from.nulls[row] != 0; },
         [&](uint32_t row) { return unique_hash(from.ints[row]); });
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
      // Short strings repeat themselves, and are compared with the one before by two words.
      if (row > 0 && from.strings[row].is_inline() && from.strings[row] == from.strings[row - 1]) {
        truths[row] = truths[row - 1];
      } else {
        truths[row] = from.strings[row].is_null() ? leaf.of_null() : leaf.of(from.strings[row].view());
      }
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

#include "engine/condition_eval.h"

#include <algorithm>
#include <span>

#include "engine/condition_leaf.h"

namespace tally {
namespace {

using Op = Condition::Op;
using Truths = std::vector<uint8_t>;

class BatchLeaves {
 public:
  BatchLeaves(const Schema& schema, const PreparedBatch& batch) : schema_(schema), batch_(batch) {}

  Truths leaf(const Condition& node) const {
    auto column = std::ranges::find(schema_.columns, node.column_id, &Column::id);
    bool found = column != schema_.columns.end() && column->role != ColumnRole::kId;
    if (!found) return Truths(batch_.rows, IntLeaf(node).of_null());
    if (column->role == ColumnRole::kEventTime) {
      return over_ints(IntLeaf(node), batch_.times, {});
    }
    auto index = static_cast<size_t>(
        std::count_if(schema_.columns.begin(), column, [&](const Column& c) { return c.role == column->role; }));
    bool strings = column->type == ColumnType::kString;
    if (column->role == ColumnRole::kDimension) {
      return over_dimension(node, strings, batch_.dimensions[index]);
    }
    const auto& field = batch_.fields[index];
    if (strings) return over_strings(StringLeaf(node), field.strings);
    return over_ints(IntLeaf(node), field.ints, field.nulls);
  }

 private:
  static Truths over_ints(const IntLeaf& leaf, std::span<const int64_t> values, std::span<const uint8_t> nulls) {
    Truths truths(values.size());
    for (size_t row = 0; row < values.size(); ++row) truths[row] = leaf.of(values[row]);
    for (size_t row = 0; row < nulls.size(); ++row) {
      if (nulls[row] != 0) truths[row] = leaf.of_null();
    }
    return truths;
  }

  static Truths over_strings(const StringLeaf& leaf, std::span<const StringRef> values) {
    Truths truths(values.size());
    for (size_t row = 0; row < values.size(); ++row) {
      truths[row] = values[row].is_null() ? leaf.of_null() : leaf.of(values[row].view());
    }
    return truths;
  }

  static Truths over_dimension(const Condition& node, bool strings, const PreparedBatch::Dimension& dimension) {
    Truths by_code;
    if (strings) {
      StringLeaf leaf(node);
      by_code.push_back(leaf.of_null());
      for (std::string_view value : dimension.local_values) by_code.push_back(leaf.of(value));
    } else {
      IntLeaf leaf(node);
      by_code.push_back(leaf.of_null());
      for (std::string_view value : dimension.local_values) {
        by_code.push_back(leaf.of(load_le<int64_t>(as_bytes(value).data())));
      }
    }
    Truths truths(dimension.local_codes.size());
    for (size_t row = 0; row < truths.size(); ++row) {
      truths[row] = by_code[dimension.local_codes[row]];
    }
    return truths;
  }

  const Schema& schema_;
  const PreparedBatch& batch_;
};

template <class Combine>
Truths combine(const Condition& node, const LeafTruths& leaf, Combine combine_two) {
  Truths truths = evaluate_truths(node.children[0], leaf);
  for (size_t i = 1; i < node.children.size(); ++i) {
    Truths more = evaluate_truths(node.children[i], leaf);
    for (size_t row = 0; row < truths.size(); ++row) truths[row] = combine_two(truths[row], more[row]);
  }
  return truths;
}

}  // namespace

std::vector<uint8_t> evaluate_truths(const Condition& node, const LeafTruths& leaf) {
  switch (node.op) {
    case Op::kAnd: return combine(node, leaf, [](uint8_t a, uint8_t b) { return std::min(a, b); });
    case Op::kOr: return combine(node, leaf, [](uint8_t a, uint8_t b) { return std::max(a, b); });
    case Op::kNot: {
      Truths truths = evaluate_truths(node.children[0], leaf);
      for (uint8_t& value : truths) value = static_cast<uint8_t>(kTrue - value);
      return truths;
    }
    default: return leaf(node);
  }
}

void evaluate_condition(const Condition& condition, const Schema& schema, const PreparedBatch& batch,
                        std::vector<uint8_t>& mask) {
  const BatchLeaves leaves(schema, batch);
  mask = evaluate_truths(condition, [&](const Condition& node) { return leaves.leaf(node); });
  for (uint8_t& value : mask) value = value == kTrue;
}

void classify_lateness(const Schema& schema, const PreparedBatch& batch, std::vector<uint8_t>& classes) {
  auto none = static_cast<uint8_t>(schema.lateness.size());
  classes.assign(batch.rows, none);
  std::vector<uint8_t> mask;
  for (size_t i = schema.lateness.size(); i-- > 0;) {  // so that the first class has the last word
    const LatenessClass& entry = schema.lateness[i];
    if (entry.condition) {
      evaluate_condition(*entry.condition, schema, batch, mask);
    } else {
      mask.assign(batch.rows, 1);
    }
    for (size_t row = 0; row < classes.size(); ++row) {
      if (mask[row] != 0) classes[row] = static_cast<uint8_t>(i);
    }
  }
}

}  // namespace tally

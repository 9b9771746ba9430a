#include "engine/condition_eval.h"

#include <algorithm>
#include <functional>
#include <span>

namespace tally {
namespace {

using Op = Condition::Op;
using Truths = std::vector<uint8_t>;

// Ordered so that AND is the lower, OR the higher of two, and NOT x is 2 - x.
enum Truth : uint8_t { kFalse = 0, kUnknown = 1, kTrue = 2 };

Truth truth(bool value) { return value ? kTrue : kFalse; }

// One leaf against values of its column: integers or strings, whichever the column holds.
template <class T>
class Leaf {
 public:
  template <class Held>
  Leaf(const Condition& node, Held) : op_(node.op) {
    for (const Value& value : node.values) {
      if (const Held* held = std::get_if<Held>(&value)) {
        values_.push_back(T(*held));
      } else {
        has_null_ = true;  // or a value of another type, which nothing is equal to for certain
      }
    }
    std::ranges::sort(values_);
  }

  Truth of_null() const {
    if (op_ == Op::kIsNull) return kTrue;
    return op_ == Op::kIsNotNull ? kFalse : kUnknown;
  }

  Truth of(T value) const {
    switch (op_) {
      case Op::kIsNull: return kFalse;
      case Op::kIsNotNull: return kTrue;
      case Op::kIn:
        if (std::ranges::binary_search(values_, value)) return kTrue;
        return has_null_ ? kUnknown : kFalse;
      default: return values_.empty() ? kUnknown : compare(value);
    }
  }

 private:
  Truth compare(T value) const {
    switch (op_) {
      case Op::kEq: return truth(value == values_[0]);
      case Op::kNe: return truth(value != values_[0]);
      case Op::kLt: return truth(value < values_[0]);
      case Op::kLe: return truth(value <= values_[0]);
      case Op::kGt: return truth(value > values_[0]);
      case Op::kGe: return truth(value >= values_[0]);
      default: return kUnknown;
    }
  }

  Op op_;
  std::vector<T> values_;  // sorted
  bool has_null_ = false;
};

using IntLeaf = Leaf<int64_t>;
using StringLeaf = Leaf<std::string_view>;

class Evaluator {
 public:
  Evaluator(const Schema& schema, const PreparedBatch& batch) : schema_(schema), batch_(batch) {}

  Truths evaluate(const Condition& node) const {
    switch (node.op) {
      case Op::kAnd: return combine(node, [](uint8_t a, uint8_t b) { return std::min(a, b); });
      case Op::kOr: return combine(node, [](uint8_t a, uint8_t b) { return std::max(a, b); });
      case Op::kNot: {
        Truths truths = evaluate(node.children[0]);
        for (uint8_t& value : truths) value = static_cast<uint8_t>(kTrue - value);
        return truths;
      }
      default: return evaluate_leaf(node);
    }
  }

 private:
  template <class Combine>
  Truths combine(const Condition& node, Combine combine_two) const {
    Truths truths = evaluate(node.children[0]);
    for (size_t i = 1; i < node.children.size(); ++i) {
      Truths more = evaluate(node.children[i]);
      for (size_t row = 0; row < truths.size(); ++row) {
        truths[row] = combine_two(truths[row], more[row]);
      }
    }
    return truths;
  }

  Truths evaluate_leaf(const Condition& node) const {
    auto column = std::ranges::find(schema_.columns, node.column_id, &Column::id);
    bool found = column != schema_.columns.end() && column->role != ColumnRole::kId;
    if (!found) return Truths(batch_.rows, IntLeaf(node, int64_t{}).of_null());
    if (column->role == ColumnRole::kEventTime) {
      return over_ints(IntLeaf(node, int64_t{}), batch_.times, {});
    }
    auto index = static_cast<size_t>(
        std::count_if(schema_.columns.begin(), column, [&](const Column& c) { return c.role == column->role; }));
    bool strings = column->type == ColumnType::kString;
    if (column->role == ColumnRole::kDimension) {
      return over_dimension(node, strings, batch_.dimensions[index]);
    }
    const auto& field = batch_.fields[index];
    if (strings) return over_strings(StringLeaf(node, std::string()), field.strings);
    return over_ints(IntLeaf(node, int64_t{}), field.ints, field.nulls);
  }

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
      StringLeaf leaf(node, std::string());
      by_code.push_back(leaf.of_null());
      for (std::string_view value : dimension.local_values) by_code.push_back(leaf.of(value));
    } else {
      IntLeaf leaf(node, int64_t{});
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

}  // namespace

void evaluate_condition(const Condition& condition, const Schema& schema, const PreparedBatch& batch,
                        std::vector<uint8_t>& mask) {
  mask = Evaluator(schema, batch).evaluate(condition);
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

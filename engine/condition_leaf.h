// One comparison of a condition against the values of its column, whatever they stand in. Strings compare byte by byte; a
// value of another type than its column makes the comparison unknown. Threads: constant once made.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "engine/condition.h"

namespace tally {

// Ordered so that AND is the lower, OR the higher of two, and NOT x is 2 - x.
enum Truth : uint8_t { kFalse = 0, kUnknown = 1, kTrue = 2 };
inline Truth truth(bool value) { return value ? kTrue : kFalse; }

// T: int64_t or std::string_view, whichever the column holds; Held: the same in a Value.
template <class T, class Held>
class ConditionLeaf {
 public:
  explicit ConditionLeaf(const Condition& node) : op_(node.op) {
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
    if (op_ == Condition::Op::kIsNull) return kTrue;
    return op_ == Condition::Op::kIsNotNull ? kFalse : kUnknown;
  }

  Truth of(T value) const {
    switch (op_) {
      case Condition::Op::kIsNull: return kFalse;
      case Condition::Op::kIsNotNull: return kTrue;
      case Condition::Op::kIn:
        if (std::ranges::binary_search(values_, value)) return kTrue;
        return has_null_ ? kUnknown : kFalse;
      default: return values_.empty() ? kUnknown : compare(value);
    }
  }

 private:
  Truth compare(T value) const {
    switch (op_) {
      case Condition::Op::kEq: return truth(value == values_[0]);
      case Condition::Op::kNe: return truth(value != values_[0]);
      case Condition::Op::kLt: return truth(value < values_[0]);
      case Condition::Op::kLe: return truth(value <= values_[0]);
      case Condition::Op::kGt: return truth(value > values_[0]);
      case Condition::Op::kGe: return truth(value >= values_[0]);
      default: return kUnknown;
    }
  }

  Condition::Op op_;
  std::vector<T> values_;  // sorted
  bool has_null_ = false;
};

using IntLeaf = ConditionLeaf<int64_t, int64_t>;
using StringLeaf = ConditionLeaf<std::string_view, std::string>;

}  // namespace tally

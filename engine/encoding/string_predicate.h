// What a query asks of a string: to be one of a set. NULL is none of them.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "base/string_ref.h"

namespace tally {

class StringPredicate {
 public:
  // In any order, repeated or not; the strings outlive the predicate.
  static StringPredicate any_of(std::vector<std::string_view> values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return StringPredicate(std::move(values));
  }
  static StringPredicate equals(std::string_view value) { return StringPredicate({value}); }

  bool matches(const StringRef& value) const {
    if (value.is_null()) return false;
    if (refs_.size() > kFew) return std::binary_search(values_.begin(), values_.end(), value.view());
    return std::find(refs_.begin(), refs_.end(), value) != refs_.end();
  }

  std::span<const std::string_view> values() const { return values_; }  // ascending

 private:
  static constexpr size_t kFew = 8;  // compared one by one: two words each, for short strings

  explicit StringPredicate(std::vector<std::string_view> values) : values_(std::move(values)) {
    for (std::string_view value : values_) refs_.emplace_back(value);
  }

  std::vector<std::string_view> values_;  // ascending
  std::vector<StringRef> refs_;
};

}  // namespace tally

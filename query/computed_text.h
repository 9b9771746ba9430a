// The strings that one step of an evaluation computes, for as long as a vector views them. What they take is taken from the
// query's memory while they live, in steps of kStepBytes. Threads: one.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "query/memory_budget.h"

namespace tally {

class ComputedText {
 public:
  static constexpr uint64_t kStepBytes = 64 * limits::kKiB;

  // `budget` outlives it; nullptr: nobody counts.
  explicit ComputedText(MemoryBudget* budget) : budget_(budget) {}
  ~ComputedText() {
    if (budget_ != nullptr) budget_->change(charged_, 0);
  }
  ComputedText(const ComputedText&) = delete;
  ComputedText& operator=(const ComputedText&) = delete;

  // Before a text of so many bytes is made. kLimitExceeded where the query may not have it.
  Sql<void> expect(uint64_t bytes) {
    bytes_ += bytes + sizeof(std::string);
    if (budget_ == nullptr || bytes_ - charged_ < kStepBytes) return {};
    return charge();
  }
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

 private:
  Sql<void> charge();

  MemoryBudget* const budget_;
  std::deque<std::string> texts_;
  uint64_t bytes_ = 0, charged_ = 0;
};

}  // namespace tally

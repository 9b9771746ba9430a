// How much memory queries may take: one budget for each, and above it one for all of them. Threads: any.
#pragma once

#include <atomic>
#include <cstdint>

#include "query/sql_error.h"

namespace tally {

class MemoryBudget {
 public:
  // `all`: what this one takes, that takes too; may be nullptr, and must outlive it.
  explicit MemoryBudget(uint64_t bytes_max, MemoryBudget* all = nullptr) : bytes_max_(bytes_max), all_(all) {}
  ~MemoryBudget() {
    if (all_ != nullptr) all_->used_.fetch_sub(used_.load());
  }
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  enum class Verdict : uint8_t { kFits, kTooMuch, kTooMuchOfAll };
  // What took `before` bytes takes `now`.
  Verdict change(uint64_t before, uint64_t now) {
    const uint64_t used = used_.fetch_add(now - before) + now - before;
    const bool all_fit = all_ == nullptr || all_->change(before, now) == Verdict::kFits;
    if (used > bytes_max_) return Verdict::kTooMuch;
    return all_fit ? Verdict::kFits : Verdict::kTooMuchOfAll;
  }
  uint64_t bytes_max() const { return bytes_max_; }
  uint64_t used() const { return used_.load(); }

 private:
  const uint64_t bytes_max_;
  MemoryBudget* const all_;
  std::atomic<uint64_t> used_{0};
};

// What kTooMuchOfAll is to whoever asked.
inline std::unexpected<SqlError> too_much_of_all() {
  return sql_fail(std::nullopt, "the queries that run now need more memory than all together may take",
                  "; try again when others are done", Code::kLimitExceeded);
}

}  // namespace tally

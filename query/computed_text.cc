#include "query/computed_text.h"

#include <utility>

namespace tally {

Sql<void> ComputedText::charge() {
  const MemoryBudget::Verdict verdict = budget_->change(std::exchange(charged_, bytes_), bytes_);
  if (verdict == MemoryBudget::Verdict::kFits) return {};
  if (verdict == MemoryBudget::Verdict::kTooMuchOfAll) return too_much_of_all();
  return sql_fail(std::nullopt,
                  "the query needs more than " + std::to_string(budget_->bytes_max() / limits::kMiB) +
                      " MiB for text that it computes",
                  "; compute less, or filter more", Code::kLimitExceeded);
}

}  // namespace tally

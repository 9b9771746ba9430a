// Tables that take no batches, and why, as the server has learned it: at the start, or from an answer that says so. Only a
// restart leads out of either, so nothing is ever taken back. Threads: any.
#pragma once

#include <map>
#include <mutex>
#include <string>

namespace tally {

class TableHealth {
 public:
  // True the first time for this table.
  bool takes_no_batches(const std::string& table, const std::string& reason) {
    std::lock_guard lock(mutex_);
    return reasons_.emplace(table, reason).second;
  }
  // A line for an operator; empty: every table takes batches.
  std::string text() const {
    std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [table, reason] : reasons_) {
      text += (text.empty() ? "table \"" : "; table \"") + table + "\" takes no batches: " + reason;
    }
    return text;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> reasons_;  // by table; guarded by mutex_
};

}  // namespace tally

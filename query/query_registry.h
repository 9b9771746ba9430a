// The statements that run, and those that ended last: what system.queries shows.
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace tally {

struct QueryEntry {
  uint64_t id = 0;    // from 1, in the order in which they came
  std::string sql;    // its first kSqlShown bytes
  std::string state;  // "running", "done", "failed", "cancelled"
  TimeUs started_us = 0;
  int64_t elapsed_us = 0;
  uint64_t rows_read = 0;
  uint64_t rows = 0;  // of the answer
  std::string error;
};

class QueryRegistry {
 public:
  static constexpr size_t kEndedKept = 100;
  static constexpr size_t kSqlShown = 2'000;

  struct Running {
    uint64_t id = 0;
    std::string sql;
    TimeUs started_us = 0, started_boottime_us = 0;
    std::atomic<uint64_t> rows_read{0};
  };
  std::shared_ptr<Running> begin(std::string_view sql, const Clock& clock);
  // `state`, `rows` and `error` of `outcome` are taken.
  void end(const Running& running, QueryEntry outcome, const Clock& clock);
  std::vector<QueryEntry> entries(const Clock& clock) const;  // by id

 private:
  mutable std::mutex mutex_;
  uint64_t last_id_ = 0;                                  // guarded by mutex_
  std::map<uint64_t, std::shared_ptr<Running>> running_;  // guarded by mutex_
  std::deque<QueryEntry> ended_;                          // guarded by mutex_; in the order in which they ended
};

}  // namespace tally

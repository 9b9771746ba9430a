// Whether a running statement may go on: its caller has not asked it to stop, its time is not over. Asked between blocks of
// rows. Threads: shared freely.
#pragma once

#include "base/clock.h"
#include "query/query.h"
#include "query/sql_error.h"

namespace tally {

class QueryControl {
 public:
  QueryControl() = default;  // to the end
  // The time runs from here on. `rows_read` counts rows beside the one of `options`. All must outlive it.
  QueryControl(const QueryOptions& options, const Clock& clock, std::atomic<uint64_t>* rows_read = nullptr);

  // kCancelled, or kLimitExceeded when the time is over. `rows`: read since the last call.
  Sql<void> proceed(uint64_t rows) const;
  // Runs `wait`, whose time does not count. By the statement's own thread, while no other works for it.
  template <class Wait>
  auto resting(Wait wait) const {
    const TimeUs begun_us = clock_ == nullptr ? 0 : clock_->boottime_us();
    auto outcome = wait();
    if (clock_ != nullptr) rested_us_ += clock_->boottime_us() - begun_us;
    return outcome;
  }

 private:
  const QueryOptions* options_ = nullptr;
  const Clock* clock_ = nullptr;
  std::atomic<uint64_t>* rows_read_ = nullptr;
  TimeUs deadline_us_ = INT64_MAX;  // boottime
  mutable TimeUs rested_us_ = 0;    // by which it moves
};

}  // namespace tally

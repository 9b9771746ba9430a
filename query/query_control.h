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

 private:
  const QueryOptions* options_ = nullptr;
  const Clock* clock_ = nullptr;
  std::atomic<uint64_t>* rows_read_ = nullptr;
  TimeUs deadline_us_ = INT64_MAX;  // boottime
};

}  // namespace tally

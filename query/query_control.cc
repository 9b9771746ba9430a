#include "query/query_control.h"

#include "base/interval.h"

namespace tally {

QueryControl::QueryControl(const QueryOptions& options, const Clock& clock, std::atomic<uint64_t>* rows_read)
    : options_(&options), clock_(&clock), rows_read_(rows_read) {
  if (options.timeout_us > 0) deadline_us_ = clock.boottime_us() + options.timeout_us;
}

Sql<void> QueryControl::proceed(uint64_t rows) const {
  if (options_ == nullptr) return {};
  if (options_->rows_read != nullptr) options_->rows_read->fetch_add(rows, std::memory_order_relaxed);
  if (rows_read_ != nullptr) rows_read_->fetch_add(rows, std::memory_order_relaxed);
  if (options_->stop.stop_requested()) {
    return sql_fail(std::nullopt, "the statement was cancelled", {}, Code::kCancelled);
  }
  if (deadline_us_ == INT64_MAX || clock_->boottime_us() - rested_us_ < deadline_us_) return {};
  return sql_fail(std::nullopt,
                  "the statement took longer than its time limit of " + format_duration(options_->timeout_us),
                  "; ask for less, or give it more time", Code::kLimitExceeded);
}

}  // namespace tally

#include "engine/logged_batch.h"

#include <algorithm>

#include "base/limits.h"

namespace tally {

TimeUs newest_time_not_early(const PreparedBatch& batch, TimeUs arrival_us) {
  TimeUs newest = 0;
  for (TimeUs time : batch.times) {
    if (time <= arrival_us + limits::kFutureSkewUs) newest = std::max(newest, time);
  }
  return newest;
}

Result<BatchResult> merge_outcomes(LoggedBatch& logged) {
  BatchResult result;
  result.lsn = logged.lsn;
  for (LoggedBatch::Outcome& outcome : logged.outcomes) {
    if (!outcome.status) {
      return fail(Code::kIndeterminate,
                  "this batch is stored, and counted only after a restart: " + outcome.status.error().message);
    }
    result.counts += outcome.counts;
    result.not_accepted.insert(result.not_accepted.end(), outcome.not_accepted.begin(), outcome.not_accepted.end());
  }
  std::sort(result.not_accepted.begin(), result.not_accepted.end(),
            [](const RowVerdict& a, const RowVerdict& b) { return a.row < b.row; });
  return result;
}

}  // namespace tally

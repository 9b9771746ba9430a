#include "tools/shell/result_stream.h"

#include <utility>

namespace tally {

Status ResultStream::begin(std::span<const ResultColumn> columns) {
  kept_.columns.assign(columns.begin(), columns.end());
  formatter_.emplace(format_, columns);
  formatter_->begin(text_);
  return put();
}

Status ResultStream::take(std::span<const std::vector<Cell>> rows) {
  all_kept_ = all_kept_ && kept_.rows.size() + rows.size() <= kStreamKeptRowsMax;
  if (all_kept_) {
    kept_.rows.insert(kept_.rows.end(), rows.begin(), rows.end());
  } else {
    kept_.rows = {};
  }
  formatter_->rows(rows, text_);
  return put();
}

Status ResultStream::finish() {
  formatter_->end(text_);
  return put();
}

Status ResultStream::put() {
  if (written_ && !text_.empty()) written_ = write_(text_);
  text_.clear();
  return written_ ? Status{} : fail(Code::kCancelled, "nobody takes the rest of the answer");
}

std::optional<QueryResult> ResultStream::take_kept() {
  return all_kept_ ? std::optional(std::move(kept_)) : std::nullopt;
}

}  // namespace tally

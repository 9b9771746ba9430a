// An answer on its way into a pipe or a file while it is made: as long as it likes, a piece of it in memory. Of its rows the first
// ones are kept too, for \chart.
// Threads: begin() and take() by the thread that runs the statement, the rest by its maker once that has ended.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "query/format.h"

namespace tally {

inline constexpr size_t kStreamKeptRowsMax = 10'000;

class ResultStream final : public RowSink {
 public:
  // `write` takes the text, piece by piece; its first error ends the statement.
  ResultStream(OutputFormat format, std::function<Status(std::string_view)> write)
      : format_(format), write_(std::move(write)) {}

  Status begin(std::span<const ResultColumn> columns) override;
  Status take(std::span<const std::vector<Cell>> rows) override;

  // What stands behind the last row; of a statement that returned rows.
  Status finish();
  // The error of `write`: the statement says no more than that it was stopped.
  const Status& written() const { return written_; }
  // Columns and all rows of the answer, if they are no more than kStreamKeptRowsMax.
  std::optional<QueryResult> take_kept();

 private:
  Status put();

  const OutputFormat format_;
  const std::function<Status(std::string_view)> write_;
  std::optional<ResultFormatter> formatter_;
  std::string text_;
  Status written_;
  QueryResult kept_;
  bool all_kept_ = true;
};

}  // namespace tally

// An answer on its way to its connection: columns and rows become frames (COLUMNS, ROWS) as they are made, and go into the stream a
// few pieces at a time. A ROWS frame leaves when it is full, or when rows in it have waited for limits::kRowsWaitUs.
// Errors, of which each ends the statement: kCancelled, nobody wants the rest; kLimitExceeded, a row does not fit a frame, or the
// client took longer to read, in all, than it may.
// Threads: the one that runs the statement.
#pragma once

#include "query/query.h"
#include "server/query_service.h"

namespace tally {

class AnswerSender final : public RowSink {
 public:
  // All outlive it. `patience_us`: waiting for the client, over the whole answer.
  AnswerSender(const QueryJob& job, Clock& clock, TimeUs patience_us)
      : job_(job), clock_(clock), patience_us_(patience_us) {}

  Status begin(std::span<const ResultColumn> columns) override;
  Status take(std::span<const std::vector<Cell>> rows) override;
  Status finish();  // the last frame of rows
  uint64_t rows() const { return rows_; }
  TimeUs waited_us() const { return waited_us_; }  // for the client, so far

 private:
  Status append(const std::vector<Cell>& row);
  Status send_rows();
  Status put(FrameType type, ByteSpan fields, ByteSpan data);

  const QueryJob& job_;
  Clock& clock_;
  TimeUs patience_us_;  // what is left of it
  Bytes data_;          // of the next ROWS frame
  uint32_t waiting_ = 0;
  TimeUs sent_us_ = 0;  // the last frame
  TimeUs waited_us_ = 0;
  uint64_t rows_ = 0;
};

}  // namespace tally

// Statements to a server, one at a time: what QueryEngine is to a database in this process, with the same options.
// Threads: run() by one at a time; cancel() by any, but not from a signal handler.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "query/query.h"
#include "server/limits.h"

namespace tally {

class RemoteQuery {
 public:
  // `welcome_us`: at most, from connecting to WELCOME.
  static Result<std::unique_ptr<RemoteQuery>> connect(const std::string& address,
                                                      TimeUs welcome_us = limits::kWelcomeTimeUs);
  virtual ~RemoteQuery() = default;
  // An error of the connection has no position; the next statement connects again. Of the options: a stop requested is
  // cancel(); timeout_us is a wish that the server may make shorter; rows_read is set a few times a second; memory is the
  // server's affair. `rows` takes the rows as they come, of any statement: while it does, the server waits, and an error of it
  // cancels.
  virtual std::expected<QueryResult, QueryError> run(std::string_view sql, const std::vector<Cell>& parameters,
                                                     const QueryOptions& options = {}) = 0;
  // The statement that runs ends with kCancelled as soon as the server has stopped it, which is within milliseconds; a second
  // call does not wait for the server: it closes the connection, which cancels too. Nothing when none runs.
  virtual void cancel() = 0;
};

}  // namespace tally

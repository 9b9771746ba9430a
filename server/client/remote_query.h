// Statements to a server, one at a time: what QueryEngine is to a database in this process. Threads: one at a time.
#pragma once

#include <memory>
#include <string>

#include "query/query.h"

namespace tally {

class RemoteQuery {
 public:
  static Result<std::unique_ptr<RemoteQuery>> connect(const std::string& address);
  virtual ~RemoteQuery() = default;
  // An error of the connection has no position; the next statement connects again.
  virtual std::expected<QueryResult, QueryError> run(std::string_view sql, const std::vector<Cell>& parameters) = 0;
};

}  // namespace tally

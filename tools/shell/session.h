// Where statements go: a database in this process, or a server. Everything in the shell stands on this one interface, so both
// behave the same. Threads: run() by one at a time; give_up() by any while it runs; the rest by the thread that made it.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "query/query.h"

namespace tally {

class Session {
 public:
  virtual ~Session() = default;

  // One statement. Of the options: a stop requested ends it with kCancelled within milliseconds; `rows` takes rows once only,
  // whatever becomes of a connection.
  virtual std::expected<QueryResult, QueryError> run(std::string_view sql, const QueryOptions& options) = 0;
  // The statement was told to stop and has not: ends it without waiting for the other side. Nothing where there is none.
  virtual void give_up() {}
  // What happened on the way to the last answer ("connected to 127.0.0.1:4440 again"), once; empty: nothing.
  virtual std::string take_notice() { return {}; }
};

class Database;

// `database` must outlive it.
std::unique_ptr<Session> make_embedded_session(Database& database);
// Connects, or says why not. A connection that breaks later is made again by the next statement.
Result<std::unique_ptr<Session>> connect_session(const std::string& address);

}  // namespace tally

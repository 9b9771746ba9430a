#include "tools/shell/session.h"

#include <mutex>
#include <optional>
#include <thread>

#include "server/client/remote_query.h"
#include "tools/shell/statement_words.h"

namespace tally {

namespace {

// Knows whether an answer has begun: what was handed over is not taken back.
class BegunSink final : public RowSink {
 public:
  explicit BegunSink(RowSink& sink) : sink_(sink) {}
  Status begin(std::span<const ResultColumn> columns) override {
    begun_ = true;
    return sink_.begin(columns);
  }
  Status take(std::span<const std::vector<Cell>> rows) override { return sink_.take(rows); }
  bool begun() const { return begun_; }

 private:
  RowSink& sink_;
  bool begun_ = false;
};

class EmbeddedSession final : public Session {
 public:
  explicit EmbeddedSession(Database& database) : engine_(database, {.threads = std::thread::hardware_concurrency()}) {}
  std::expected<QueryResult, QueryError> run(std::string_view sql, const QueryOptions& options) override {
    return engine_.run(sql, {}, options);
  }

 private:
  QueryEngine engine_;
};

// Holds a connection while it is good. What only reads is asked again when the connection turns out to be gone, as after
// a restart of the server that nobody noticed; anything else may have been done already, and is not.
class RemoteSession final : public Session {
 public:
  RemoteSession(std::string address, std::unique_ptr<RemoteQuery> connection)
      : address_(std::move(address)), connection_(std::move(connection)) {}

  std::expected<QueryResult, QueryError> run(std::string_view sql, const QueryOptions& options) override {
    const bool was_there = connection_ != nullptr;
    if (!was_there) {
      if (Status made = reconnect(); !made) return std::unexpected(QueryError{.error = made.error(), .position = {}});
    }
    QueryOptions watched = options;
    std::optional<BegunSink> sink;
    if (options.rows != nullptr) watched.rows = &sink.emplace(*options.rows);
    auto result = ask(sql, watched);
    if (!lost(result)) return result;
    drop();
    const bool once_more = was_there && only_reads(sql) && !options.stop.stop_requested() && !(sink && sink->begun());
    if (once_more && reconnect()) {
      result = ask(sql, watched);
      if (!lost(result)) return result;
      drop();
    }
    result.error().error.message += "; the next statement connects again";
    return result;
  }

  void give_up() override {
    std::lock_guard lock(mutex_);
    if (connection_ != nullptr) connection_->cancel();
  }
  std::string take_notice() override { return std::exchange(notice_, {}); }

 private:
  // The first connection is made again later: it is not an error that the statement caused.
  static bool lost(const std::expected<QueryResult, QueryError>& result) {
    return !result && result.error().error.code == Code::kIoError && !result.error().position;
  }
  std::expected<QueryResult, QueryError> ask(std::string_view sql, const QueryOptions& options) {
    return connection_->run(sql, {}, options);
  }
  Status reconnect() {
    auto connection = RemoteQuery::connect(address_);
    if (!connection) return std::unexpected(connection.error());
    std::lock_guard lock(mutex_);
    connection_ = std::move(*connection);
    notice_ = "connected to " + address_ + " again";
    return {};
  }
  void drop() {
    std::lock_guard lock(mutex_);
    connection_.reset();
  }

  const std::string address_;
  std::mutex mutex_;                         // of changing connection_, which give_up() reads
  std::unique_ptr<RemoteQuery> connection_;  // null: broken
  std::string notice_;
};

}  // namespace

std::unique_ptr<Session> make_embedded_session(Database& database) {
  return std::make_unique<EmbeddedSession>(database);
}

Result<std::unique_ptr<Session>> connect_session(const std::string& address) {
  TALLY_ASSIGN_OR_RETURN(auto connection, RemoteQuery::connect(address));
  return std::make_unique<RemoteSession>(address, std::move(connection));
}

}  // namespace tally

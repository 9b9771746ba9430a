// Statements from connections: so many run at once, so many wait, more are refused at once, whatever ingest is doing. An answer
// leaves as frames in pieces while it is made; a client that reads slowly holds up the making of its own answer, of which only a few
// pieces wait in memory.
// Threads: submit() and cancel() by any; stop() once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>

#include "base/clock.h"
#include "query/query.h"
#include "server/limits.h"
#include "server/messages.h"
#include "server/metrics.h"
#include "server/server_log.h"

namespace tally {

// Between the thread that computes an answer and the connection that sends it.
// Invariant: at most limits::kPiecesInFlightMax pieces are with the connection.
class AnswerStream {
 public:
  explicit AnswerStream(std::function<void(Bytes piece)> deliver) : deliver_(std::move(deliver)) {}

  enum class Outcome : uint8_t {
    kTaken,
    kStopped,  // cancelled, or the connection is gone
    kNoRoom    // for as long as was waited
  };
  // By the query's thread. Waits for room.
  Outcome put(Bytes piece, TimeUs patience_us);
  bool stopped();
  std::stop_token stop_token() const { return stop_.get_token(); }
  std::atomic<uint64_t>& rows_read() { return rows_read_; }
  // By the connection.
  void written();
  uint64_t rows_read_so_far() const { return rows_read_.load(std::memory_order_relaxed); }
  // By QueryService::cancel() alone.
  void cancel();

 private:
  std::function<void(Bytes)> deliver_;
  std::stop_source stop_;
  std::atomic<uint64_t> rows_read_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  uint32_t in_flight_ = 0;  // guarded by mutex_
  bool cancelled_ = false;  // guarded by mutex_
};

struct QueryJob {
  uint64_t connection = 0;  // for the log
  uint64_t sequence = 0;
  WireChecksum checksum = WireChecksum::kXxh3;
  QueryMessage query = {};
  std::shared_ptr<AnswerStream> stream = nullptr;
  // Runs exactly once, with the END or ERROR frame that ends the answer; on a thread of the service or of who cancels, must
  // not block.
  std::function<void(Bytes last)> done = nullptr;
};

class QueryService {
 public:
  // Computes one answer: QueryEngine::run. On several threads at once.
  using Run =
      std::function<std::expected<QueryResult, QueryError>(const QueryMessage& query, const QueryOptions& options)>;
  struct Limits {
    size_t running = 1;
    size_t waiting = 0;
    TimeUs time_us = 0;                        // of a statement that does not ask for less; 0: none
    TimeUs answer_us = limits::kAnswerTimeUs;  // that making an answer may wait for its client
    uint64_t memory_bytes = 0;                 // of one; 0: as the engine has it
    TimeUs slow_us = 0;                        // one that took longer is logged
  };
  QueryService(Run run, const Limits& limits, Clock& clock, ServerMetrics& metrics, ServerLog& log);
  ~QueryService();
  // False: as many as may wait do. Nothing was done.
  bool submit(QueryJob job);
  // The statement of this stream is not wanted any more: one that waits is answered at once, one that runs within
  // milliseconds. Again, or after its end: nothing.
  void cancel(AnswerStream& stream);
  void stop();  // all are cancelled

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tally

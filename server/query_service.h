// Statements from connections: so many run at once, so many wait, more are refused at once, whatever ingest is doing. An answer
// leaves as frames in pieces; a client that reads slowly holds up its own answer, of which only a few pieces wait in memory.
// Threads: submit() by any; stop() once.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "engine/database.h"
#include "server/messages.h"
#include "server/metrics.h"
#include "server/settings.h"

namespace tally {

// Between the thread that computes an answer and the connection that sends it.
// Invariant: at most limits::kPiecesInFlightMax pieces are with the connection.
class AnswerStream {
 public:
  explicit AnswerStream(std::function<void(Bytes piece)> deliver) : deliver_(std::move(deliver)) {}

  // By the query's thread. Waits for room; false: cancelled, or the connection is gone.
  bool put(Bytes piece);
  bool stopped();
  // By the connection.
  void written();
  void cancel();

 private:
  std::function<void(Bytes)> deliver_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint32_t in_flight_ = 0;  // guarded by mutex_
  bool cancelled_ = false;  // guarded by mutex_
};

struct QueryJob {
  uint64_t sequence = 0;
  WireChecksum checksum = WireChecksum::kXxh3;
  QueryMessage query = {};
  std::shared_ptr<AnswerStream> stream = nullptr;
  // Runs exactly once, with the END or ERROR frame that ends the answer; on a thread of the service, must not block.
  std::function<void(Bytes last)> done = nullptr;
};

class QueryService {
 public:
  using SettingRows = std::function<std::vector<SettingRow>()>;
  QueryService(Database& database, size_t running_max, size_t waiting_max, ServerMetrics& metrics,
               SettingRows settings);
  ~QueryService();
  // False: as many as may wait do. Nothing was done.
  bool submit(QueryJob job);
  void stop();  // those that wait are answered cancelled; those that run end first

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tally

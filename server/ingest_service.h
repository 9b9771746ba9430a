// Batches from connections into tables: worker threads sum, decode and validate them in parallel (Table::ingest_async does
// that on the thread that calls it). A table that is busy blocks workers, not connections. What waits here is bounded by the
// budget of bytes that a batch was read under, so the queue itself has no limit of its own.
// Threads: submit() by any; stop() once.
#pragma once

#include <functional>
#include <memory>

#include "engine/table.h"
#include "server/messages.h"

namespace tally {

struct IngestJob {
  Table* table = nullptr;
  FrameHeader header;
  BatchMessage notes = {};
  Bytes payload = {};
  // Runs exactly once, on any thread, and must not block.
  std::function<void(Wire<BatchResult>)> done = nullptr;
};

class IngestService {
 public:
  explicit IngestService(size_t workers);
  ~IngestService();
  void submit(IngestJob job);
  void stop();  // what was submitted is handed to its table first; answers may come later

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tally

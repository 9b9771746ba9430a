// Batches on their way into a table: several in flight, answers taken in the order of sending, so that whoever keeps a
// position moves it forward without holes. A batch that the table asks to send again later is sent again, the same bytes,
// after a pause that doubles, until kRetryPatienceUs is over.
//
//   TALLY_TRY(window.send(std::move(batch)));       // waits while the window is full
//   while (auto answered = window.take(false)) ...  // in order
//
// Threads: one at a time (the table's own threads call back inside).
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "engine/table.h"
#include "tools/load/event_sink.h"

namespace tally {

// A batch with what the loader wants to know when its answer comes.
struct LoadBatch {
  IngestBatch ingest;
  size_t source = 0;              // which file
  uint64_t last_row = 0;          // the last source row in it, rejected ones included
  std::vector<uint64_t> lines;    // by row of the batch: where it stands in the file
  std::vector<std::string> raws;  // by row of the batch, if raw rows are wanted
  struct Rejected {
    uint64_t line = 0;
    std::string column, code, reason, raw;
  };
  std::vector<Rejected> rejected;
};

struct AnsweredBatch {
  LoadBatch batch;  // without its payload
  Result<BatchResult> result;
};

class BatchWindow {
 public:
  static constexpr size_t kInFlightMax = 4;
  static constexpr TimeUs kRetryPatienceUs = kMicrosPerMinute;

  BatchWindow(EventSink& sink, Clock& clock) : sink_(sink), clock_(clock) {}
  BatchWindow(Table& table, Clock& clock) : own_(std::make_unique<TableSink>(table)), sink_(*own_), clock_(clock) {}
  ~BatchWindow();  // waits for what is in flight
  BatchWindow(const BatchWindow&) = delete;
  BatchWindow& operator=(const BatchWindow&) = delete;

  bool full() const { return flying_.size() >= kInFlightMax; }
  bool empty() const { return flying_.empty(); }
  void send(LoadBatch batch);  // not while full()
  // The oldest batch, if its answer is there; `wait` waits for it. Nothing when nothing is in flight.
  std::optional<AnsweredBatch> take(bool wait);
  uint64_t retries() const { return retries_; }

 private:
  struct Flying {
    LoadBatch batch;  // ingest.payload stays here, a copy of it flies
    std::optional<Result<BatchResult>> result;
    TimeUs first_sent_us = 0;
    TimeUs pause_us = 0;
  };
  void launch(Flying& flying);
  bool answered(const Flying& flying);
  bool retry(Flying& flying);

  std::unique_ptr<EventSink> own_ = nullptr;
  EventSink& sink_;
  Clock& clock_;
  std::deque<std::unique_ptr<Flying>> flying_;
  std::mutex mutex_;  // guards every Flying::result
  std::condition_variable changed_;
  uint64_t retries_ = 0;
};

}  // namespace tally

// What the server counts about itself. Threads: any; counting is one relaxed atomic addition.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/duration_histogram.h"

namespace tally {

class Counter {
 public:
  void add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void add(int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

struct ServerMetrics {
  Counter connections_accepted;
  Counter connections_refused;  // too many
  Counter connections_failed;   // closed for what the client did, or did not
  Gauge connections;
  Counter batches_received;
  Counter batches_answered;  // RESULT
  Counter batches_refused;   // ERROR
  Counter batch_bytes;
  Gauge ingest_bytes;  // received and not answered
  Counter ingest_waits;
  Counter queries;          // taken
  Counter queries_refused;  // answered busy
  Counter queries_failed;
  Counter queries_cancelled;
  Gauge queries_running;
  DurationHistogram acknowledgement;  // from a batch's last byte to its RESULT in the queue of its connection
  DurationHistogram query;
};

}  // namespace tally

// The progress line of a load, on a terminal: rows, share of the stored bytes, rate, time left. Nothing in a pipe.
// Drawn at most five times a second. Threads: one.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "tools/console.h"

namespace tally {

class LoadProgress {
 public:
  LoadProgress(Console& console, Clock& clock) : console_(console), clock_(clock), begun_us_(clock.boottime_us()) {}

  void expect(uint64_t stored_bytes) { bytes_expected_ += stored_bytes; }
  // `stored_bytes_read` counts within the file at hand.
  void update(uint64_t rows, uint64_t stored_bytes_read);
  void finish_source(uint64_t stored_bytes) { bytes_finished_ += stored_bytes; }

  // The line for these figures; `share` is negative when nothing tells how much there is.
  static std::string line(uint64_t rows, double seconds, double share);

 private:
  Console& console_;
  Clock& clock_;
  TimeUs begun_us_;
  TimeUs drawn_us_ = 0;
  uint64_t bytes_expected_ = 0;
  uint64_t bytes_finished_ = 0;
};

}  // namespace tally

#include "tools/load/load_progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace tally {

namespace {
constexpr TimeUs kDrawEveryUs = 200'000;
}

std::string LoadProgress::line(uint64_t rows, double seconds, double share) {
  std::string text = with_thousands(rows) + " rows";
  if (share >= 0) text += fmt::format(", {:.0f} %", 100 * share);
  if (seconds <= 0) return text;
  text += ", " + with_thousands(static_cast<uint64_t>(static_cast<double>(rows) / seconds)) + " rows/s";
  if (share > 0.001 && seconds > 1) text += ", " + human_seconds(seconds / share - seconds) + " left";
  return text;
}

void LoadProgress::update(uint64_t rows, uint64_t stored_bytes_read) {
  if (!console_.messages_are_terminal()) return;
  TimeUs now = clock_.boottime_us();
  if (now - drawn_us_ < kDrawEveryUs) return;
  drawn_us_ = now;
  double share = -1;
  if (bytes_expected_ > 0) {
    uint64_t read = std::min(bytes_finished_ + stored_bytes_read, bytes_expected_);
    share = static_cast<double>(read) / static_cast<double>(bytes_expected_);
  }
  console_.progress(line(rows, static_cast<double>(now - begun_us_) / 1e6, share));
}

}  // namespace tally

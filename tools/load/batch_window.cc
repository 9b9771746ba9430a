#include "tools/load/batch_window.h"

#include <algorithm>

namespace tally {

namespace {
constexpr TimeUs kPauseFirstUs = 20'000;
constexpr TimeUs kPauseMaxUs = 2 * kMicrosPerSecond;
}  // namespace

BatchWindow::~BatchWindow() {
  std::unique_lock lock(mutex_);
  for (auto& flying : flying_) {
    changed_.wait(lock, [&] { return flying->result.has_value(); });
  }
}

void BatchWindow::launch(Flying& flying) {
  IngestBatch copy = flying.batch.ingest;
  sink_.ingest_async(std::move(copy), [this, &flying](Result<BatchResult> result) {
    // Notified under the lock: once it is free the window may be gone.
    std::lock_guard lock(mutex_);
    flying.result.emplace(std::move(result));
    changed_.notify_all();
  });
}

void BatchWindow::send(LoadBatch batch) {
  TALLY_CHECK(!full());
  auto flying = std::make_unique<Flying>();
  flying->batch = std::move(batch);
  flying->first_sent_us = clock_.boottime_us();
  flying_.push_back(std::move(flying));
  launch(*flying_.back());
}

bool BatchWindow::answered(const Flying& flying) {
  std::lock_guard lock(mutex_);
  return flying.result.has_value();
}

// True when the batch is on its way again.
bool BatchWindow::retry(Flying& flying) {
  const Result<BatchResult>& result = *flying.result;
  if (result.has_value() || result.error().code != Code::kRetryLater) return false;
  if (clock_.boottime_us() - flying.first_sent_us > kRetryPatienceUs) return false;
  flying.pause_us = flying.pause_us == 0 ? kPauseFirstUs : std::min(2 * flying.pause_us, kPauseMaxUs);
  clock_.sleep_us(flying.pause_us);
  ++retries_;
  flying.result.reset();  // nobody else looks at it: its answer was there
  launch(flying);
  return true;
}

std::optional<AnsweredBatch> BatchWindow::take(bool wait) {
  if (flying_.empty()) return std::nullopt;
  Flying& oldest = *flying_.front();
  while (true) {
    if (!wait && !answered(oldest)) return std::nullopt;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return oldest.result.has_value(); });
    }
    if (!retry(oldest)) break;
  }
  AnsweredBatch answer{std::move(oldest.batch), *std::move(oldest.result)};
  answer.batch.ingest = {};
  flying_.pop_front();
  return answer;
}

}  // namespace tally

#include "engine/lateness_classes.h"

#include <algorithm>

namespace tally {

LatenessClasses::LatenessClasses(std::span<const std::shared_ptr<const Schema>> versions) {
  for (const auto& version : versions) add(*version);
}

uint32_t LatenessClasses::add(const Schema& schema) {
  const uint32_t before = count();
  if (before > 0 && schema.within_us == within_us_ && schema.lateness == last_) return before;
  within_us_ = schema.within_us;
  last_ = schema.lateness;
  firsts_.push_back(before);
  for (size_t i = 0; i <= schema.lateness.size(); ++i) {
    durations_us_.push_back(std::max(schema.within_us, lateness_of(schema, i)));
  }
  return before;
}

uint32_t LatenessClasses::longest() const {
  auto longest = std::max_element(durations_us_.begin() + first(), durations_us_.end());
  return static_cast<uint32_t>(longest - durations_us_.begin());
}

uint32_t LatenessClasses::first_after(uint32_t lateness_class) const {
  auto next = std::upper_bound(firsts_.begin(), firsts_.end(), lateness_class);
  return next == firsts_.end() ? count() : *next;
}

}  // namespace tally

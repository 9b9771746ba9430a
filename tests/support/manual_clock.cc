#include "tests/support/manual_clock.h"

#include <cstdio>

namespace tally {

std::string ManualClock::boot_id() const {
  char text[37];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012llx", static_cast<unsigned long long>(boot_.load()));
  return text;
}

void ManualClock::reboot(TimeUs down) {
  wall_us_ += down;
  boottime_us_ = 0;
  ++boot_;
}

}  // namespace tally

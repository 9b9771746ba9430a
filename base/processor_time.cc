#include "base/processor_time.h"

#include <ctime>

namespace tally {

TimeUs thread_processor_us() {
  timespec now{};
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0) return 0;
  return now.tv_sec * kMicrosPerSecond + now.tv_nsec / 1000;
}

}  // namespace tally

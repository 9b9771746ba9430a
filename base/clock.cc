#include "base/clock.h"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <memory>

#include "base/status.h"

namespace tally {
namespace {

TimeUs read_clock(clockid_t id) {
  timespec now{};
  TALLY_CHECK(::clock_gettime(id, &now) == 0);
  return TimeUs{now.tv_sec} * kMicrosPerSecond + now.tv_nsec / 1000;
}

// Where the kernel does not tell (a sandbox without /proc) the boot has no name, and two boots look alike: the manifest's
// comparison of boottime_us then still finds that time went back.
std::string read_boot_id() {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/sys/kernel/random/boot_id", "re"),
                                                       std::fclose);
  char text[37] = {};
  if (file == nullptr || std::fread(text, 1, sizeof text - 1, file.get()) != sizeof text - 1) {
    return "unknown";
  }
  return text;
}

class SystemClock final : public Clock {
 public:
  TimeUs wall_us() const override { return read_clock(CLOCK_REALTIME); }
  TimeUs boottime_us() const override { return read_clock(CLOCK_BOOTTIME); }
  std::string boot_id() const override { return boot_id_; }
  void sleep_us(TimeUs duration) override {
    if (duration <= 0) return;
    timespec left{};
    left.tv_sec = duration / kMicrosPerSecond;
    left.tv_nsec = duration % kMicrosPerSecond * 1000;
    while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
  }

 private:
  const std::string boot_id_ = read_boot_id();
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

}  // namespace tally

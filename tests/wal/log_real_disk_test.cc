// The log on real files: io_uring where the kernel allows it, pwrite always.
#include <doctest/doctest.h>

#include <filesystem>
#include <thread>

#include "tests/support/log_world.h"

namespace tally {
namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tally_log_XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string log() const { return path_ + "/log"; }

 private:
  std::string path_;
};

// Lives of random steps; each ends without close() as often as not, which is a kill as far as the log can tell.
void live_on(IoMethod method) {
  TemporaryDirectory directory;
  auto fs = make_posix_file_system(method);
  ManualClock clock;
  LogOracle oracle;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    LogWorld world(*fs, clock, oracle, {.directory = directory.log(), .file_bytes = 256 * 1024, .seed = seed});
    Status lived = world.live(150);
    CHECK_EQ(lived ? "" : lived.error().to_string(), "");
    REQUIRE_EQ(oracle.failure(), "");
    if (method == IoMethod::kPwrite) CHECK_EQ(world.log()->io_method(), "pwrite");
  }
}

}  // namespace

TEST_CASE("log on real files, the best method there is") { live_on(IoMethod::kAuto); }
TEST_CASE("log on real files, pwrite") { live_on(IoMethod::kPwrite); }

TEST_CASE("log: durable_lsn may be read by other threads") {
  TemporaryDirectory directory;
  auto fs = make_posix_file_system();
  ManualClock clock;
  LogOracle oracle;
  LogWorld world(*fs, clock, oracle, {.directory = directory.log(), .seed = 3});
  REQUIRE(world.recover().has_value());
  REQUIRE(world.start().has_value());
  std::atomic<bool> stop = false;
  bool went_back = false;
  std::thread reader([&, log = world.log()] {
    for (Lsn last = 0; !stop;) {
      Lsn now = log->durable_lsn();
      went_back |= now < last;
      last = now;
    }
  });
  for (int i = 0; i < 200; ++i) CHECK(world.append().has_value());
  CHECK(world.wait_durable().has_value());
  stop = true;
  reader.join();
  CHECK_FALSE(went_back);
  CHECK_EQ(oracle.failure(), "");
}

}  // namespace tally

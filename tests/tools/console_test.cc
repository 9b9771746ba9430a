#include "tools/console.h"

#include <doctest/doctest.h>

#include "tools/load/load_progress.h"

namespace tally {
namespace {

TEST_CASE("console: figures for people") {
  CHECK(human_bytes(1) == "1 byte");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(uint64_t{3} << 40) == "3.0 TiB");
  CHECK(human_seconds(0.314) == "0.31 s");
  CHECK(human_seconds(45) == "45 s");
  CHECK(human_seconds(125) == "2 min 5 s");
  CHECK(human_seconds(4'200) == "1 h 10 min");
}

TEST_CASE("progress: rows, share, rate, time left") {
  CHECK(LoadProgress::line(0, 0, -1) == "0 rows");
  CHECK(LoadProgress::line(40'000, 2, -1) == "40,000 rows, 20,000 rows/s");
  CHECK(LoadProgress::line(40'000, 2, 0.25) == "40,000 rows, 25 %, 20,000 rows/s, 6.00 s left");
}

}  // namespace
}  // namespace tally

// A load into a table whose simulated disk fills up: it stops and says so, keeps what was acknowledged, and goes on from
// there once there is room, without losing or doubling a row.
#include <doctest/doctest.h>

#include "base/random.h"
#include "tests/support/engine/table_world.h"
#include "tests/support/temp_dir.h"
#include "tools/load/loader.h"

namespace tally {
namespace {

constexpr uint64_t kRows = 3'000;

std::string source_text() {
  Random random(1);
  std::string text = "ts,event_id,campaign,click,user\n";
  for (uint64_t i = 0; i < kRows; ++i) {
    Bytes noise(2'000);  // hex of it, so that compression cannot make room
    random.fill(noise);
    text += "2023-11-14T22:00:00Z,e" + std::to_string(i) + ",c" + std::to_string(i % 5) + ",1," + hex(noise) + "\n";
  }
  return text;
}

LoadSummary load(TableWorld& world, FileSystem& fs, const LoadOptions& options, Status& status) {
  Console console;
  Loader loader(world.table(), fs, world.clock, console, options);
  status = loader.run();
  CHECK(loader.summary().counts.balanced());
  return loader.summary();
}

}  // namespace

TEST_CASE("load: a disk that fills up stops it with what was acknowledged; with room it goes on, each row once") {
  TempDir directory;
  std::unique_ptr<FileSystem> fs = make_posix_file_system();
  LoadOptions options;
  options.files = {directory.file("rows.csv")};
  options.ack_file = directory.file("acknowledged");
  options.batch_rows = 50;
  REQUIRE(write_file_atomic(*fs, options.files[0], as_bytes(source_text())).has_value());

  TableOptions table_options = small_table_options();
  table_options.memtable_bytes_max = limits::kMiB;
  TableWorld world(1, table_options);
  world.disk.set_capacity(9 * limits::kMiB);

  Status status;
  const LoadSummary stopped = load(world, *fs, options, status);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Code::kNoSpace);
  CHECK_FALSE(stopped.complete);
  CHECK(stopped.counts.accepted > 0);
  CHECK(stopped.counts.accepted < kRows);
  CHECK(world.events() == stopped.counts.accepted);

  world.power_failure(Fate::kDropUnsynced);
  world.disk.set_capacity(uint64_t{1} << 40);
  world.open();
  CHECK(world.events() == stopped.counts.accepted);

  const LoadSummary rest = load(world, *fs, options, status);
  CHECK_MESSAGE(status, (status ? "" : status.error().to_string()));
  CHECK(rest.complete);
  CHECK(world.events_by_id().size() == kRows);
  CHECK(world.events() == kRows);
}

}  // namespace tally

#include "tools/load/ack_file.h"

#include <doctest/doctest.h>

#include "tests/support/sim_disk.h"

namespace tally {
namespace {

std::string content(FileSystem& fs, const std::string& path) {
  auto bytes = read_whole_file(fs, path, 1 << 20);
  return bytes ? std::string(as_text(*bytes)) : "";
}

void put(FileSystem& fs, const std::string& path, const std::string& text) {
  REQUIRE(write_file_atomic(fs, path, as_bytes(text)).has_value());
}

TEST_CASE("ack file: positions come back, as a text that people can read") {
  SimDisk disk(1);
  auto file = AckFile::open(disk, "/acks", "t", "0a0b");
  REQUIRE(file.has_value());
  CHECK_FALSE(file->resumed());
  CHECK(file->position("a.csv").rows == 0);
  REQUIRE(file->advance("a.csv", {20'000, 597'878}).has_value());
  REQUIRE(file->advance("a.csv", {40'000, 597'878, SourceHead{65'536, 0x00a1'b2c3'd4e5'f607}}).has_value());
  REQUIRE(file->advance("odd\n\\name", {1, std::nullopt}).has_value());
  CHECK(content(disk, "/acks") ==
        "tally ack file, version 2\ntable 0a0b t\nrows 40000 bytes 597878 head 65536 00a1b2c3d4e5f607 a.csv\nrows 1 "
        "bytes "
        "unknown head unknown odd\\n\\\\name\n");

  auto again = AckFile::open(disk, "/acks", "t", "0a0b");
  REQUIRE(again.has_value());
  CHECK(again->resumed());
  CHECK(again->position("a.csv").rows == 40'000);
  CHECK(again->position("a.csv").source_bytes == 597'878);
  CHECK(again->position("a.csv").head == SourceHead{65'536, 0x00a1'b2c3'd4e5'f607});
  CHECK_FALSE(again->position("odd\n\\name").head.has_value());
  CHECK(again->position("odd\n\\name").rows == 1);
  CHECK_FALSE(again->position("odd\n\\name").source_bytes.has_value());
}

TEST_CASE("ack file: one of the version before is read, and goes on as this one") {
  SimDisk disk(1);
  put(disk, "/acks", "tally ack file, version 1\ntable 0a0b t\nrows 5 bytes 7 head 1.csv\n");
  auto file = AckFile::open(disk, "/acks", "t", "0a0b");
  REQUIRE(file.has_value());
  CHECK(file->position("head 1.csv").rows == 5);
  CHECK_FALSE(file->position("head 1.csv").head.has_value());
  REQUIRE(file->advance("head 1.csv", {6, 9, SourceHead{9, 1}}).has_value());
  CHECK(content(disk, "/acks") ==
        "tally ack file, version 2\ntable 0a0b t\nrows 6 bytes 9 head 9 0000000000000001 head 1.csv\n");
  CHECK(AckFile::open(disk, "/acks", "t", "0a0b")->position("head 1.csv").head == SourceHead{9, 1});
}

TEST_CASE("ack file: one of another table is not believed") {
  SimDisk disk(1);
  put(disk, "/acks", "tally ack file, version 1\ntable 0a0b t\nrows 5 bytes 7 a.csv\n");
  auto other = AckFile::open(disk, "/acks", "u", "0c0d");
  REQUIRE_FALSE(other.has_value());
  CHECK(other.error().message.find("belongs to a load into table \"t\", not \"u\"") != std::string::npos);
  auto anew = AckFile::open(disk, "/acks", "t", "0c0d");
  REQUIRE_FALSE(anew.has_value());
  CHECK(anew.error().message.find("another table of the name \"t\"") != std::string::npos);
}

TEST_CASE("ack file: whatever is not one is refused with its line") {
  const char* const damaged[] = {
      "",
      "something\n",
      "tally ack file, version 1\n",
      "tally ack file, version 1\nrows 5 bytes 7 a.csv\n",
      "tally ack file, version 1\ntable 0a0b t\nrows five bytes 7 a.csv\n",
      "tally ack file, version 1\ntable 0a0b t\nrows -5 bytes 7 a.csv\n",
      "tally ack file, version 1\ntable 0a0b t\nrows 5 bytes 7\n",
      "tally ack file, version 1\ntable 0a0b t\nrows 5 bites 7 a.csv\n",
      "tally ack file, version 1\ntable 0a0b t\n\n",
      "tally ack file, version 3\ntable 0a0b t\nrows 5 bytes 7 a.csv\n",
      "tally ack file, version 2\ntable 0a0b t\nrows 5 bytes 7 a.csv\n",
      "tally ack file, version 2\ntable 0a0b t\nrows 5 bytes 7 head 9 a.csv\n",
      "tally ack file, version 2\ntable 0a0b t\nrows 5 bytes 7 head 9 000000000000000g a.csv\n",
      "tally ack file, version 2\ntable 0a0b t\nrows 5 bytes 7 head 65537 0000000000000001 a.csv\n",
      "tally ack file, version 2\ntable 0a0b t\nrows 5 bytes 7 head 9 0000000000000001\n",
      "tally ack file, version 2\ntable 0a0b t\nrows unknown bytes 7 head unknown a.csv\n",
  };
  for (const char* text : damaged) {
    CAPTURE(text);
    SimDisk disk(1);
    put(disk, "/acks", text);
    auto file = AckFile::open(disk, "/acks", "t", "0a0b");
    REQUIRE_FALSE(file.has_value());
    CHECK(file.error().code == Code::kCorruption);
  }
}

TEST_CASE("ack file: after a power failure it says what was confirmed, or one step more") {
  for (uint64_t at = 1;; ++at) {
    CAPTURE(at);
    SimDisk disk(1);
    disk.crash_at(at);
    uint64_t confirmed = 0;
    auto file = AckFile::open(disk, "/acks", "t", "0a0b");
    for (uint64_t rows = 10; file && rows <= 30; rows += 10) {
      if (!file->advance("a.csv", {rows, 7})) break;
      confirmed = rows;
    }
    if (!disk.crashed()) break;
    for (Fate fate : kAllFates) {
      auto after = disk.after_crash(fate, at);
      auto found = AckFile::open(*after, "/acks", "t", "0a0b");
      REQUIRE(found.has_value());
      uint64_t rows = found->position("a.csv").rows;
      CHECK((rows == confirmed || rows == confirmed + 10));
    }
  }
}

}  // namespace
}  // namespace tally

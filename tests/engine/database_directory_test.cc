#include "engine/database_directory.h"

#include <doctest/doctest.h>

#include "engine/database.h"
#include "tests/support/engine/disk_samples.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

std::string message_of(const Status& status) { return status ? "" : status.error().message; }

std::string open_error(SimDisk& disk, const std::string& path) {
  auto opened = DatabaseDirectory::open(disk, path);
  return opened ? "" : opened.error().message;
}

void touch(SimDisk& disk, const std::string& path) { REQUIRE(disk.open(path, OpenMode::kCreate)); }

}  // namespace

TEST_CASE("database directory: the marker, byte by byte") {
  DatabaseUuid uuid;
  for (uint8_t i = 0; i < 16; ++i) uuid[i] = i;
  Bytes bytes = encode_marker(uuid);
  CHECK(hex(bytes) ==
        "54414c4c5944420a"
        "0100"
        "0100"
        "00000000"
        "000102030405060708090a0b0c0d0e0f"
        "2df33af39b64d9d5");
  CHECK(*decode_marker(bytes) == uuid);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes harmed = bytes;
    harmed[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    CHECK_FALSE(decode_marker(harmed));
  }
  for (size_t length = 0; length < bytes.size(); ++length) CHECK_FALSE(decode_marker(ByteSpan(bytes).first(length)));
}

TEST_CASE("database directory: init makes one in a new or an empty directory, and only there") {
  SimDisk disk(1);
  REQUIRE(init_database(disk, "new"));
  REQUIRE(disk.make_directory("empty"));
  REQUIRE(init_database(disk, "empty/"));
  CHECK(DatabaseDirectory::open(disk, "new"));
  CHECK(DatabaseDirectory::open(disk, "empty"));
  CHECK(message_of(init_database(disk, "new")) == "new is a Tally database already");
  REQUIRE(disk.make_directory("full"));
  touch(disk, "full/letter.txt");
  CHECK(message_of(init_database(disk, "full")) == "full is not empty; a database needs a directory of its own");
  CHECK(message_of(init_database(disk, "full/letter.txt")) ==
        "full/letter.txt is a file; a database needs a directory");
  CHECK(message_of(init_database(disk, "no/such/parent")) == "there is no directory no/such to make parent in");
}

TEST_CASE("database directory: what is no database is named, with the way out") {
  SimDisk disk(1);
  REQUIRE(disk.make_directory("d"));
  CHECK(open_error(disk, "d") == "d is no Tally database (no TALLY file); `tally init d` makes one");
  CHECK(open_error(disk, "e") == "e does not exist; `tally init e` makes one");
  touch(disk, "d/letter.txt");  // where init would refuse, it is not what is advised
  CHECK(open_error(disk, "d") ==
        "d is no Tally database (no TALLY file), and holds other files: choose another directory");
  CHECK(open_error(disk, "d/letter.txt") == "d/letter.txt is a file; a database is a directory");
  REQUIRE(disk.make_directory("b"));
  touch(disk, "b/BACKUP");
  CHECK(open_error(disk, "b") ==
        "b is no Tally database (no TALLY file): it is a backup; `tally restore b DIR` makes a database of it");
  REQUIRE(init_database(disk, "db"));
  REQUIRE(disk.flip_bit("db/TALLY", 20, 3));
  CHECK(open_error(disk, "db") == "db/TALLY: its sum does not match");
}

TEST_CASE("database directory: open twice is refused, and free again afterwards") {
  SimDisk disk(1);
  REQUIRE(init_database(disk, "db"));
  {
    auto first = DatabaseDirectory::open(disk, "db");
    REQUIRE(first);
    auto second = DatabaseDirectory::open(disk, "db");
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Code::kLocked);
  }
  CHECK(DatabaseDirectory::open(disk, "db"));
}

TEST_CASE("database directory: tables are made once and listed by name") {
  SimDisk disk(1);
  REQUIRE(init_database(disk, "db"));
  auto directory = *DatabaseDirectory::open(disk, "db");
  REQUIRE(directory->create_table("Zebra tables", sample_state()));
  REQUIRE(directory->create_table("ads", sample_state()));
  touch(disk, "db/tables/README");
  REQUIRE(disk.make_directory("db/tables/Not%Ours"));
  CHECK(*directory->table_names() == std::vector<std::string>{"Zebra tables", "ads"});
  CHECK(directory->create_table("ads", sample_state()).error().code == Code::kAlreadyExists);
  CHECK_FALSE(directory->create_table("", sample_state()));
  CHECK(Manifest::load(disk, directory->paths().table("ads").directory()));
}

TEST_CASE(
    "database directory: an unfinished table is cleared at the next start, somebody else's files "
    "are not") {
  SimDisk disk(1);
  REQUIRE(init_database(disk, "db"));
  REQUIRE(disk.make_directory("db/tables/ads.tmp"));
  REQUIRE(disk.make_directory("db/tables/ads.tmp/log"));
  touch(disk, "db/tables/ads.tmp/MANIFEST-000001.tmp");
  REQUIRE(DatabaseDirectory::open(disk, "db"));
  CHECK_FALSE(disk.exists("db/tables/ads.tmp"));
  REQUIRE(disk.make_directory("db/tables/ads.tmp"));
  touch(disk, "db/tables/ads.tmp/letter.txt");
  CHECK(open_error(disk, "db").find("letter.txt") != std::string::npos);
  CHECK(disk.exists("db/tables/ads.tmp/letter.txt"));
}

TEST_CASE("database directory crash: init leaves a database or something that init completes") {
  for (bool there : {false, true}) {
    for (uint64_t n = 1;; ++n) {
      SimDisk disk(n);
      if (there) {
        REQUIRE(disk.make_directory("db"));
        REQUIRE(disk.sync_directory("."));
      }
      disk.crash_at(n);
      bool made = init_database(disk, "db").has_value();
      if (!disk.crashed()) break;
      CHECK_FALSE(made);
      for (Fate fate : kAllFates) {
        auto after = disk.after_crash(fate, n);
        CAPTURE(n);
        CAPTURE(fate_name(fate));
        auto opened = DatabaseDirectory::open(*after, "db");
        if (!opened) {
          CHECK(opened.error().code == Code::kNotFound);
          Status again = init_database(*after, "db");
          CHECK(message_of(again) == "");
          opened = DatabaseDirectory::open(*after, "db");
        }
        REQUIRE(opened);
        CHECK((*opened)->table_names()->empty());
      }
    }
  }
}

TEST_CASE("database directory crash: a table is there in full or not at all, and can be made then") {
  uint64_t states = 0;
  for (uint64_t n = 1;; ++n) {
    SimDisk disk(n);
    REQUIRE(init_database(disk, "db"));
    auto directory = *DatabaseDirectory::open(disk, "db");
    REQUIRE(directory->create_table("old", sample_state()));
    disk.crash_at(n);
    bool made = directory->create_table("ads", sample_state()).has_value();
    if (!disk.crashed()) {
      CHECK(made);
      break;
    }
    for (Fate fate : kAllFates) {
      auto after = disk.after_crash(fate, n);
      CAPTURE(n);
      CAPTURE(fate_name(fate));
      auto opened = DatabaseDirectory::open(*after, "db");
      REQUIRE(opened);
      auto names = *(*opened)->table_names();
      CHECK(std::count(names.begin(), names.end(), "old") == 1);
      if (names.size() == 1) CHECK(message_of((*opened)->create_table("ads", sample_state())) == "");
      CHECK(Manifest::load(*after, (*opened)->paths().table("ads").directory()));
      ++states;
    }
  }
  CHECK(states > 100);
}

#include "engine/dictionary_file.h"

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "engine/dictionary_format.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

constexpr const char* kPath = "d/00000003.dict";
const FileUuid kUuid{1, 2, 3};

struct Fixture {
  Fixture() : disk(1), country(100), slot(100) {
    REQUIRE(disk.make_directory("d"));
    for (const char* value : {"DE", "FR", "a country with a long name"}) country.add(value);
    for (char i = 0; i < 5; ++i) slot.add(std::string(8, i));
  }
  std::vector<DictionaryRange> ranges() const { return {{11, &country, 2, 5}, {12, &slot, 4, 7}}; }
  Result<DictionaryFileInfo> write() { return write_dictionary_file(disk, "d", 3, kUuid, ranges()); }

  SimDisk disk;
  Dictionary country, slot;
};

std::string load_error(SimDisk& disk, const DictionaryFileInfo& info) {
  Dictionary country(100);
  DictionaryTarget target{11, &country};
  Status status = load_dictionary_file(disk, kPath, info, {&target, 1});
  return status ? "" : status.error().message;
}

}  // namespace

TEST_CASE("dictionary file: codes get their values again, file after file") {
  Fixture f;
  auto info = f.write();
  REQUIRE(info);
  CHECK(info->size == f.disk.content(kPath).size());
  CHECK(info->checksum == xxh3(f.disk.content(kPath)));
  Dictionary country(100), slot(100);
  slot.add(std::string(8, 0));
  slot.add(std::string(8, 1));
  const DictionaryTarget targets[] = {{12, &slot}, {11, &country}};
  REQUIRE(load_dictionary_file(f.disk, kPath, *info, targets));
  CHECK(country.size() == 5);
  CHECK(country.value(4) == "a country with a long name");
  CHECK(slot.value(6) == std::string(8, 4));
  // Loaded once more, it does not continue what is there.
  Status again = load_dictionary_file(f.disk, kPath, *info, targets);
  CHECK(again.error().code == Code::kCorruption);
  CHECK(again.error().message.find("goes on at code") != std::string::npos);
}

TEST_CASE("dictionary file: a dimension that was dropped is skipped") {
  Fixture f;
  auto info = f.write();
  CHECK(load_dictionary_file(f.disk, kPath, *info, {}));
}

TEST_CASE("dictionary file: the worked example, byte by byte") {
  Dictionary country(100);
  country.add("DE");
  country.add("F");
  DictionaryRange range{11, &country, 2, 4};
  FileUuid uuid;
  uuid.fill(0xAB);
  Bytes bytes = dictionary_format::encode(uuid, 3, {&range, 1});
  CHECK(hex(bytes) ==
        "544c59444943544e"
        "0100"
        "0100"
        "01000000"
        "abababababababababababababababab"
        "0300000000000000"
        "6700000000000000"
        "0000000000000000"
        "228b868f73a97067"
        "0b000000"
        "02000000"
        "02000000"
        "00000000"
        "0700000000000000"
        "71637583acfd5c6e"
        "0200"
        "0100"
        "4445"
        "46");
  CHECK(dictionary_format::decode(bytes)->parts[0].values[1].view() == "F");
}

TEST_CASE("dictionary file: every flipped bit and every cut is a named error, also without the manifest's sum") {
  Fixture f;
  auto info = *f.write();
  Bytes bytes = f.disk.content(kPath);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    CHECK_FALSE(dictionary_format::decode(bytes));
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
  }
  for (size_t length = 0; length < bytes.size(); ++length) {
    CHECK_FALSE(dictionary_format::decode(ByteSpan(bytes).first(length)));
  }
  REQUIRE(f.disk.flip_bit(kPath, 70, 1));
  CHECK(load_error(f.disk, info).find(kPath) == 0);
  REQUIRE(f.disk.unlink(kPath));
  CHECK(load_error(f.disk, info).find(kPath) != std::string::npos);
}

TEST_CASE("dictionary file crash: whole under its name, or not there") {
  for (uint64_t n = 1;; ++n) {
    Fixture f;
    REQUIRE(f.disk.sync_directory("."));
    f.disk.crash_at(n);
    auto info = f.write();
    if (!f.disk.crashed()) break;
    CHECK_FALSE(info);
    for (Fate fate : kAllFates) {
      auto after = f.disk.after_crash(fate, n);
      CAPTURE(fate_name(fate));
      if (after->exists(kPath)) CHECK(dictionary_format::decode(after->content(kPath)));
    }
  }
}

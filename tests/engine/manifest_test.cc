#include "engine/manifest.h"

#include <doctest/doctest.h>

#include "base/file_names.h"
#include "engine/manifest_describe.h"
#include "engine/manifest_format.h"
#include "engine/manifest_reader.h"
#include "tests/support/engine/disk_samples.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

constexpr ManifestOptions kSmall{.rewrite_bytes = 32 * 1024, .reserve_bytes = 8 * 1024};
const TablePaths kPaths("t");

struct Table {
  explicit Table(uint64_t seed = 1) : disk(seed) {
    REQUIRE(disk.make_directory("t"));
    REQUIRE(disk.sync_directory("."));
    REQUIRE(Manifest::create(disk, "t", sample_state()));
  }
  std::unique_ptr<Manifest> open() {
    auto manifest = Manifest::open(disk, clock, "t", kSmall);
    REQUIRE(manifest);
    return *std::move(manifest);
  }
  Lsn loaded_lsn() {
    auto state = Manifest::load(disk, "t");
    REQUIRE(state);
    return (*state)->log.flushed_lsn;
  }

  SimDisk disk;
  ManualClock clock;
};

Status flush(Manifest& manifest, Lsn lsn) { return manifest.commit(sample_flush(*manifest.state(), lsn)); }

std::string file_in_force(SimDisk& disk) {
  return kPaths.manifest(manifest_format::decode_current(as_text(disk.content(kPaths.current())))->number);
}

}  // namespace

TEST_CASE("manifest: what is committed is there after opening it again") {
  Table table;
  {
    auto manifest = table.open();
    for (Lsn lsn = 1; lsn <= 3; ++lsn) REQUIRE(flush(*manifest, lsn));
    CHECK(manifest->state()->segments.size() == 3);
    CHECK(manifest->state()->boot_id == table.clock.boot_id());
    CHECK(manifest->state()->wall_us == table.clock.wall_us());
  }
  CHECK(same_state(**Manifest::load(table.disk, "t"), *table.open()->state()));
  CHECK(table.loaded_lsn() == 3);
}

TEST_CASE("manifest: a refused edit changes nothing, and the next one succeeds") {
  Table table;
  auto manifest = table.open();
  uint64_t changes = table.disk.changes();
  ManifestEdit edit = sample_flush(*manifest->state(), 5);
  edit.ledger->rejected = 1;
  CHECK(manifest->commit(edit).error().code == Code::kInternal);
  CHECK(table.disk.changes() == changes);
  CHECK(flush(*manifest, 5));
}

TEST_CASE("manifest: a state once taken does not change under its owner") {
  Table table;
  auto manifest = table.open();
  auto before = manifest->state();
  REQUIRE(flush(*manifest, 5));
  CHECK(before->segments.empty());
  CHECK(manifest->state()->segments.size() == 1);
}

TEST_CASE("manifest: a file grown enough is replaced, the one before it stays, older ones go") {
  Table table;
  auto manifest = table.open();
  for (Lsn lsn = 1; lsn <= 40; ++lsn) REQUIRE(flush(*manifest, lsn));
  std::vector<uint64_t> numbers;
  const std::vector<FileInfo> files = table.disk.list("t").value();
  for (const FileInfo& info : files) {
    if (parse_file_name(info.name).kind == FileKind::kManifest) numbers.push_back(parse_file_name(info.name).number);
  }
  REQUIRE(numbers.size() == 2);
  CHECK(numbers[1] == numbers[0] + 1);
  CHECK(numbers[1] > 3);
  CHECK(table.loaded_lsn() == 40);
}

TEST_CASE("manifest: opened for writing it goes on in a fresh file") {
  Table table;
  std::string first = file_in_force(table.disk);
  Bytes before = table.disk.content(first);
  auto manifest = table.open();
  REQUIRE(flush(*manifest, 1));
  CHECK(file_in_force(table.disk) != first);
  CHECK(table.disk.content(first) == before);
}

TEST_CASE("manifest: creating over an existing one is refused; loading none says so") {
  Table table;
  CHECK(Manifest::create(table.disk, "t", sample_state()).error().code == Code::kAlreadyExists);
  REQUIRE(table.disk.make_directory("u"));
  CHECK(Manifest::load(table.disk, "u").error().code == Code::kNotFound);
}

TEST_CASE("manifest: a manifest that CURRENT names and that is not there is corruption") {
  Table table;
  REQUIRE(table.disk.unlink(file_in_force(table.disk)));
  CHECK(Manifest::load(table.disk, "t").error().code == Code::kCorruption);
}

TEST_CASE("manifest: an old CURRENT put back is noticed") {
  Table table;
  Bytes old_current = table.disk.content(kPaths.current());
  auto manifest = table.open();
  REQUIRE(flush(*manifest, 1));
  REQUIRE(write_file_atomic(table.disk, kPaths.current(), old_current));
  auto loaded = Manifest::load(table.disk, "t");
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().message.find("old copy") != std::string::npos);
}

TEST_CASE(
    "manifest: one spoiled copy of an edit is read from the other, two of the last are a torn "
    "end") {
  Table table;
  auto manifest = table.open();
  for (Lsn lsn = 1; lsn <= 2; ++lsn) REQUIRE(flush(*manifest, lsn));
  std::string path = file_in_force(table.disk);
  // Behind the snapshot (one block) lie edit 1 twice and edit 2 twice.
  REQUIRE(table.disk.flip_bit(path, 3 * 4096 + 100, 0));
  CHECK(read_current_manifest(table.disk, "t")->copies_lost == 1);
  CHECK(table.loaded_lsn() == 2);
  REQUIRE(table.disk.flip_bit(path, 4 * 4096 + 100, 0));
  CHECK(read_current_manifest(table.disk, "t")->torn_at == 3 * 4096);
  CHECK(table.loaded_lsn() == 1);
}

TEST_CASE(
    "manifest: an edit that a later one proves durable is corruption when both copies are "
    "spoiled") {
  Table table;
  auto manifest = table.open();
  for (Lsn lsn = 1; lsn <= 2; ++lsn) REQUIRE(flush(*manifest, lsn));
  std::string path = file_in_force(table.disk);
  REQUIRE(table.disk.flip_bit(path, 1 * 4096 + 100, 0));
  REQUIRE(table.disk.flip_bit(path, 2 * 4096 + 100, 0));
  auto loaded = Manifest::load(table.disk, "t");
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == Code::kCorruption);
  CHECK(loaded.error().message.find(path + ": offset 4096") != std::string::npos);
}

TEST_CASE("manifest: every flipped bit gives the same state or a named error") {
  Table table;
  auto manifest = table.open();
  for (Lsn lsn = 1; lsn <= 2; ++lsn) REQUIRE(flush(*manifest, lsn));
  Bytes file = table.disk.content(file_in_force(table.disk));
  ManifestState truth = *manifest->state();
  size_t same = 0, refused = 0;
  auto harm = [&](size_t byte, unsigned bit) {
    file[byte] ^= static_cast<uint8_t>(1u << bit);
    auto loaded = decode_manifest(file, nullptr);
    loaded ? ++same : ++refused;
    if (loaded) CHECK(same_state(loaded->state, truth));
    file[byte] ^= static_cast<uint8_t>(1u << bit);
  };
  for (size_t byte = 0; byte < file.size(); ++byte) {
    bool frame = byte % 4096 < 1200 && byte < 5 * 4096;
    if (!frame) {
      if (byte % 7 == 0) harm(byte, byte % 8);
      continue;
    }
    for (unsigned bit = 0; bit < 8; ++bit) harm(byte, bit);
  }
  CHECK(same > 0);
  CHECK(refused > 1200);
}

TEST_CASE("manifest: every truncation is a named error") {
  Table table;
  auto manifest = table.open();
  for (Lsn lsn = 1; lsn <= 2; ++lsn) REQUIRE(flush(*manifest, lsn));
  Bytes file = table.disk.content(file_in_force(table.disk));
  for (size_t length = 0; length < file.size(); length += length < 20500 ? 1 : 97) {
    auto loaded = decode_manifest(ByteSpan(file).first(length), nullptr);
    CAPTURE(length);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == Code::kCorruption);
  }
}

TEST_CASE("manifest: a swapped, zeroed or repeated block is the same state or a named error") {
  Table table;
  auto manifest = table.open();
  for (Lsn lsn = 1; lsn <= 3; ++lsn) REQUIRE(flush(*manifest, lsn));
  Bytes file = table.disk.content(file_in_force(table.disk));
  ManifestState truth = *manifest->state();
  for (size_t from = 0; from < 8; ++from) {
    for (size_t to = 0; to < 8; ++to) {
      if (from == to) continue;
      Bytes swapped = file;
      std::swap_ranges(swapped.begin() + from * 4096, swapped.begin() + (from + 1) * 4096, swapped.begin() + to * 4096);
      auto loaded = decode_manifest(swapped, nullptr);
      CAPTURE(from);
      CAPTURE(to);
      if (loaded && !same_state(loaded->state, truth)) {
        // Both copies of the last edit gone from their places: a torn end, the one thing a file alone cannot tell.
        CHECK(loaded->torn_at.has_value());
      }
    }
  }
}

TEST_CASE("manifest: it describes itself, without its key") {
  Table table;
  auto manifest = table.open();
  for (Lsn lsn = 1; lsn <= 2; ++lsn) REQUIRE(flush(*manifest, lsn));
  auto description = describe_manifest(table.disk, file_in_force(table.disk));
  REQUIRE(description);
  CHECK(description->sound);
  std::string text;
  for (const std::string& line : description->lines) text += line + "\n";
  for (const char* part :
       {"one snapshot and 2 edits", "edit 2 at 4096", "edit 3 at ", "+ segment ", "received 10 = accepted 9",
        "received 20 = accepted 18", "segments: 2", "flushed through LSN 2"}) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  }
  CHECK(text.find(hex(manifest->state()->hash_key)) == std::string::npos);
}

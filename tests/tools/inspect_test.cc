#include "tools/inspect.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/file_names.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/engine/segment_rows.h"
#include "tests/support/engine/table_world.h"

using namespace tally;

namespace {

struct Shown {
  std::string text;
  bool sound = false;
  std::string error;  // "" or the message
};

Shown inspect(FileSystem& fs, const std::string& path, InspectOptions options = {}) {
  Shown shown;
  auto sound = inspect_file(fs, path, options, [&](std::string_view text) { shown.text += text; });
  if (!sound) return {shown.text, false, sound.error().message};
  shown.sound = *sound;
  return shown;
}

void check_says(const std::string& text, std::initializer_list<const char*> parts) {
  CAPTURE(text);
  for (const std::string part : parts) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
}

// The path of the only, or the last, file of its kind in a table's folder.
std::string file_of(TableWorld& world, const std::string& folder, FileKind kind) {
  const std::string directory = join_path(world.path(), "tables/events" + (folder.empty() ? "" : "/" + folder));
  std::string found;
  const std::vector<FileInfo> listed = world.disk.list(directory).value();
  for (const FileInfo& file : listed) {
    const ParsedName name = parse_file_name(file.name);
    if (name.kind == kind && !name.temporary) found = std::max(found, join_path(directory, file.name));
  }
  REQUIRE_MESSAGE(!found.empty(), directory);
  return found;
}

constexpr const char* kSegment = "s/00000007.seg";

struct SegmentOnDisk {
  explicit SegmentOnDisk(uint64_t seed = 1)
      : rows(small_schema(), seed, {.rows = 300, .days = 2, .values = 100, .told = true}) {
    REQUIRE(disk.make_directory("s"));
    REQUIRE(rows.write(disk, "s", 16));
  }
  SegmentRows rows;
  SimDisk disk{1};
};

size_t lines_in(const std::string& text) { return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')); }

}  // namespace

TEST_CASE("inspect: a segment tells of all its parts, from the file alone") {
  SegmentOnDisk on;
  const Shown shown = inspect(on.disk, kSegment);
  CHECK(shown.error == "");
  CHECK(shown.sound);
  check_says(shown.text, {"segment 7 of table \"small\"",
                          "300 rows",
                          "sections: 2 days",
                          "2022-01-08: ",
                          "country",
                          "slot",
                          "_kind",
                          "mixed_ids",
                          "zones:",
                          "NULL in ",
                          "appendix:",
                          " values in 1 parts",
                          "indexes:",
                          "block_index",
                          "pairs of code and block",
                          " lists, ",
                          "id_filter",
                          "300 ids",
                          " bits an id",
                          "bytes a row",
                          "checksums: all good"});
  CHECK(shown.text.find("blocks:\n") == std::string::npos);
  const Shown with_blocks = inspect(on.disk, kSegment, {.blocks = true});
  check_says(with_blocks.text, {"blocks:\n  0: 16 rows at 128, ", "; country ", "; amount ", " NULL"});
}

TEST_CASE("inspect: rows of a segment as TSV, with the strings of its appendix") {
  SegmentOnDisk on;
  const Shown all = inspect(on.disk, kSegment, {.rows = UINT64_MAX});
  CHECK(all.error == "");
  CHECK(lines_in(all.text) == 301);
  CHECK(all.text.find("ts\tid\tcountry\tslot\tkind\tamount\tcost\t_kind\t_lsn\t_arrival\n") == 0);
  const Shown few = inspect(on.disk, kSegment, {.rows = 3});
  CHECK(lines_in(few.text) == 4);
  CHECK(all.text.find(few.text) == 0);
  for (size_t row : {size_t{0}, size_t{155}, size_t{299}}) {
    size_t at = 0;
    for (size_t line = 0; line <= row; ++line) at = all.text.find('\n', at) + 1;
    std::string text = all.text.substr(at, all.text.find('\n', at) - at);
    CAPTURE(row);
    CAPTURE(text);
    const uint32_t code = on.rows.codes[0][row];
    if (code >= kFirstValueCode) {
      CHECK(text.find("\t" + std::string(on.rows.dictionaries[0]->value(code)) + "\t") != std::string::npos);
    } else {
      CHECK(text.find(code == kNullCode ? "\t\\N\t" : "\t(other)\t") != std::string::npos);
    }
    CHECK(text.find("\t" + std::to_string(on.rows.lsns[row]) + "\t") != std::string::npos);
    CHECK(std::count(text.begin(), text.end(), '\t') == 9);
  }
}

TEST_CASE("inspect: a damaged segment says what is damaged, and shows the rest") {
  SegmentOnDisk on;
  REQUIRE(on.disk.flip_bit(kSegment, 128 + 60, 3));  // in the first column block
  const Shown shown = inspect(on.disk, kSegment);
  CHECK_FALSE(shown.sound);
  check_says(shown.text, {"300 rows", "problem: s/00000007.seg: ", "block 0, column "});
  const Shown rows = inspect(on.disk, kSegment, {.rows = 5});
  check_says(rows.error, {kSegment, "block 0"});
}

TEST_CASE("inspect: every cut of a segment is an error that says so") {
  SegmentOnDisk on;
  const uint64_t size = on.disk.content(kSegment).size();
  for (uint64_t length : {size - 1, size / 2, uint64_t{200}, uint64_t{100}, uint64_t{5}, uint64_t{0}}) {
    CAPTURE(length);
    REQUIRE(on.disk.cut(kSegment, length));
    const Shown shown = inspect(on.disk, kSegment);
    check_says(shown.error, {kSegment, "cut off"});
  }
}

TEST_CASE("inspect: a file is known by its first bytes, whatever it is called") {
  SegmentOnDisk on;
  REQUIRE(on.disk.rename(kSegment, "s/copy_of_something"));
  CHECK(inspect(on.disk, "s/copy_of_something").text.find("segment 7") == 0);
  REQUIRE(on.disk.flip_bit("s/copy_of_something", 0, 0));
  check_says(inspect(on.disk, "s/copy_of_something").error, {"none of our files", "*.seg"});
  REQUIRE(on.disk.rename("s/copy_of_something", kSegment));
  check_says(inspect(on.disk, kSegment).error, {kSegment, "no magic"});  // by its name it should be one
}

TEST_CASE("inspect: what cannot be shown is named") {
  SegmentOnDisk on;
  check_says(inspect(on.disk, "s").error, {"is a directory"});
  CHECK(inspect(on.disk, "s/nothing").error == "there is no file s/nothing");
  check_says(inspect(on.disk, "s/00000099.seg").error, {"there is no file s/00000099.seg", "system.segments"});
  TableWorld world(1);
  world.send({{.id = "a"}});
  world.flush();
  check_says(inspect(world.disk, file_of(world, "", FileKind::kManifest), {.rows = 1}).error, {"holds no rows"});
  const std::string current = file_of(world, "", FileKind::kCurrent);  // ours, and yet not to be shown
  check_says(inspect(world.disk, current).error, {current.c_str(), " cannot be shown; what can be shown is"});
}

TEST_CASE("inspect: a log file tells of its groups and records, and gives their rows without a schema") {
  TableWorld world(2);
  world.send({{.id = "a", .campaign = "c7", .click = 5, .user = "tab\there"}, {.id = "b"}});
  world.send({{.id = "c", .campaign = "c8"}}, true);
  const std::string path = file_of(world, "log", FileKind::kLogFile);
  const Shown shown = inspect(world.disk, path);
  CHECK(shown.error == "");
  CHECK(shown.sound);
  check_says(shown.text, {"log file ", "first LSN 1", "group ", "LSN 1 batch, arrived ", "2 rows of schema version 1",
                          "columns 1 (integers", "LSN 2 batch", "replay", "new dictionary values", "in all "});
  const Shown rows = inspect(world.disk, path, {.rows = 100});
  check_says(rows.text, {"# LSN 1 batch", "column 1\tcolumn 2\t", "\ta\tc7\t5\ttab\\there\n", "\tb\tc1\t0\tu\n",
                         "# LSN 2 batch", "\tc\tc8\t"});
  CHECK(inspect(world.disk, path, {.rows = 1}).text.find("\tb\t") == std::string::npos);
  // A flipped bit in the first record: what follows it cannot be followed.
  REQUIRE(world.disk.flip_bit(path, 4096 + 300, 1));
  const Shown damaged = inspect(world.disk, path);
  CHECK_FALSE(damaged.sound);
  check_says(damaged.text, {"problem: offset 4096"});
  check_says(inspect(world.disk, path, {.rows = 100}).error, {"offset 4096"});
}

TEST_CASE("inspect: a manifest tells of its edits one by one, and of what they add up to") {
  TableWorld world(3);
  for (const char* id : {"a", "b"}) {
    world.send({{.id = id, .campaign = id}});
    world.flush();
  }
  const Shown shown = inspect(world.disk, file_of(world, "", FileKind::kManifest));
  CHECK(shown.sound);
  check_says(shown.text, {"of table \"events\"", "edit 2 at 4096", "+ segment 0000000", "+ dictionary file",
                          "edit 3 at ", "ledger: received 2 = accepted 2", "in all:", "segments: 2"});
  check_says(inspect(world.disk, join_path(world.path(), "TALLY")).text, {"the marker of the Tally database "});
}

TEST_CASE("inspect: a file of dead letters tells how many there are by source and reason, and gives their text") {
  TableWorld world(4);
  IngestBatch batch = make_test_batch(*world.table().schema(), world.clock.wall_us(),
                                      {{.id = "fine"}, {.id = "old", .age_us = 80 * kMicrosPerHour}});
  batch.source = {.name = "day.csv", .format = RawFormat::kCsv, .header = "ts,id", .mapping = ""};
  batch.source_rows = source_runs(std::vector<uint64_t>{2, 3});
  batch.rejected = {{.source_row = 4, .code = "bad_timestamp", .message = "no time", .raw = "x\t1"}};
  REQUIRE(world.table().ingest(std::move(batch)));
  world.flush();
  const std::string path = file_of(world, "dead", FileKind::kLetterFile);
  const Shown shown = inspect(world.disk, path);
  CHECK(shown.error == "");
  CHECK(shown.sound);
  check_says(shown.text, {"dead letters ", "2 letters, 0 marks", "LSN 1, arrival ", "\"day.csv\": 1 bad_timestamp",
                          "\"day.csv\": 1 too_late"});
  const Shown rows = inspect(world.disk, path, {.rows = 100});
  check_says(rows.text, {"letter\tarrival\treason", "\ttoo_late\tday.csv\t3\t\\N\t\\N\n",
                         "\tbad_timestamp\tday.csv\t4\tno time\tx\\t1\n"});
  const std::string one = inspect(world.disk, path, {.rows = 1}).text;
  CHECK(std::count(one.begin(), one.end(), '\n') == 2);
  REQUIRE(world.disk.flip_bit(path, 128 + 30, 1));
  const Shown damaged = inspect(world.disk, path);
  CHECK_FALSE(damaged.sound);
  check_says(damaged.text, {"problem: "});
}

#include "engine/orphans.h"

#include <doctest/doctest.h>

#include "base/file_names.h"
#include "engine/table_condition.h"
#include "tests/support/engine/disk_samples.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

struct Folder {
  Folder() : disk(1), state(sample_state()) {
    for (const std::string& path : {paths.directory(), paths.segment_directory(), paths.dictionary_directory(),
                                    paths.id_run_directory(), paths.retraction_directory()}) {
      REQUIRE(disk.make_directory(path));
    }
    state.segments[1] = sample_segment(1, 1);
    state.segments[1].size = 5;
    put(paths.segment(1));
    state.id_runs[6] = sample_id_run(6, 1);
    state.id_runs[6].size = 5;
    put(paths.id_run(6));
  }
  void put(const std::string& path) {
    auto file = disk.open(path, OpenMode::kCreate);
    REQUIRE(file);
    REQUIRE((*file)->write_at(0, as_bytes("12345")));
  }

  SimDisk disk;
  TablePaths paths{"t"};
  ManifestState state;
};

}  // namespace

TEST_CASE("orphans: what is half written goes, what is unlisted is set aside, what is not ours stays") {
  Folder folder;
  folder.put(folder.paths.segment(2));
  folder.put(folder.paths.dictionary(3));
  folder.put(temporary_path(folder.paths.segment(4)));
  folder.put(folder.paths.id_run(7));
  folder.put(temporary_path(folder.paths.id_run(8)));
  folder.put("t/segments/letter.txt");
  folder.put("t/segments/5.seg");
  auto report = set_aside_orphans(folder.disk, "t", folder.state);
  REQUIRE(report);
  CHECK(report->moved == std::vector<std::string>{"00000002.seg", "00000003.dict", "00000007.run"});
  CHECK(report->removed == std::vector<std::string>{"00000004.seg.tmp", "00000008.run.tmp"});
  CHECK(folder.disk.exists("t/orphan/00000002.seg"));
  CHECK(folder.disk.exists("t/segments/letter.txt"));
  CHECK(folder.disk.exists("t/segments/5.seg"));
  CHECK(folder.disk.exists(folder.paths.segment(1)));
  CHECK(folder.disk.exists(folder.paths.id_run(6)));
}

TEST_CASE("orphans: the same number orphaned again does not push out the first") {
  Folder folder;
  for (int i = 0; i < 3; ++i) {
    folder.put(folder.paths.segment(2));
    REQUIRE(set_aside_orphans(folder.disk, "t", folder.state));
  }
  CHECK(folder.disk.exists("t/orphan/00000002.seg"));
  CHECK(folder.disk.exists("t/orphan/00000002.seg.2"));
  CHECK(folder.disk.exists("t/orphan/00000002.seg.3"));
}

TEST_CASE("orphans: a power failure behind it loses none of them, be orphan/ made only then") {
  for (bool made_before : {true, false}) {
    Folder folder;
    if (made_before) REQUIRE(folder.disk.make_directory(folder.paths.orphan_directory()));
    folder.put(folder.paths.segment(2));
    REQUIRE(folder.disk.open(folder.paths.segment(2), OpenMode::kReadWrite).value()->sync());
    for (const std::string& path : {std::string("."), folder.paths.directory(), folder.paths.segment_directory()}) {
      REQUIRE(folder.disk.sync_directory(path));
    }
    REQUIRE(set_aside_orphans(folder.disk, "t", folder.state));
    CAPTURE(made_before);
    CHECK(folder.disk.after_crash(Fate::kDropUnsynced, 1)->exists("t/orphan/00000002.seg"));
  }
}

TEST_CASE("orphans: a listed file that is missing or of another size is named") {
  Folder folder;
  CHECK(check_listed_files(folder.disk, "t", folder.state));
  REQUIRE(folder.disk.cut(folder.paths.segment(1), 4));
  CHECK(check_listed_files(folder.disk, "t", folder.state).error().message ==
        "t/segments/00000001.seg has 4 bytes, and the manifest says 5");
  REQUIRE(folder.disk.unlink(folder.paths.segment(1)));
  CHECK(check_listed_files(folder.disk, "t", folder.state).error().code == Code::kCorruption);
}

TEST_CASE("orphans: what an edit of the manifest has removed is dead, and goes; its number alone proves nothing else") {
  Folder folder;
  folder.state.removed_files = {7, 9, 12};
  folder.put(folder.paths.id_run(7));
  folder.put(folder.paths.id_run(8));
  folder.put(folder.paths.retraction(9));
  folder.put(folder.paths.dictionary(12));  // no edit removes such a file for good
  auto report = set_aside_orphans(folder.disk, "t", folder.state);
  REQUIRE(report);
  CHECK(report->moved == std::vector<std::string>{"00000012.dict", "00000008.run"});
  CHECK(report->unlinked_files == std::vector<uint64_t>{7, 9, 12});
  CHECK_FALSE(folder.disk.exists(folder.paths.id_run(7)));
  CHECK_FALSE(folder.disk.exists(folder.paths.retraction(9)));
  CHECK_FALSE(folder.disk.exists("t/orphan/00000007.run"));
}

TEST_CASE("orphans: they are counted, and beyond their limit somebody is told; nothing is deleted") {
  Folder folder;
  CHECK(count_orphans(folder.disk, "t")->files == 0);
  for (uint64_t number = 100; number < 103; ++number) folder.put(folder.paths.segment(number));
  REQUIRE(set_aside_orphans(folder.disk, "t", folder.state));
  const OrphanStatus status = count_orphans(folder.disk, "t").value();
  CHECK(status.files == 3);
  CHECK(status.bytes == 15);
  CHECK_FALSE(status.beyond_limit());
  CHECK(OrphanStatus{.files = limits::kOrphanFilesMax + 1}.beyond_limit());
  CHECK(OrphanStatus{.files = 1, .bytes = limits::kOrphanBytesMax + 1}.beyond_limit());
  TableCondition condition;
  condition.orphans = {.files = 1, .bytes = limits::kOrphanBytesMax + 1};
  const std::vector<ConditionLine> lines = describe_condition(condition);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].part == "orphans");
  CHECK(lines[0].detail.find("tally check") != std::string::npos);
}

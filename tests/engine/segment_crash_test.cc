// Segments under power failures and failing disks (reliability.md M1, P2, P3, 4b).
#include <doctest/doctest.h>

#include "base/file_names.h"
#include "engine/orphans.h"
#include "tests/support/engine/disk_samples.h"
#include "tests/support/engine/sample_schemas.h"
#include "tests/support/engine/segment_rows.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

const TablePaths kPaths("t");

const SegmentRows& sample_rows() {
  static const SegmentRows rows(small_schema(), 21, {.rows = 60, .days = 2});
  return rows;
}

void prepare(SimDisk& disk) {
  for (const std::string& path :
       {kPaths.directory(), kPaths.segment_directory(), kPaths.dictionary_directory(), kPaths.id_run_directory(),
        kPaths.retraction_directory(), kPaths.orphan_directory()}) {
    REQUIRE(disk.make_directory(path));
  }
  REQUIRE(disk.sync_directory("."));
  REQUIRE(Manifest::create(disk, "t", sample_state()));
}

Result<SegmentInfo> write_segment(SimDisk& disk, uint64_t number = 1) {
  return sample_rows().write(disk, kPaths.segment_directory(), 16, number);
}

ManifestEdit edit_for(const SegmentInfo& info) {
  ManifestEdit edit;
  edit.add_segments = {info};
  edit.next_file_number = info.number + 1;
  edit.log = LogPosition{.flushed_lsn = info.max_lsn, .synced_lsn = info.max_lsn, .first_file = 0};
  return edit;
}

// A flush in small: a segment, then the edit that takes it over.
void flush_once(SimDisk& disk) {
  ManualClock clock;
  auto manifest = Manifest::open(disk, clock, "t", ManifestOptions{.reserve_bytes = 0});
  if (!manifest) return;
  auto info = write_segment(disk);
  if (info) (void)(*manifest)->commit(edit_for(*info));
}

// After a reboot: what the manifest lists is sound, what it does not list is set aside, and the flush can be done again.
void check_and_repeat(SimDisk& disk) {
  auto state = Manifest::load(disk, "t");
  REQUIRE(state);
  Status listed = check_listed_files(disk, "t", **state);
  if (!listed) FAIL_CHECK(listed.error().message);
  for (const auto& [number, info] : (*state)->segments) {
    auto reader = SegmentReader::open(disk, kPaths.segment(number), &info);
    REQUIRE(reader);
    CHECK((*reader)->verify()->empty());
    CHECK(sample_rows().compare(**reader) == "");
  }
  REQUIRE(set_aside_orphans(disk, "t", **state));
  const std::vector<FileInfo> files = disk.list(kPaths.segment_directory()).value();
  for (const FileInfo& file : files) {
    CHECK((*state)->segments.contains(parse_file_name(file.name).number));
  }
  if (!(*state)->segments.empty()) return;
  flush_once(disk);
  CHECK((*Manifest::load(disk, "t"))->segments.size() == 1);
}

}  // namespace

TEST_CASE("segment crash: at every change of a flush the old or the new state, never both or neither") {
  uint64_t states = 0;
  for (uint64_t n = 1;; ++n) {
    SimDisk disk(n);
    prepare(disk);
    disk.crash_at(n);
    flush_once(disk);
    if (!disk.crashed()) break;
    for (Fate fate : kAllFates) {
      CAPTURE(n);
      CAPTURE(fate_name(fate));
      check_and_repeat(*disk.after_crash(fate, n));
      ++states;
    }
  }
  CHECK(states > 100);
}

TEST_CASE("window: segment renamed, no manifest edit: it is an orphan, and the flush is done again") {
  for (Fate fate : kAllFates) {
    SimDisk disk(5);
    prepare(disk);
    REQUIRE(write_segment(disk));
    auto after = disk.after_crash(fate, 5);
    CAPTURE(fate_name(fate));
    CHECK(after->exists(kPaths.segment(1)));  // success promised that
    check_and_repeat(*after);
    CHECK(after->exists("t/orphan/00000001.seg"));
  }
}

TEST_CASE("segment errors: each I/O fails once or from then on; no half segment gets its name") {
  for (FaultEffect effect : {FaultEffect::kIoError, FaultEffect::kNoSpace}) {
    for (bool persistent : {false, true}) {
      for (uint64_t n = 1;; ++n) {
        SimDisk disk(n);
        prepare(disk);
        disk.inject({.effect = effect, .ops = {}, .nth = n, .persistent = persistent});
        auto info = write_segment(disk);
        if (disk.faults_fired() == 0) break;
        disk.clear_faults();
        CAPTURE(n);
        if (!info && effect == FaultEffect::kNoSpace) CHECK(info.error().code == Code::kNoSpace);
        // What nobody will list is not left behind, were it whole: it would take its room until the next start.
        if (!info && !persistent) CHECK(disk.list(kPaths.segment_directory())->empty());
        if (disk.exists(kPaths.segment(1))) {
          auto reader = SegmentReader::open(disk, kPaths.segment(1), nullptr);
          REQUIRE(reader);
          CHECK((*reader)->verify()->empty());
        }
        CHECK(write_segment(disk));
      }
    }
  }
}

TEST_CASE("segment: an error of the disk while reading is that error, not corruption and not other rows") {
  SimDisk disk(9);
  prepare(disk);
  SegmentInfo info = *write_segment(disk);
  auto reader = *SegmentReader::open(disk, kPaths.segment(1), &info);
  for (uint64_t n = 1;; ++n) {
    disk.inject({.effect = FaultEffect::kIoError, .ops = {DiskOp::kRead}, .nth = n});
    uint64_t before = disk.faults_fired();
    auto problems = reader->verify();
    bool fired = disk.faults_fired() > before;
    disk.clear_faults();
    if (!fired) break;
    REQUIRE_FALSE(problems);
    CHECK(problems.error().code == Code::kIoError);
  }
}

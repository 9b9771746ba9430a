// The manifest under power failures and failing disks (reliability.md P2, P3, 4b).
#include <doctest/doctest.h>

#include <algorithm>

#include "base/file_names.h"
#include "engine/manifest.h"
#include "engine/manifest_reader.h"
#include "tests/support/engine/disk_samples.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sim_disk.h"

using namespace tally;

namespace {

constexpr ManifestOptions kSmall{.rewrite_bytes = 16 * 1024, .reserve_bytes = 8 * 1024};
const TablePaths kPaths("t");

void prepare(SimDisk& disk) {
  REQUIRE(disk.make_directory("t"));
  REQUIRE(disk.sync_directory("."));
}

struct Progress {
  Lsn tried = 0;
  Lsn confirmed = 0;
  bool created = false;
};

// Opens, commits up to `count` flushes; stops at the first error, as a poisoned table does.
Progress commit_some(SimDisk& disk, Lsn first, Lsn count) {
  ManualClock clock;
  Progress progress{.tried = first - 1, .confirmed = first - 1};
  auto manifest = Manifest::open(disk, clock, "t", kSmall);
  if (!manifest) return progress;
  for (Lsn lsn = first; lsn < first + count; ++lsn) {
    progress.tried = lsn;
    if (!(*manifest)->commit(sample_flush(*(*manifest)->state(), lsn))) return progress;
    progress.confirmed = lsn;
  }
  return progress;
}

// The state of flushes 1 to lsn, whole: never some of an edit.
void check_whole(const ManifestState& state) {
  Lsn lsn = state.log.flushed_lsn;
  CHECK(state.segments.size() == lsn);
  CHECK(state.ledger.received == 10 * lsn);
  CHECK(state.next_file_number == lsn + 1);
}

Lsn check_loads(SimDisk& disk, const Progress& progress) {
  auto state = Manifest::load(disk, "t");
  if (!state) FAIL_CHECK(state.error().to_string() << "\n" << disk.trace_text());
  if (!state) return 0;
  check_whole(**state);
  CHECK((*state)->log.flushed_lsn >= progress.confirmed);
  CHECK((*state)->log.flushed_lsn <= progress.tried);
  return (*state)->log.flushed_lsn;
}

}  // namespace

TEST_CASE("manifest crash: creating it leaves a whole one or none") {
  uint64_t states = 0;
  for (uint64_t n = 1;; ++n) {
    SimDisk disk(n);
    prepare(disk);
    disk.crash_at(n);
    bool created = Manifest::create(disk, "t", sample_state()).has_value();
    if (!disk.crashed()) break;
    for (Fate fate : kAllFates) {
      CAPTURE(n);
      CAPTURE(fate_name(fate));
      auto after = disk.after_crash(fate, n);
      auto state = Manifest::load(*after, "t");
      if (state) check_whole(**state);
      if (!state) CHECK(state.error().code == Code::kNotFound);
      CHECK_FALSE(created);
      ++states;
    }
  }
  CHECK(states > 50);
}

TEST_CASE("manifest crash: at every change of opening, committing and rewriting, then again") {
  uint64_t states = 0;
  for (uint64_t n = 1;; ++n) {
    SimDisk disk(n);
    prepare(disk);
    REQUIRE(Manifest::create(disk, "t", sample_state()));
    disk.crash_at(n);
    Progress progress = commit_some(disk, 1, 6);
    if (!disk.crashed()) {
      CHECK(progress.confirmed == 6);
      break;
    }
    for (Fate fate : kAllFates) {
      CAPTURE(n);
      CAPTURE(fate_name(fate));
      auto after = disk.after_crash(fate, n);
      Lsn found = check_loads(*after, progress);
      // Go on, crash somewhere again, and go on once more.
      after->crash_at(1 + (n * 7 + static_cast<uint64_t>(fate)) % 23);
      Progress more = commit_some(*after, found + 1, 3);
      after->crash(fate, n + 1);
      found = check_loads(*after, more);
      Progress last = commit_some(*after, found + 1, 2);
      CHECK(last.confirmed == found + 2);
      ++states;
    }
  }
  CHECK(states > 300);
}

TEST_CASE("manifest crash: kill -9 keeps what the cache holds, and the next start makes it durable") {
  for (uint64_t n = 1;; ++n) {
    SimDisk disk(n);
    prepare(disk);
    REQUIRE(Manifest::create(disk, "t", sample_state()));
    disk.crash_at(n);
    Progress progress = commit_some(disk, 1, 3);
    if (!disk.crashed()) break;
    auto after = disk.after_crash(Fate::kKeepAll, n);
    check_loads(*after, progress);
  }
}

TEST_CASE(
    "manifest errors: each I/O fails once or from then on; what was confirmed stays, the rest is "
    "whole or absent") {
  for (FaultEffect effect : {FaultEffect::kIoError, FaultEffect::kNoSpace}) {
    for (bool persistent : {false, true}) {
      for (uint64_t n = 1;; ++n) {
        SimDisk disk(n);
        prepare(disk);
        REQUIRE(Manifest::create(disk, "t", sample_state()));
        disk.inject({.effect = effect, .ops = {}, .nth = n, .persistent = persistent, .survives = 0.5});
        Progress progress = commit_some(disk, 1, 6);
        CAPTURE(n);
        CAPTURE(persistent);
        CAPTURE(static_cast<int>(effect));
        if (disk.faults_fired() == 0) break;
        disk.clear_faults();
        check_loads(disk, progress);
        auto after = disk.after_crash(Fate::kDropUnsynced, n);
        Lsn found = check_loads(*after, progress);
        CHECK(commit_some(*after, found + 1, 2).confirmed == found + 2);
      }
    }
  }
}

TEST_CASE("manifest errors: after a failed sync nothing more is committed") {
  SimDisk disk(1);
  prepare(disk);
  ManualClock clock;
  REQUIRE(Manifest::create(disk, "t", sample_state()));
  auto manifest = *Manifest::open(disk, clock, "t", kSmall);
  disk.inject({.ops = {DiskOp::kSync}});
  Status failed = manifest->commit(sample_flush(*manifest->state(), 1));
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code != Code::kNoSpace);
  CHECK(manifest->state()->log.flushed_lsn == 0);
  Status again = manifest->commit(sample_flush(*manifest->state(), 1));
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Code::kIndeterminate);
}

TEST_CASE(
    "manifest errors: on a full disk the reserve is given up for the edit, and taken back when "
    "there is room") {
  SimDisk disk(1);
  prepare(disk);
  ManualClock clock;
  REQUIRE(Manifest::create(disk, "t", sample_state()));
  constexpr ManifestOptions kLarge{.rewrite_bytes = 16 * 1024, .reserve_bytes = 256 * 1024};
  auto manifest = *Manifest::open(disk, clock, "t", kLarge);
  REQUIRE(disk.exists(kPaths.reserve()));
  SpaceInfo space = *disk.space("t");
  disk.set_capacity(space.total_bytes - space.free_bytes + 1000);
  Lsn lsn = 1;
  for (; lsn < 50 && disk.exists(kPaths.reserve()); ++lsn) {
    REQUIRE(manifest->commit(sample_flush(*manifest->state(), lsn)));
  }
  REQUIRE_FALSE(disk.exists(kPaths.reserve()));
  // Without the reserve: refused without doubt, and nothing changed.
  space = *disk.space("t");
  disk.set_capacity(space.total_bytes - space.free_bytes);
  Status status;
  for (; lsn < 100 && status; lsn += status ? 1 : 0) status = manifest->commit(sample_flush(*manifest->state(), lsn));
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Code::kNoSpace);
  CHECK((*Manifest::load(disk, "t"))->log.flushed_lsn == lsn - 1);
  disk.set_capacity(uint64_t{1} << 40);
  REQUIRE(manifest->commit(sample_flush(*manifest->state(), lsn)));
  CHECK(disk.exists(kPaths.reserve()));
}

TEST_CASE("window: manifest edit written, not synced: old or new state") {
  for (Fate fate : kAllFates) {
    SimDisk disk(3);
    prepare(disk);
    ManualClock clock;
    REQUIRE(Manifest::create(disk, "t", sample_state()));
    auto manifest = *Manifest::open(disk, clock, "t", kSmall);
    REQUIRE(manifest->commit(sample_flush(*manifest->state(), 1)));
    disk.crash_at(2);  // the write is the first change, the sync the second
    REQUIRE_FALSE(manifest->commit(sample_flush(*manifest->state(), 2)));
    auto after = disk.after_crash(fate, 5);
    CAPTURE(fate_name(fate));
    check_loads(*after, {.tried = 2, .confirmed = 1});
  }
}

namespace {

// A disk that loses power while `op` on a path with `part` in it is under way, in the rewrite that an open makes.
void crash_in_rewrite(DiskOp op, const std::string& part, const std::function<void(SimDisk&)>& verify) {
  for (uint64_t n = 1;; ++n) {
    SimDisk disk(n);
    prepare(disk);
    REQUIRE(Manifest::create(disk, "t", sample_state()));
    REQUIRE(commit_some(disk, 1, 1).confirmed == 1);
    disk.crash_at(n);
    commit_some(disk, 2, 0);
    REQUIRE(disk.crashed());  // the wanted operation comes before the end
    // The operation under the crash is the last change of the trace.
    auto trace = disk.trace();
    auto last = std::find_if(trace.rbegin(), trace.rend(), [](const DiskOperation& o) { return is_change(o.op); });
    if (last->op != op || last->path.find(part) == std::string::npos) continue;
    for (Fate fate : kAllFates) {
      CAPTURE(fate_name(fate));
      verify(*disk.after_crash(fate, n));
    }
    return;
  }
}

void check_old_or_new(SimDisk& disk) {
  check_loads(disk, {.tried = 1, .confirmed = 1});
  CHECK(commit_some(disk, 2, 1).confirmed == 2);
}

}  // namespace

TEST_CASE("window: new MANIFEST written, CURRENT's temporary file not renamed: the old one is valid") {
  crash_in_rewrite(DiskOp::kRename, "CURRENT", check_old_or_new);
}

TEST_CASE(
    "window: CURRENT renamed, directory not synced: one of the two is in force, and both are "
    "valid") {
  crash_in_rewrite(DiskOp::kSyncDirectory, "t", check_old_or_new);
}

TEST_CASE("window: no space in the middle of an edit, then power loss: the old state") {
  for (Fate fate : kAllFates) {
    SimDisk disk(4);
    prepare(disk);
    ManualClock clock;
    REQUIRE(Manifest::create(disk, "t", sample_state()));
    auto manifest = *Manifest::open(disk, clock, "t", ManifestOptions{.reserve_bytes = 0});
    SpaceInfo space = *disk.space("t");
    disk.set_capacity(space.total_bytes - space.free_bytes);
    Status status;
    Lsn lsn = 0;
    while (status) status = manifest->commit(sample_flush(*manifest->state(), ++lsn));
    CHECK(status.error().code == Code::kNoSpace);
    auto after = disk.after_crash(fate, 6);
    CHECK(check_loads(*after, {.tried = lsn - 1, .confirmed = lsn - 1}) == lsn - 1);
  }
}

#include "tests/support/sim_disk.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

template <class T>
T ok(Result<T> result) {
  REQUIRE_MESSAGE(result, (result ? "" : result.error().to_string()));
  return *std::move(result);
}
void ok(Status status) { REQUIRE_MESSAGE(status, (status ? "" : status.error().to_string())); }

std::unique_ptr<File> create(SimDisk& disk, const std::string& path) { return ok(disk.open(path, OpenMode::kCreate)); }

// A file whose name and content are durable.
std::unique_ptr<File> durable_file(SimDisk& disk, const std::string& path, std::string_view content) {
  std::unique_ptr<File> file = create(disk, path);
  ok(file->write_at(0, as_bytes(content)));
  ok(file->sync());
  ok(disk.sync_directory("/"));
  return file;
}

std::string text(const Bytes& bytes) { return std::string(as_text(bytes)); }

Bytes pattern(size_t size, uint8_t value) { return Bytes(size, value); }

// --- what is durable ---------------------------------------------------------------------------------------------------

TEST_CASE("sim disk: only what was synced survives the worst power failure") {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", "synced");
  ok(file->write_at(0, as_bytes("SYNCED and more")));
  CHECK(text(disk.content("/f")) == "SYNCED and more");
  CHECK(text(disk.after_crash(Fate::kDropUnsynced, 1)->content("/f")) == "synced");
  CHECK(text(disk.after_crash(Fate::kKeepAll, 1)->content("/f")) == "SYNCED and more");
  CHECK(text(disk.durable_content("/f")) == "synced");
  CHECK(disk.unsynced() == 1);
  ok(file->sync_data());
  CHECK(disk.unsynced() == 0);
  for (Fate fate : kAllFates) CHECK(text(disk.after_crash(fate, 1)->content("/f")) == "SYNCED and more");
}

TEST_CASE("sim disk: a synced file without a synced directory may be gone") {
  SimDisk disk(1);
  auto file = create(disk, "/f");
  ok(file->write_at(0, as_bytes("x")));
  ok(file->sync());
  CHECK(!disk.after_crash(Fate::kDropUnsynced, 1)->exists("/f"));
  ok(disk.sync_directory("/"));
  CHECK(text(disk.after_crash(Fate::kDropUnsynced, 1)->content("/f")) == "x");
}

TEST_CASE("sim disk: a new directory needs its parent's sync, whatever is synced within") {
  SimDisk disk(1);
  ok(disk.make_directory("/d"));
  ok(create(disk, "/d/f")->sync());
  ok(disk.sync_directory("/d"));
  CHECK(disk.after_crash(Fate::kDropUnsynced, 1)->tree().empty());
  ok(disk.sync_directory("/"));
  CHECK(disk.after_crash(Fate::kDropUnsynced, 1)->tree() == std::vector<std::string>{"/d/", "/d/f"});
}

TEST_CASE("sim disk: a rename without a sync shows the old or the new file, never none") {
  SimDisk disk(1);
  durable_file(disk, "/CURRENT", "old");
  auto next = create(disk, "/CURRENT.tmp");
  ok(next->write_at(0, as_bytes("new")));
  ok(next->sync());
  ok(disk.rename("/CURRENT.tmp", "/CURRENT"));
  CHECK(text(disk.after_crash(Fate::kDropUnsynced, 1)->content("/CURRENT")) == "old");
  CHECK(text(disk.after_crash(Fate::kDroppedRename, 1)->content("/CURRENT")) == "old");
  CHECK(text(disk.after_crash(Fate::kKeepAll, 1)->content("/CURRENT")) == "new");
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    seen.insert(text(disk.after_crash(Fate::kMix, seed)->content("/CURRENT")));
  }
  CHECK(seen == std::set<std::string>{"old", "new"});
  ok(disk.sync_directory("/"));
  CHECK(disk.after_crash(Fate::kDropUnsynced, 1)->tree() == std::vector<std::string>{"/CURRENT"});
}

TEST_CASE("sim disk: a rename of an unsynced file may leave an empty one, the classic bug") {
  SimDisk disk(1);
  durable_file(disk, "/f", "old");
  ok(create(disk, "/f.tmp")->write_at(0, as_bytes("new")));
  ok(disk.rename("/f.tmp", "/f"));
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 50; ++seed)
    seen.insert(text(disk.after_crash(Fate::kRandomSubset, seed)->content("/f")));
  CHECK(seen == std::set<std::string>{"", "new", "old"});
}

TEST_CASE("sim disk: an unlink may overtake the rename that it relies on") {
  SimDisk disk(1);
  durable_file(disk, "/MANIFEST-1", "1");
  durable_file(disk, "/CURRENT", "MANIFEST-1");
  durable_file(disk, "/CURRENT.tmp", "MANIFEST-2");
  durable_file(disk, "/MANIFEST-2", "2");
  ok(disk.rename("/CURRENT.tmp", "/CURRENT"));
  ok(disk.unlink("/MANIFEST-1"));
  bool dangling = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    auto after = disk.after_crash(Fate::kRandomSubset, seed);
    dangling = dangling || !after->exists("/" + text(after->content("/CURRENT")));
  }
  CHECK(dangling);
}

TEST_CASE("sim disk: a move between directories shows the file twice before it loses it") {
  SimDisk disk(1);
  ok(disk.make_directory("/from"));
  ok(disk.make_directory("/to"));
  ok(disk.sync_directory("/"));
  ok(create(disk, "/from/f")->sync());
  ok(disk.sync_directory("/from"));
  ok(disk.rename("/from/f", "/to/f"));
  ok(disk.sync_directory("/to"));
  auto after = disk.after_crash(Fate::kDropUnsynced, 1);
  CHECK(after->exists("/to/f"));
  CHECK(after->exists("/from/f"));
  ok(disk.sync_directory("/from"));
  CHECK(!disk.after_crash(Fate::kDropUnsynced, 1)->exists("/from/f"));
}

// --- fates -------------------------------------------------------------------------------------------------------------

// Where the bytes of `after` come from the write, cut at multiples of `grain`: one flag a piece.
std::vector<bool> survived(const Bytes& after, uint8_t old_value, uint8_t new_value, size_t grain) {
  std::vector<bool> pieces;
  for (size_t at = 0; at < after.size(); at += grain) {
    size_t end = std::min(after.size(), at + grain);
    bool is_new = after[at] == new_value;
    pieces.push_back(is_new);
    uint8_t expected = is_new ? new_value : old_value;
    auto first = after.begin() + static_cast<std::ptrdiff_t>(at);
    REQUIRE(std::all_of(first, first + static_cast<std::ptrdiff_t>(end - at),
                        [expected](uint8_t byte) { return byte == expected; }));
  }
  return pieces;
}

void check_tears(Fate fate, size_t grain) {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", as_text(pattern(32'768, 1)));
  ok(file->write_at(0, pattern(32'768, 2)));
  std::set<std::vector<bool>> seen;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    seen.insert(survived(disk.after_crash(fate, seed)->content("/f"), 1, 2, grain));
  }
  CHECK(seen.size() > 20);
  CHECK(seen.contains(std::vector<bool>(32'768 / grain, false)));
  CHECK(seen.contains(std::vector<bool>(32'768 / grain, true)));
}

TEST_CASE("sim disk: tears are at 512 bytes") { check_tears(Fate::kTear512, 512); }
TEST_CASE("sim disk: tears are at 4,096 bytes") { check_tears(Fate::kTear4096, 4096); }

TEST_CASE("sim disk: tears fall on multiples of the file's offset, not of the write's") {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", as_text(pattern(4096, 1)));
  ok(file->write_at(100, pattern(3000, 2)));
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Bytes after = disk.after_crash(Fate::kTear512, seed)->content("/f");
    bool torn_elsewhere = false;
    for (size_t i = 1; i < after.size(); ++i) {
      bool may_change = i == 100 || i == 3100 || (i % 512 == 0 && i > 100 && i < 3100);
      torn_elsewhere = torn_elsewhere || (!may_change && after[i] != after[i - 1]);
    }
    CHECK(!torn_elsewhere);
    CHECK(after.front() == 1);
    CHECK(after.back() == 1);
  }
}

TEST_CASE("sim disk: garbage stays within the write, and every kind of it comes") {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", as_text(pattern(8192, 1)));
  ok(file->write_at(1024, pattern(2048, 2)));
  int garbled = 0;
  int kept = 0;
  int dropped = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Bytes after = disk.after_crash(Fate::kGarbage, seed)->content("/f");
    REQUIRE(after.size() == 8192);
    CHECK(std::all_of(after.begin(), after.begin() + 1024, [](uint8_t byte) { return byte == 1; }));
    CHECK(std::all_of(after.begin() + 3072, after.end(), [](uint8_t byte) { return byte == 1; }));
    auto count = [&](uint8_t value) { return std::count(after.begin() + 1024, after.begin() + 3072, value); };
    kept += count(2) == 2048 ? 1 : 0;
    dropped += count(1) == 2048 ? 1 : 0;
    garbled += count(1) < 2048 && count(2) < 2048 ? 1 : 0;
  }
  CHECK(garbled > 40);
  CHECK(kept > 10);
  CHECK(dropped > 10);
}

TEST_CASE("sim disk: each write of a random subset survives on its own") {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", as_text(pattern(3, 0)));
  for (uint64_t i = 0; i < 3; ++i) ok(file->write_at(i, pattern(1, 9)));
  std::set<Bytes> seen;
  for (uint64_t seed = 0; seed < 100; ++seed) seen.insert(disk.after_crash(Fate::kRandomSubset, seed)->content("/f"));
  CHECK(seen.size() == 8);  // the later without the earlier too
}

TEST_CASE("sim disk: truncates and preallocations are dropped on their own") {
  SimDisk disk(1);
  auto cut = durable_file(disk, "/cut", "0123456789");
  auto grown = durable_file(disk, "/grown", "x");
  ok(cut->truncate(4));
  ok(grown->preallocate(10'000));
  ok(grown->write_at(0, as_bytes("yz")));
  auto after = disk.after_crash(Fate::kDroppedTruncate, 1);
  CHECK(text(after->content("/cut")) == "0123456789");
  CHECK(text(after->content("/grown")) == "yz");
  CHECK(disk.after_crash(Fate::kKeepAll, 1)->content("/grown").size() == 10'000);
}

TEST_CASE("sim disk: what a truncate cut off does not come back behind later writes") {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", "0123456789");
  ok(file->truncate(2));
  ok(file->write_at(4, as_bytes("!")));
  CHECK(text(disk.content("/f")) == std::string("01\0\0!", 5));
  CHECK(text(disk.after_crash(Fate::kKeepAll, 1)->content("/f")) == std::string("01\0\0!", 5));
}

// --- crash at the n-th change ------------------------------------------------------------------------------------------

Status replace_atomically(SimDisk& disk, std::string_view content) {
  return write_file_atomic(disk, "/f", as_bytes(content));
}

TEST_CASE("sim disk: a sweep finds every interruption of write_file_atomic, old or new stands in each") {
  uint64_t interruptions = 0;
  std::set<std::string> seen;
  for (uint64_t n = 1;; ++n) {
    CAPTURE(n);
    SimDisk disk(1);
    ok(replace_atomically(disk, "old"));
    disk.crash_at(n);
    Status status = replace_atomically(disk, "new");
    if (!disk.crashed()) {
      CHECK(status);
      break;
    }
    ++interruptions;
    REQUIRE(!status);
    CHECK(is_simulated_crash(status.error()));
    for (Fate fate : kAllFates) {
      CAPTURE(fate_name(fate));
      for (uint64_t seed = 0; seed < 10; ++seed) {
        auto after = disk.after_crash(fate, seed);
        std::string content = text(after->content("/f"));
        CHECK((content == "old" || content == "new"));
        seen.insert(content);
        ok(replace_atomically(*after, "again"));  // and life goes on
        CHECK(text(after->durable_content("/f")) == "again");
      }
    }
  }
  CHECK(interruptions == 6);  // unlink, create, write, sync, rename, sync of the directory
  CHECK(seen.size() == 2);
}

TEST_CASE("sim disk: after the crash nothing works until the reboot, and old handles never again") {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", "x");
  auto queue = ok(disk.make_io_queue(4));
  auto lock = ok(disk.lock("/LOCK"));
  disk.crash_at(1);
  CHECK(is_simulated_crash(file->write_at(0, as_bytes("y")).error()));
  Bytes out(1);
  CHECK(is_simulated_crash(file->read_at(0, out).error()));
  CHECK(is_simulated_crash(disk.list("/").error()));
  CHECK(is_simulated_crash(queue->submit_sync_data(*file, 1).error()));
  disk.crash(Fate::kDropUnsynced, 1);
  CHECK(!disk.crashed());
  CHECK(is_simulated_crash(file->sync().error()));
  CHECK(is_simulated_crash(queue->submit_write(*file, 0, out, 1).error()));
  CHECK(text(ok(read_whole_file(disk, "/f", 10))) == "x");
  auto again = ok(disk.lock("/LOCK"));
  lock.reset();  // of before: does not take the new one away
  CHECK(!disk.lock("/LOCK"));
}

TEST_CASE("sim disk: what was in flight at the crash is answered, so that draining ends") {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", "old");
  auto queue = ok(disk.make_io_queue(4));
  ok(queue->submit_write(*file, 0, as_bytes("new"), 7));
  disk.crash_at(1);
  CHECK(!file->sync());
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 40; ++seed)
    seen.insert(text(disk.after_crash(Fate::kRandomSubset, seed)->content("/f")));
  CHECK(seen == std::set<std::string>{"old", "new"});
  std::vector<IoQueue::Completion> done;
  while (queue->in_flight() > 0) ok(queue->reap(true, done));
  REQUIRE(done.size() == 1);
  CHECK(done[0].tag == 7);
  CHECK(is_simulated_crash(done[0].status.error()));
}

TEST_CASE("sim disk: kill -9 keeps the cache, drops handles and locks") {
  SimDisk disk(1);
  auto file = create(disk, "/f");
  ok(file->write_at(0, as_bytes("unsynced")));
  auto lock = ok(disk.lock("/LOCK"));
  disk.kill_process();
  CHECK(text(disk.content("/f")) == "unsynced");
  CHECK(is_simulated_crash(file->sync().error()));
  ok(disk.lock("/LOCK"));
  CHECK(!disk.after_crash(Fate::kDropUnsynced, 1)->exists("/f"));
}

// --- queue ---------------------------------------------------------------------------------------------------------------

TEST_CASE("sim disk: a sync covers only writes that had completed when it was submitted") {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", "old");
  auto queue = ok(disk.make_io_queue(4));
  std::vector<IoQueue::Completion> done;
  ok(queue->submit_write(*file, 0, as_bytes("new"), 1));
  ok(queue->submit_sync_data(*file, 2));
  while (queue->in_flight() > 0) ok(queue->reap(true, done));
  CHECK(text(disk.content("/f")) == "new");
  CHECK(text(disk.durable_content("/f")) == "old");
  ok(queue->submit_sync_data(*file, 3));
  ok(queue->reap(true, done));
  CHECK(text(disk.durable_content("/f")) == "new");
}

TEST_CASE("sim disk: completions come in any order") {
  std::set<std::vector<uint64_t>> orders;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimDisk disk(seed);
    auto file = create(disk, "/f");
    auto queue = ok(disk.make_io_queue(3));
    for (uint64_t i = 0; i < 3; ++i) ok(queue->submit_write(*file, i, as_bytes("x"), i));
    std::vector<IoQueue::Completion> done;
    while (queue->in_flight() > 0) ok(queue->reap(true, done));
    orders.insert({done[0].tag, done[1].tag, done[2].tag});
  }
  CHECK(orders.size() == 6);
}

TEST_CASE("sim disk: short transfers of a queue are reported and true") {
  SimDisk disk(3);
  auto file = create(disk, "/f");
  auto queue = ok(disk.make_io_queue(1));
  disk.set_short_writes(1.0);
  Bytes bytes = pattern(10'000, 5);
  size_t written = 0;
  int transfers = 0;
  while (written < bytes.size()) {
    ok(queue->submit_write(*file, written, ByteSpan(bytes).subspan(written), 0));
    std::vector<IoQueue::Completion> done;
    ok(queue->reap(true, done));
    ok(done.at(0).status);
    REQUIRE(done[0].bytes > 0);
    written += done[0].bytes;
    CHECK(disk.content("/f").size() == written);
    ++transfers;
  }
  CHECK(transfers > 1);
  CHECK(disk.content("/f") == bytes);
}

// --- faults ----------------------------------------------------------------------------------------------------------------

TEST_CASE("sim disk: the n-th matching operation fails, once or for ever") {
  SimDisk disk(1);
  auto file = create(disk, "/f");
  auto other = create(disk, "/g");
  disk.inject({.ops = {DiskOp::kWrite}, .path_part = "f", .nth = 2});
  ok(file->write_at(0, as_bytes("1")));
  ok(other->write_at(0, as_bytes("1")));
  Status failed = file->write_at(0, as_bytes("2"));
  REQUIRE(!failed);
  CHECK(failed.error().code == Code::kIoError);
  CHECK(!is_simulated_crash(failed.error()));
  ok(file->write_at(0, as_bytes("3")));
  CHECK(disk.faults_fired() == 1);
  disk.inject({.effect = FaultEffect::kNoSpace, .ops = {DiskOp::kSync}, .persistent = true});
  CHECK(file->sync().error().code == Code::kNoSpace);
  CHECK(other->sync_data().error().code == Code::kNoSpace);
  disk.clear_faults();
  ok(file->sync());
}

TEST_CASE("sim disk: a fault without operations hits any, in turn") {
  std::set<std::string> failed;
  for (uint64_t n = 1;; ++n) {
    SimDisk disk(1);
    ok(replace_atomically(disk, "old"));
    disk.inject({.nth = n});
    Status status = replace_atomically(disk, "new");
    if (disk.faults_fired() == 0) break;
    CHECK(!status);
    failed.insert(status.error().message.substr(0, status.error().message.find(' ')));
    CHECK((text(disk.content("/f")) == "old" || text(disk.content("/f")) == "new"));
  }
  CHECK(failed == std::set<std::string>{"unlink", "create", "write", "sync", "rename"});
}

TEST_CASE("sim disk: a failed write may reach the disk all the same, until the next sync") {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", "old");
  disk.inject({.ops = {DiskOp::kWrite}});
  CHECK(!file->write_at(0, as_bytes("new")));
  CHECK(text(disk.content("/f")) == "old");
  CHECK(text(disk.after_crash(Fate::kDropUnsynced, 1)->content("/f")) == "old");
  CHECK(text(disk.after_crash(Fate::kKeepAll, 1)->content("/f")) == "new");
  ok(file->sync());
  CHECK(text(disk.after_crash(Fate::kKeepAll, 1)->content("/f")) == "old");
}

// W21: the trap that no database on buffered I/O may fall into.
TEST_CASE("sim disk: after a failed sync the next one succeeds, and the data is lost") {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", "old");
  ok(file->write_at(0, as_bytes("new!")));
  disk.inject({.ops = {DiskOp::kSync}});
  CHECK(!file->sync_data());
  ok(file->sync_data());
  CHECK(text(disk.content("/f")) == "new!");  // the cache lies
  Bytes out(4);
  auto direct = ok(disk.open("/f", OpenMode::kReadDirect));
  CHECK(ok(direct->read_at(0, out)) == 4);
  CHECK(text(out) == std::string("old\0", 4));  // the disk does not
  for (Fate fate : kAllFates) CHECK(text(disk.after_crash(fate, 1)->content("/f")) == "old");
  ok(file->write_at(1, as_bytes("E")));  // a direct read sees what is dirty, since it writes it back first
  CHECK(ok(direct->read_at(0, out)) == 4);
  CHECK(text(out) == std::string("oEd\0", 4));
  disk.evict_cache();
  CHECK(text(disk.content("/f")) == "oEd");
}

TEST_CASE("sim disk: some of what a failed sync covered may be durable") {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", "......");
  for (uint64_t i = 0; i < 6; ++i) ok(file->write_at(i, as_bytes("x")));
  disk.inject({.ops = {DiskOp::kSync}, .survives = 0.5});
  CHECK(!file->sync());
  std::string durable = text(disk.durable_content("/f"));
  CHECK(durable.find('x') != std::string::npos);
  CHECK(durable.find('.') != std::string::npos);
}

TEST_CASE("sim disk: a failed sync through the queue loses what it covered") {
  SimDisk disk(1);
  auto file = durable_file(disk, "/f", "old");
  auto queue = ok(disk.make_io_queue(2));
  std::vector<IoQueue::Completion> done;
  ok(queue->submit_write(*file, 0, as_bytes("new"), 1));
  ok(queue->reap(true, done));
  disk.inject({.ops = {DiskOp::kSync}});
  ok(queue->submit_sync_data(*file, 2));
  ok(queue->reap(true, done));
  CHECK(done.at(1).status.error().code == Code::kIoError);
  ok(file->sync());
  CHECK(text(disk.durable_content("/f")) == "old");
}

TEST_CASE("sim disk: a full disk takes what fits and then says kNoSpace") {
  SimDisk disk(1);
  disk.set_capacity(10);
  auto file = create(disk, "/f");
  ok(file->write_at(0, as_bytes("123456")));
  CHECK(ok(disk.space("/")).free_bytes == 4);
  CHECK(file->write_at(6, as_bytes("789012")).error().code == Code::kNoSpace);
  CHECK(text(disk.content("/f")) == "1234567890");
  ok(file->write_at(0, as_bytes("abc")));  // overwriting needs no space
  auto other = create(disk, "/g");
  CHECK(other->preallocate(1).error().code == Code::kNoSpace);
  CHECK(ok(other->size()) == 0);
  ok(disk.unlink("/f"));
  CHECK(other->write_at(0, as_bytes("x")).error().code == Code::kNoSpace);  // still open
  file.reset();
  ok(other->preallocate(10));
}

TEST_CASE("sim disk: a full disk shortens a queued write, then refuses it") {
  SimDisk disk(1);
  disk.set_capacity(4);
  auto file = create(disk, "/f");
  auto queue = ok(disk.make_io_queue(2));
  std::vector<IoQueue::Completion> done;
  ok(queue->submit_write(*file, 0, as_bytes("123456"), 1));
  ok(queue->reap(true, done));
  CHECK(done.at(0).bytes == 4);
  ok(queue->submit_write(*file, 4, as_bytes("56"), 1));
  ok(queue->reap(true, done));
  CHECK(done.at(1).status.error().code == Code::kNoSpace);
}

TEST_CASE("sim disk: damage at a chosen place is in cache and disk") {
  SimDisk disk(1);
  durable_file(disk, "/f", "abc");
  CHECK(disk.flip_bit("/f", 1, 0));
  CHECK(text(disk.content("/f")) == "acc");
  CHECK(text(disk.durable_content("/f")) == "acc");
  CHECK(!disk.flip_bit("/f", 3, 0));
  CHECK(!disk.flip_bit("/none", 0, 0));
  CHECK(disk.cut("/f", 1));
  CHECK(text(disk.durable_content("/f")) == "a");
}

// --- reproducible --------------------------------------------------------------------------------------------------------

uint64_t random_life(SimDisk& disk, uint64_t seed) {
  Random random(seed);
  std::vector<std::unique_ptr<File>> files;
  auto queue = disk.make_io_queue(4);
  disk.set_short_writes(0.2);
  for (int i = 0; i < 300; ++i) {
    std::string name = "/" + std::string(1, static_cast<char>('a' + random.below(6)));
    std::string other = "/" + std::string(1, static_cast<char>('a' + random.below(6)));
    switch (random.below(8)) {
      case 0:
        if (auto file = disk.open(name, OpenMode::kCreate)) files.push_back(*std::move(file));
        break;
      case 1: (void)disk.rename(name, other); break;
      case 2: (void)disk.unlink(name); break;
      case 3: (void)disk.sync_directory("/"); break;
      default: {
        if (files.empty() || !queue) break;
        File& file = *files[random.below(files.size())];
        Bytes bytes(random.between(1, 9000), static_cast<uint8_t>(i));
        if (random.chance(0.2)) (void)file.sync();
        if (random.chance(0.1)) (void)file.truncate(random.below(9000));
        if (random.chance(0.5)) (void)file.write_at(random.below(9000), bytes);
        std::vector<IoQueue::Completion> done;
        if (random.chance(0.5) && (*queue)->submit_write(file, 0, bytes, 1)) (void)(*queue)->reap(true, done);
        while ((*queue)->in_flight() > 0) (void)(*queue)->reap(true, done);
      }
    }
  }
  ok(create(disk, "/last")->write_at(0, as_bytes("unsynced")));
  return disk.hash();
}

TEST_CASE("sim disk: a seed gives the same life, the same wreck and the same trace") {
  for (uint64_t seed = test_seed(1), end = seed + 10; seed < end; ++seed) {
    CAPTURE(seed);
    SimDisk a(seed);
    SimDisk b(seed);
    CHECK(random_life(a, seed) == random_life(b, seed));
    CHECK(a.trace_text() == b.trace_text());
    CHECK(a.changes() == b.changes());
    CHECK(a.unsynced() > 0);
    for (Fate fate : kAllFates) {
      auto wreck = a.after_crash(fate, seed);
      CHECK(wreck->hash() == b.after_crash(fate, seed)->hash());
      CHECK(wreck->unsynced() == 0);
      CHECK(wreck->after_crash(Fate::kMix, 1)->tree() == wreck->tree());  // a second failure takes nothing more
    }
    CHECK(a.after_crash(Fate::kKeepAll, seed)->tree() == a.tree());
  }
}

TEST_CASE("sim disk: the life at another seed differs, and so do its wrecks") {
  SimDisk disk(1);
  random_life(disk, 1);
  std::set<uint64_t> wrecks;
  for (uint64_t seed = 0; seed < 20; ++seed) wrecks.insert(disk.after_crash(Fate::kMix, seed)->hash());
  CHECK(wrecks.size() > 15);
}

// A tiny model: after keep-all the disk is what was visible, after drop-unsynced what the last syncs saw.
TEST_CASE("sim disk: content agrees with a model of two strings") {
  uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  SimDisk disk(seed);
  auto file = durable_file(disk, "/f", "");
  std::string visible;
  std::string durable;
  for (int i = 0; i < 500; ++i) {
    uint64_t at = random.below(20'000);
    std::string bytes(random.between(1, 6000), static_cast<char>('a' + i % 26));
    switch (random.below(4)) {
      case 0:
        ok(file->sync_data());
        durable = visible;
        break;
      case 1:
        ok(file->truncate(at));
        visible.resize(at);
        break;
      default:
        ok(file->write_at(at, as_bytes(bytes)));
        visible.resize(std::max<size_t>(visible.size(), at + bytes.size()));
        visible.replace(at, bytes.size(), bytes);
    }
    if (i % 10 != 0) continue;
    REQUIRE(text(disk.content("/f")) == visible);
    REQUIRE(text(disk.durable_content("/f")) == durable);
    REQUIRE(text(disk.after_crash(Fate::kKeepAll, 1)->content("/f")) == visible);
  }
}

TEST_CASE("sim disk: safe from several threads") {
  SimDisk disk(1);
  auto shared = durable_file(disk, "/shared", "");
  auto work = [&](const std::string& name) {
    auto queue = disk.make_io_queue(2);
    for (int i = 0; i < 200; ++i) {
      auto file = disk.open(name + std::to_string(i % 7), i < 7 ? OpenMode::kCreate : OpenMode::kReadWrite);
      std::vector<IoQueue::Completion> done;
      if (!file || !queue || !(*queue)->submit_write(**file, 0, as_bytes(name), 1)) std::abort();
      if (!shared->write_at(static_cast<uint64_t>(i), as_bytes("x")) || !(*file)->sync()) std::abort();
      while ((*queue)->in_flight() > 0) (void)(*queue)->reap(true, done);
    }
  };
  std::thread a(work, "/a");
  std::thread b(work, "/b");
  a.join();
  b.join();
  CHECK(disk.tree().size() == 15);
  CHECK(disk.content("/shared").size() == 200);
}

TEST_CASE("sim disk: the trace names what was done where") {
  SimDisk disk(1);
  auto file = create(disk, "/f");
  ok(file->write_at(4096, as_bytes("abc")));
  ok(disk.sync_directory("/"));
  CHECK(disk.trace_text() == "create /f\nwrite /f [4096, +3)\nsync directory /\n");
  CHECK(disk.count(DiskOp::kWrite) == 1);
  CHECK(disk.changes() == 3);
}

}  // namespace
}  // namespace tally

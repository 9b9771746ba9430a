// One set of expectations for every disk: the machine's, with either queue, and the simulated one.
#include "base/file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "base/file_names.h"
#include "base/random.h"
#include "tests/support/seed.h"
#include "tests/support/sim_disk.h"
#include "tests/support/temp_dir.h"

namespace tally {
namespace {

struct UringDisk {
  TempDir dir;
  std::unique_ptr<FileSystem> fs = make_posix_file_system(IoMethod::kAuto);
  std::string path(std::string_view name) const { return dir.file(name); }
};

struct PwriteDisk {
  TempDir dir;
  std::unique_ptr<FileSystem> fs = make_posix_file_system(IoMethod::kPwrite);
  std::string path(std::string_view name) const { return dir.file(name); }
};

struct SimulatedDisk {
  std::unique_ptr<FileSystem> fs = std::make_unique<SimDisk>(test_seed(1));
  SimulatedDisk() { CHECK(fs->make_directory("/root")); }
  std::string path(std::string_view name) const { return "/root/" + std::string(name); }
};

template <class T>
T ok(Result<T> result) {
  REQUIRE_MESSAGE(result, (result ? "" : result.error().to_string()));
  return *std::move(result);
}
void ok(Status status) { REQUIRE_MESSAGE(status, (status ? "" : status.error().to_string())); }

template <class R>
Code code_of(const R& result) {
  REQUIRE(!result);
  CHECK(!result.error().message.empty());
  return result.error().code;
}

Bytes read_all(File& file) {
  Bytes bytes(ok(file.size()));
  ok(read_exactly(file, 0, bytes));
  return bytes;
}

std::unique_ptr<File> make_file(FileSystem& fs, const std::string& path, std::string_view content) {
  std::unique_ptr<File> file = ok(fs.open(path, OpenMode::kCreate));
  ok(file->write_at(0, as_bytes(content)));
  return file;
}

#define TALLY_DISKS UringDisk, PwriteDisk, SimulatedDisk

TEST_CASE_TEMPLATE("file: what was written is read, also beyond the end", Disk, TALLY_DISKS) {
  Disk disk;
  std::unique_ptr<File> file = make_file(*disk.fs, disk.path("f"), "hello");
  CHECK(file->path() == disk.path("f"));
  ok(file->write_at(8, as_bytes("!")));
  CHECK(as_text(read_all(*file)) == std::string_view("hello\0\0\0!", 9));
  Bytes out(100);
  CHECK(ok(file->read_at(4, out)) == 5);
  CHECK(ok(file->read_at(9, out)) == 0);
  CHECK(ok(file->read_at(1'000'000, out)) == 0);
  ok(file->write_at(3, {}));
  ok(file->sync_data());
  ok(file->sync());
}

TEST_CASE_TEMPLATE("file: opening asks for what the mode says", Disk, TALLY_DISKS) {
  Disk disk;
  for (OpenMode mode : {OpenMode::kRead, OpenMode::kReadDirect, OpenMode::kReadWrite}) {
    CHECK(code_of(disk.fs->open(disk.path("none"), mode)) == Code::kNotFound);
  }
  CHECK(code_of(disk.fs->open(disk.path("none/x"), OpenMode::kCreate)) == Code::kNotFound);
  make_file(*disk.fs, disk.path("f"), "x");
  CHECK(code_of(disk.fs->open(disk.path("f"), OpenMode::kCreate)) == Code::kAlreadyExists);
  CHECK(code_of(disk.fs->open(disk.path("f/x"), OpenMode::kRead)) == Code::kNotFound);
  ok(disk.fs->make_directory(disk.path("d")));
  CHECK(code_of(disk.fs->open(disk.path("d"), OpenMode::kRead)) == Code::kIoError);
  Result<std::unique_ptr<File>> missing = disk.fs->open(disk.path("none"), OpenMode::kRead);
  CHECK(missing.error().message.find(disk.path("none")) != std::string::npos);
}

TEST_CASE_TEMPLATE("file: a file opened to read cannot be written", Disk, TALLY_DISKS) {
  Disk disk;
  make_file(*disk.fs, disk.path("f"), "x");
  std::unique_ptr<File> file = ok(disk.fs->open(disk.path("f"), OpenMode::kRead));
  CHECK(!file->write_at(0, as_bytes("y")));
  CHECK(!file->truncate(0));
  CHECK(!file->preallocate(4096));
  CHECK(as_text(read_all(*file)) == "x");
}

TEST_CASE_TEMPLATE("file: direct reads of any offset and length", Disk, TALLY_DISKS) {
  uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  Disk disk;
  Bytes content(3 * 1024 * 1024 + 777);
  random.fill(content);
  std::unique_ptr<File> file = make_file(*disk.fs, disk.path("f"), as_text(content));
  ok(file->sync());
  std::unique_ptr<File> direct = ok(disk.fs->open(disk.path("f"), OpenMode::kReadDirect));
  CHECK(read_all(*direct) == content);
  for (int i = 0; i < 40; ++i) {
    uint64_t offset = random.below(content.size() + 5000);
    Bytes out(random.below(random.chance(0.2) ? 2'500'000 : 10'000));
    size_t got = ok(direct->read_at(offset, out));
    size_t expected = offset >= content.size() ? 0 : std::min<size_t>(out.size(), content.size() - offset);
    REQUIRE(got == expected);
    CHECK(std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(got),
                     content.begin() + static_cast<std::ptrdiff_t>(std::min<uint64_t>(offset, content.size()))));
  }
}

TEST_CASE_TEMPLATE("file: truncate cuts and grows, with zeros", Disk, TALLY_DISKS) {
  Disk disk;
  std::unique_ptr<File> file = make_file(*disk.fs, disk.path("f"), "hello world");
  ok(file->truncate(5));
  CHECK(as_text(read_all(*file)) == "hello");
  ok(file->truncate(8));
  CHECK(as_text(read_all(*file)) == std::string_view("hello\0\0\0", 8));
}

TEST_CASE_TEMPLATE("file: preallocate extends with zeros and never cuts", Disk, TALLY_DISKS) {
  Disk disk;
  std::unique_ptr<File> file = make_file(*disk.fs, disk.path("f"), "hello");
  ok(file->preallocate(3));
  CHECK(ok(file->size()) == 5);
  ok(file->preallocate(3 * 1024 * 1024 + 1));
  Bytes content = read_all(*file);
  REQUIRE(content.size() == 3 * 1024 * 1024 + 1);
  CHECK(as_text(ByteSpan(content).first(5)) == "hello");
  CHECK(std::all_of(content.begin() + 5, content.end(), [](uint8_t byte) { return byte == 0; }));
  ok(file->preallocate(0));
  CHECK(ok(file->size()) == content.size());
  file->drop_cache(0, content.size());
  CHECK(read_all(*file) == content);
}

TEST_CASE_TEMPLATE("file: an unlinked or replaced file lives on in its handle", Disk, TALLY_DISKS) {
  Disk disk;
  std::unique_ptr<File> old = make_file(*disk.fs, disk.path("f"), "old");
  make_file(*disk.fs, disk.path("g"), "new");
  ok(disk.fs->rename(disk.path("g"), disk.path("f")));
  CHECK(as_text(read_all(*old)) == "old");
  CHECK(as_text(ok(read_whole_file(*disk.fs, disk.path("f"), 100))) == "new");
  CHECK(code_of(disk.fs->info(disk.path("g"))) == Code::kNotFound);
  ok(disk.fs->unlink(disk.path("f")));
  CHECK(code_of(disk.fs->unlink(disk.path("f"))) == Code::kNotFound);
  ok(disk.fs->sync_directory(disk.path("")));
}

TEST_CASE_TEMPLATE("file: directories are made, listed, renamed, removed", Disk, TALLY_DISKS) {
  Disk disk;
  ok(disk.fs->make_directory(disk.path("d")));
  CHECK(code_of(disk.fs->make_directory(disk.path("d"))) == Code::kAlreadyExists);
  CHECK(code_of(disk.fs->make_directory(disk.path("none/d"))) == Code::kNotFound);
  make_file(*disk.fs, disk.path("d/b"), "12345");
  make_file(*disk.fs, disk.path("d/a"), "");
  ok(disk.fs->make_directory(disk.path("d/c")));
  std::vector<FileInfo> files = ok(disk.fs->list(disk.path("d")));
  REQUIRE(files.size() == 3);
  CHECK(files[0].name == "a");
  CHECK(files[1].name == "b");
  CHECK(files[1].size == 5);
  CHECK(!files[1].is_directory);
  CHECK(files[2].is_directory);
  CHECK(ok(disk.fs->info(disk.path("d"))).is_directory);
  CHECK(ok(disk.fs->info(disk.path("d/b"))).name == "b");
  CHECK(code_of(disk.fs->list(disk.path("none"))) == Code::kNotFound);
  CHECK(code_of(disk.fs->list(disk.path("d/b"))) == Code::kNotFound);
  CHECK(code_of(disk.fs->sync_directory(disk.path("none"))) == Code::kNotFound);
  CHECK(code_of(disk.fs->remove_directory(disk.path("d"))) == Code::kAlreadyExists);
  CHECK(code_of(disk.fs->remove_directory(disk.path("d/b"))) == Code::kIoError);
  CHECK(!disk.fs->unlink(disk.path("d/c")));
  ok(disk.fs->rename(disk.path("d"), disk.path("e")));
  CHECK(ok(disk.fs->list(disk.path("e"))).size() == 3);
  ok(disk.fs->remove_directory(disk.path("e/c")));
  CHECK(code_of(disk.fs->remove_directory(disk.path("e/c"))) == Code::kNotFound);
}

TEST_CASE_TEMPLATE("file: rename says what is in the way", Disk, TALLY_DISKS) {
  Disk disk;
  make_file(*disk.fs, disk.path("f"), "f");
  ok(disk.fs->make_directory(disk.path("d")));
  ok(disk.fs->make_directory(disk.path("full")));
  make_file(*disk.fs, disk.path("full/x"), "x");
  CHECK(code_of(disk.fs->rename(disk.path("none"), disk.path("g"))) == Code::kNotFound);
  CHECK(code_of(disk.fs->rename(disk.path("f"), disk.path("none/g"))) == Code::kNotFound);
  CHECK(code_of(disk.fs->rename(disk.path("f"), disk.path("d"))) == Code::kIoError);
  CHECK(code_of(disk.fs->rename(disk.path("d"), disk.path("f"))) == Code::kIoError);
  CHECK(code_of(disk.fs->rename(disk.path("d"), disk.path("full"))) == Code::kAlreadyExists);
  CHECK(code_of(disk.fs->rename(disk.path("full"), disk.path("full/y"))) == Code::kIoError);
  ok(disk.fs->rename(disk.path("full"), disk.path("d")));  // onto an empty directory
  CHECK(ok(disk.fs->list(disk.path("d"))).size() == 1);
  ok(disk.fs->rename(disk.path("f"), disk.path("f")));
}

TEST_CASE_TEMPLATE("file: space is told", Disk, TALLY_DISKS) {
  Disk disk;
  SpaceInfo space = ok(disk.fs->space(disk.path("")));
  CHECK(space.total_bytes > 0);
  CHECK(space.free_bytes <= space.total_bytes);
  CHECK(code_of(disk.fs->space(disk.path("none"))) == Code::kNotFound);
}

TEST_CASE_TEMPLATE("file: a lock is held once, and again after its release", Disk, TALLY_DISKS) {
  Disk disk;
  std::unique_ptr<DirectoryLock> lock = ok(disk.fs->lock(disk.path("LOCK")));
  Result<std::unique_ptr<DirectoryLock>> second = disk.fs->lock(disk.path("LOCK"));
  CHECK(code_of(second) == Code::kLocked);
  CHECK(second.error().message.find("open in this process") != std::string::npos);
  CHECK(code_of(disk.fs->lock(disk.path("none/LOCK"))) == Code::kNotFound);
  lock.reset();
  lock = ok(disk.fs->lock(disk.path("LOCK")));
  CHECK(ok(disk.fs->info(disk.path("LOCK"))).name == "LOCK");
}

TEST_CASE_TEMPLATE("file: read_whole_file has a limit, read_exactly names the end", Disk, TALLY_DISKS) {
  Disk disk;
  std::unique_ptr<File> file = make_file(*disk.fs, disk.path("f"), "12345");
  CHECK(code_of(read_whole_file(*disk.fs, disk.path("f"), 4)) == Code::kLimitExceeded);
  Bytes out(4);
  CHECK(code_of(read_exactly(*file, 3, out)) == Code::kCorruption);
  ok(read_exactly(*file, 1, out));
}

TEST_CASE_TEMPLATE("file: write_file_atomic replaces, also over a left-over", Disk, TALLY_DISKS) {
  Disk disk;
  ok(write_file_atomic(*disk.fs, disk.path("f"), as_bytes("one")));
  make_file(*disk.fs, temporary_path(disk.path("f")), "left by a crash");
  ok(write_file_atomic(*disk.fs, disk.path("f"), as_bytes("two")));
  CHECK(as_text(ok(read_whole_file(*disk.fs, disk.path("f"), 100))) == "two");
  CHECK(ok(disk.fs->list(disk.path(""))).size() == 1);
  CHECK(code_of(write_file_atomic(*disk.fs, disk.path("none/f"), as_bytes("x"))) == Code::kNotFound);
}

// --- queues ----------------------------------------------------------------------------------------------------------

std::vector<IoQueue::Completion> drain(IoQueue& queue) {
  std::vector<IoQueue::Completion> done;
  while (queue.in_flight() > 0) ok(queue.reap(true, done));
  return done;
}

TEST_CASE_TEMPLATE("queue: every request completes once, with its tag", Disk, TALLY_DISKS) {
  Disk disk;
  std::unique_ptr<File> file = ok(disk.fs->open(disk.path("f"), OpenMode::kCreate));
  std::unique_ptr<IoQueue> queue = ok(disk.fs->make_io_queue(4));
  CHECK(!queue->name().empty());
  uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  Bytes expected(64 * 4096);
  random.fill(expected);
  for (uint64_t block = 0; block < 64; block += 4) {
    for (uint64_t i = 0; i < 4; ++i) {
      ok(queue->submit_write(*file, (block + i) * 4096, ByteSpan(expected).subspan((block + i) * 4096, 4096),
                             block + i));
    }
    std::vector<IoQueue::Completion> done = drain(*queue);
    REQUIRE(done.size() == 4);
    std::ranges::sort(done, {}, &IoQueue::Completion::tag);
    for (uint64_t i = 0; i < 4; ++i) {
      CHECK(done[i].tag == block + i);
      CHECK(done[i].bytes == 4096);
      CHECK(done[i].status);
    }
  }
  ok(queue->submit_sync_data(*file, 99));
  CHECK(drain(*queue).at(0).tag == 99);
  CHECK(read_all(*file) == expected);
}

TEST_CASE_TEMPLATE("queue: at most `depth` requests, and none is lost by refusing one", Disk, TALLY_DISKS) {
  Disk disk;
  std::unique_ptr<File> file = ok(disk.fs->open(disk.path("f"), OpenMode::kCreate));
  std::unique_ptr<IoQueue> queue = ok(disk.fs->make_io_queue(2));
  ok(queue->submit_write(*file, 0, as_bytes("a"), 1));
  ok(queue->submit_write(*file, 1, as_bytes("b"), 2));
  CHECK(!queue->submit_write(*file, 2, as_bytes("c"), 3));
  CHECK(drain(*queue).size() == 2);
  CHECK(as_text(read_all(*file)) == "ab");
  std::vector<IoQueue::Completion> none;
  ok(queue->reap(true, none));  // nothing in flight: returns
  CHECK(none.empty());
}

TEST_CASE_TEMPLATE("queue: the end of a queue waits for what is in flight", Disk, TALLY_DISKS) {
  Disk disk;
  std::unique_ptr<File> file = ok(disk.fs->open(disk.path("f"), OpenMode::kCreate));
  Bytes bytes(1 << 20, 7);
  {
    std::unique_ptr<IoQueue> queue = ok(disk.fs->make_io_queue(4));
    ok(queue->submit_write(*file, 0, bytes, 1));
    ok(queue->submit_sync_data(*file, 2));
  }
  CHECK(read_all(*file) == bytes);
}

TEST_CASE_TEMPLATE("queue: a failed write is a completion that says so", Disk, UringDisk, PwriteDisk) {
  Disk disk;
  make_file(*disk.fs, disk.path("f"), "x");
  std::unique_ptr<File> file = ok(disk.fs->open(disk.path("f"), OpenMode::kRead));
  std::unique_ptr<IoQueue> queue = ok(disk.fs->make_io_queue(4));
  ok(queue->submit_write(*file, 0, as_bytes("y"), 5));
  std::vector<IoQueue::Completion> done = drain(*queue);
  REQUIRE(done.size() == 1);
  CHECK(done[0].tag == 5);
  CHECK(code_of(done[0].status) == Code::kIoError);
  CHECK(done[0].status.error().message.find(disk.path("f")) != std::string::npos);
}

// --- a shadow of plain bytes ---------------------------------------------------------------------------------------------

TEST_CASE_TEMPLATE("file: random operations agree with a map of strings", Disk, TALLY_DISKS) {
  uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  Disk disk;
  std::map<std::string, std::string> shadow;
  for (int i = 0; i < 400; ++i) {
    std::string name(1, static_cast<char>('a' + random.below(5)));
    std::string other(1, static_cast<char>('a' + random.below(5)));
    bool exists = shadow.contains(name);
    switch (random.below(5)) {
      case 0:
        if (!exists) {
          make_file(*disk.fs, disk.path(name), name);
          shadow[name] = name;
        }
        break;
      case 1:
        if (exists) {
          std::string text(random.below(9000), static_cast<char>('A' + random.below(26)));
          uint64_t offset = random.below(10'000);
          ok(ok(disk.fs->open(disk.path(name), OpenMode::kReadWrite))->write_at(offset, as_bytes(text)));
          std::string& content = shadow[name];
          if (!text.empty()) content.resize(std::max<size_t>(content.size(), offset + text.size()));
          content.replace(std::min<size_t>(offset, content.size()), text.size(), text);
        }
        break;
      case 2:
        if (exists) {
          uint64_t size = random.below(12'000);
          ok(ok(disk.fs->open(disk.path(name), OpenMode::kReadWrite))->truncate(size));
          shadow[name].resize(size);
        }
        break;
      case 3:
        if (exists && name != other) {
          ok(disk.fs->rename(disk.path(name), disk.path(other)));
          shadow[other] = shadow[name];
          shadow.erase(name);
        }
        break;
      default: CHECK(disk.fs->unlink(disk.path(name)).has_value() == exists); shadow.erase(name);
    }
  }
  std::vector<FileInfo> files = ok(disk.fs->list(disk.path("")));
  REQUIRE(files.size() == shadow.size());
  for (const FileInfo& file : files) {
    CHECK(as_text(ok(read_whole_file(*disk.fs, disk.path(file.name), 1 << 20))) == shadow.at(file.name));
  }
}

}  // namespace
}  // namespace tally

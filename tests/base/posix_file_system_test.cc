// What only the machine's disk has: modes, descriptors, other processes.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/io_queues.h"
#include "base/posix_file.h"
#include "tests/support/temp_dir.h"

namespace tally {
namespace {

struct stat stat_of(const std::string& path) {
  struct stat found{};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found;
}

TEST_CASE("posix: files are 0600, directories 0700, descriptors close on exec") {
  TempDir dir;
  auto fs = make_posix_file_system();
  REQUIRE(fs->make_directory(dir.file("d")));
  Result<std::unique_ptr<File>> file = fs->open(dir.file("d/f"), OpenMode::kCreate);
  REQUIRE(file);
  REQUIRE(fs->lock(dir.file("LOCK")));
  CHECK((stat_of(dir.file("d")).st_mode & 0777) == 0700);
  CHECK((stat_of(dir.file("d/f")).st_mode & 0777) == 0600);
  CHECK((stat_of(dir.file("LOCK")).st_mode & 0777) == 0600);
  int fd = dynamic_cast<posix::PosixFile&>(**file).descriptor();
  CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("posix: what is no regular file is not opened") {
  auto fs = make_posix_file_system();
  Result<std::unique_ptr<File>> device = fs->open("/dev/null", OpenMode::kRead);
  REQUIRE(!device);
  CHECK(device.error().message == "open /dev/null: Not a regular file");
}

TEST_CASE("posix: preallocated blocks are really there") {
  TempDir dir;
  auto fs = make_posix_file_system();
  Result<std::unique_ptr<File>> file = fs->open(dir.file("f"), OpenMode::kCreate);
  REQUIRE(file);
  REQUIRE((*file)->preallocate(1 << 20));
  REQUIRE((*file)->sync());
  CHECK(stat_of(dir.file("f")).st_blocks * 512 >= 1 << 20);
}

// A child that locks, says so through a pipe, and lives until it is told to end by the other pipe's close.
class LockingChild {
 public:
  explicit LockingChild(const std::string& path) {
    REQUIRE(::pipe(ready_) == 0);
    REQUIRE(::pipe(end_) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) run(path);
    ::close(ready_[1]);
    ::close(end_[0]);
    char byte = 0;
    REQUIRE(::read(ready_[0], &byte, 1) == 1);
    REQUIRE(byte == 'L');
  }
  ~LockingChild() {
    ::close(ready_[0]);
    ::close(end_[1]);
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  [[noreturn]] void run(const std::string& path) {
    ::close(end_[1]);
    auto fs = make_posix_file_system();
    auto lock = fs->lock(path);
    char byte = lock ? 'L' : 'N';
    if (::write(ready_[1], &byte, 1) != 1) ::_exit(1);
    (void)!::read(end_[0], &byte, 1);
    ::_exit(0);
  }

  int ready_[2] = {};
  int end_[2] = {};
  pid_t pid_ = -1;
};

TEST_CASE("posix: a lock held by another process is refused with its pid, after a moment of patience") {
  TempDir dir;
  auto fs = make_posix_file_system();
  {
    LockingChild child(dir.file("LOCK"));
    TimeUs before = system_clock().boottime_us();
    Result<std::unique_ptr<DirectoryLock>> lock = fs->lock(dir.file("LOCK"));
    REQUIRE(!lock);
    CHECK(lock.error().code == Code::kLocked);
    CHECK(lock.error().message.find("another process (pid " + std::to_string(child.pid()) + ")") != std::string::npos);
    CHECK(system_clock().boottime_us() - before >= 250'000);
  }
  CHECK(fs->lock(dir.file("LOCK")));  // the child is gone, and a refused lock leaves nothing behind
}

TEST_CASE("posix: the queue is io_uring where the kernel allows it, pwrite where asked for") {
  Result<std::unique_ptr<IoQueue>> automatic = make_posix_file_system()->make_io_queue(4);
  REQUIRE(automatic);
  Result<std::unique_ptr<IoQueue>> uring = make_posix_file_system(IoMethod::kUring)->make_io_queue(4);
  CHECK((*automatic)->name() == (uring ? "io_uring" : "pwrite"));
  if (!uring) CHECK(uring.error().code == Code::kUnsupported);
  Result<std::unique_ptr<IoQueue>> plain = make_posix_file_system(IoMethod::kPwrite)->make_io_queue(4);
  CHECK(plain.value()->name() == "pwrite");
}

TEST_CASE("posix: a full disk is kNoSpace") {
  auto fs = make_posix_file_system();
  Error error = posix::failed("write", "f", ENOSPC).error();
  CHECK(error.code == Code::kNoSpace);
  CHECK(error.message == "write f: No space left on device");
  CHECK(posix::failed("write", "f", EDQUOT).error().code == Code::kNoSpace);
  CHECK(posix::failed("write", "f", EIO).error().code == Code::kIoError);
}

}  // namespace
}  // namespace tally

#include "base/posix_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <set>

#include "base/clock.h"
#include "base/limits.h"
#include "base/posix_file.h"

namespace tally::posix {
namespace {

using FileId = std::pair<dev_t, ino_t>;

struct HeldLocks {
  std::mutex mutex;
  std::set<FileId> files;
};

HeldLocks& held_locks() {
  static HeldLocks held;
  return held;
}

class PosixLock final : public DirectoryLock {
 public:
  PosixLock(Descriptor descriptor, FileId file) : descriptor_(std::move(descriptor)), file_(file) {}
  // The file stays, and its pid with it: removing it could take it from under one who just opened it.
  ~PosixLock() override {
    std::lock_guard lock(held_locks().mutex);
    held_locks().files.erase(file_);
    descriptor_ = Descriptor();
  }
  int descriptor() const { return descriptor_.get(); }

 private:
  Descriptor descriptor_;
  const FileId file_;
};

// "process 4711", or "another process" where LOCK does not say.
std::string holder(int fd) {
  char text[32] = {};
  ssize_t got = ::pread(fd, text, sizeof text - 1, 0);
  std::string pid(text, got > 0 ? static_cast<size_t>(got) : 0);
  pid.erase(std::min(pid.find('\n'), pid.size()));
  bool is_number = !pid.empty() && pid.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? "another process (pid " + pid + ")" : "another process";
}

Status flock_with_patience(int fd, const std::string& path) {
  for (int tries = 0;; ++tries) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return {};
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return failed("lock", path, errno);
    if (tries >= limits::kLockRetries) {
      return fail(Code::kLocked, path + " is held: the database is open in " + holder(fd));
    }
    system_clock().sleep_us(limits::kLockRetryUs);
  }
}

void write_pid(int fd) {
  std::string pid = std::to_string(::getpid()) + "\n";
  // For messages only: a lock without its pid is a lock all the same.
  if (::ftruncate(fd, 0) != 0) return;
  if (::pwrite(fd, pid.data(), pid.size(), 0) < 0) return;
}

Result<FileId> identity(int fd, const std::string& path) {
  struct stat found{};
  if (::fstat(fd, &found) != 0) return failed("stat", path, errno);
  return FileId{found.st_dev, found.st_ino};
}

bool still_named(const std::string& path, const FileId& file) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && FileId{found.st_dev, found.st_ino} == file;
}

}  // namespace

Result<std::unique_ptr<DirectoryLock>> lock_file(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!descriptor.valid()) return failed("open", path, errno);
  TALLY_ASSIGN_OR_RETURN(FileId file, identity(descriptor.get(), path));
  {
    std::lock_guard lock(held_locks().mutex);
    if (!held_locks().files.insert(file).second) {
      return fail(Code::kLocked, path + " is held: the database is open in this process already");
    }
  }
  auto held = std::make_unique<PosixLock>(std::move(descriptor), file);
  TALLY_TRY(flock_with_patience(held->descriptor(), path));
  if (!still_named(path, file)) {
    return fail(Code::kLocked, path + " was replaced while it was being locked");
  }
  write_pid(held->descriptor());
  return held;
}

}  // namespace tally::posix

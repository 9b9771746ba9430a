#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file_names.h"
#include "base/io_queues.h"
#include "base/posix_file.h"
#include "base/posix_lock.h"

namespace tally {
namespace {

using posix::Descriptor;
using posix::failed;

constexpr mode_t kDirectoryMode = 0700;

Status answer(int result, std::string_view verb, const std::string& path) {
  if (result != 0) return failed(verb, path, errno);
  return {};
}

FileInfo info_of(std::string name, const struct stat& found) {
  return {std::move(name), static_cast<uint64_t>(found.st_size), S_ISDIR(found.st_mode)};
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

class PosixFileSystem final : public FileSystem {
 public:
  explicit PosixFileSystem(IoMethod method) : method_(method) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    return posix::PosixFile::open(path, mode);
  }
  Status rename(const std::string& from, const std::string& to) override;
  Status unlink(const std::string& path) override { return answer(::unlink(path.c_str()), "unlink", path); }
  Status make_directory(const std::string& path) override {
    return answer(::mkdir(path.c_str(), kDirectoryMode), "mkdir", path);
  }
  Status remove_directory(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::vector<FileInfo>> list(const std::string& path) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<SpaceInfo> space(const std::string& path) override;
  Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) override { return posix::lock_file(path); }
  Result<std::unique_ptr<IoQueue>> make_io_queue(unsigned depth) override;

 private:
  const IoMethod method_;
};

Status PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  std::string both = from + " to " + to;
  // ENOTDIR means here that one of the two is a folder, not that something is missing.
  if (errno == ENOTDIR) return fail(Code::kIoError, "rename " + both + ": Not a directory");
  return failed("rename", both, errno);
}

Status PosixFileSystem::remove_directory(const std::string& path) {
  if (::rmdir(path.c_str()) == 0) return {};
  if (errno == ENOTDIR) return fail(Code::kIoError, "rmdir " + path + ": Not a directory");
  return failed("rmdir", path, errno);
}

Status PosixFileSystem::sync_directory(const std::string& path) {
  Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return failed("open directory", path, errno);
  return answer(::fsync(directory.get()), "fsync directory", path);
}

Result<std::vector<FileInfo>> PosixFileSystem::list(const std::string& path) {
  std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  if (directory == nullptr) return failed("list", path, errno);
  std::vector<FileInfo> files;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr && errno != 0) return failed("list", path, errno);
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat found{};
    if (::fstatat(::dirfd(directory.get()), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // gone since it was read
      return failed("stat", join_path(path, name), errno);
    }
    files.push_back(info_of(std::move(name), found));
  }
  std::ranges::sort(files, {}, &FileInfo::name);
  return files;
}

Result<FileInfo> PosixFileSystem::info(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return failed("stat", path, errno);
  return info_of(base_name(path), found);
}

Result<SpaceInfo> PosixFileSystem::space(const std::string& path) {
  struct statvfs found{};
  if (::statvfs(path.c_str(), &found) != 0) return failed("statvfs", path, errno);
  uint64_t block = found.f_frsize;
  return SpaceInfo{found.f_blocks * block, found.f_bavail * block};
}

Result<std::unique_ptr<IoQueue>> PosixFileSystem::make_io_queue(unsigned depth) {
  if (method_ == IoMethod::kPwrite) return posix::make_pwrite_queue(depth);
  Result<std::unique_ptr<IoQueue>> queue = posix::make_uring_queue(depth);
  if (!queue && method_ == IoMethod::kAuto) return posix::make_pwrite_queue(depth);
  return queue;
}

}  // namespace

std::unique_ptr<FileSystem> make_posix_file_system(IoMethod method) {
  return std::make_unique<PosixFileSystem>(method);
}

}  // namespace tally

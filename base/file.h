// The one door to the disk. Every byte of the project's persistent I/O goes through these interfaces, so that the
// simulated disk (tests/support/sim_disk.h) can lose, tear, reorder and refuse all of it from a seed.
//
// What success promises
//   write_at / IoQueue write   the bytes are readable; they survive a crash only after sync_data() or sync().
//   sync_data, sync            everything written to this file before the call, and its size, survives a crash. The
//                              file's *name* survives only after sync_directory() on its parent.
//   rename, unlink, create     visible at once; survive a crash only after sync_directory().
//   An error of sync_* leaves the file in doubt for good: never retry (reliability.md W20); the caller poisons its table.
// Errors: kNotFound (also: a part of the path is no directory), kAlreadyExists (also: a directory in the way is not empty),
// kNoSpace (ENOSPC, EDQUOT), kLocked, else kIoError; messages name the path. Only regular files can be opened.
// EINTR and short transfers are handled inside File (never seen by callers); IoQueue reports transfers as they were, so
// that its user decides what follows a short one.
// Ownership: a File closes at destruction. Threads: a File's methods may be called from several threads at once (as
// pread/pwrite may); a FileSystem is safe from every thread; an IoQueue belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace tally {

enum class OpenMode : uint8_t {
  kRead,        // must exist
  kReadDirect,  // must exist; reads bypass the page cache where the file system can (O_DIRECT): what is on disk, not what
                // a failed fsync left in memory. Any offset and length is allowed, alignment is handled inside.
  kReadWrite,  // must exist
  kCreate,     // must not exist (O_CREAT | O_EXCL)
};

class File {
 public:
  virtual ~File() = default;
  virtual const std::string& path() const = 0;
  virtual Result<uint64_t> size() const = 0;
  // Reads until `out` is full or the file ends; returns the number of bytes read.
  virtual Result<size_t> read_at(uint64_t offset, MutableByteSpan out) = 0;
  virtual Status write_at(uint64_t offset, ByteSpan bytes) = 0;
  virtual Status sync_data() = 0;  // fdatasync
  virtual Status sync() = 0;       // fsync
  virtual Status truncate(uint64_t size) = 0;
  // Reserves blocks up to `size` and extends the file to it with zeros (posix_fallocate semantics, kNoSpace here and not
  // later). The machine's disk also writes the zeros, so that fdatasync of later writes need not commit metadata (half the
  // time, posix_file.cc): preallocating 64 MiB costs about 0.1 s and belongs off the path that answers. Durable after
  // sync(); content below the old size stays. On an error the size is as before.
  virtual Status preallocate(uint64_t size) = 0;
  // Tells the page cache that this range will not be read again soon. A hint: it cannot fail.
  virtual void drop_cache(uint64_t offset, uint64_t length) = 0;
};

// Fills `out` from `offset` or fails with kCorruption that says how much was there.
Status read_exactly(File& file, uint64_t offset, MutableByteSpan out);
// The whole file; refuses files above `max_bytes`.
Result<Bytes> read_whole_file(class FileSystem& fs, const std::string& path, uint64_t max_bytes);

// An asynchronous queue of writes and syncs. Nothing orders two requests in flight (no links, reliability.md W18): the
// caller waits for the completion of a write before it submits the sync that must cover it.
class IoQueue {
 public:
  struct Completion {
    uint64_t tag = 0;
    size_t bytes = 0;  // transferred, may be short of what was asked
    Status status;     // of a write or a sync
  };

  virtual ~IoQueue() = default;               // waits for everything in flight
  virtual std::string_view name() const = 0;  // "io_uring", "pwrite", "simulated"
  virtual size_t in_flight() const = 0;
  // `bytes` and `file` must stay alive until the completion was returned, and `file` must come from the FileSystem that
  // made the queue. At most `depth` requests in flight. An error means that the request was not taken.
  virtual Status submit_write(File& file, uint64_t offset, ByteSpan bytes, uint64_t tag) = 0;
  virtual Status submit_sync_data(File& file, uint64_t tag) = 0;
  // Appends completions to `out`, in any order. `wait` blocks until there is at least one (if anything is in flight). A
  // failed write or sync is a completion with that status; an error of reap itself says that the queue is broken.
  virtual Status reap(bool wait, std::vector<Completion>& out) = 0;
};

// An exclusive lock on a directory's LOCK file, held until destruction (or the end of the process). The file is created
// where it is missing, carries the holder's pid for error messages, and is never removed. It does not survive exec; a child
// of fork shares it.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

struct FileInfo {
  std::string name;  // within its directory
  uint64_t size = 0;
  bool is_directory = false;
};

struct SpaceInfo {
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // replaces `to` atomically
  virtual Status unlink(const std::string& path) = 0;
  virtual Status make_directory(const std::string& path) = 0;    // mode 0700; kAlreadyExists if it is there
  virtual Status remove_directory(const std::string& path) = 0;  // must be empty
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Result<std::vector<FileInfo>> list(const std::string& path) = 0;  // sorted by name, without . and ..
  virtual Result<FileInfo> info(const std::string& path) = 0;               // kNotFound if there is none
  virtual Result<SpaceInfo> space(const std::string& path) = 0;
  // Retries for up to ~250 ms (io_uring may keep a killed process' descriptors alive for a moment), then kLocked.
  virtual Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) = 0;
  virtual Result<std::unique_ptr<IoQueue>> make_io_queue(unsigned depth) = 0;
};

// Writes `bytes` to `path` so that after a crash either the old or the new content stands: temporary file in the same
// directory, sync, rename, sync of the directory.
Status write_file_atomic(FileSystem& fs, const std::string& path, ByteSpan bytes);

enum class IoMethod : uint8_t { kAuto, kUring, kPwrite };  // kAuto: io_uring where the kernel allows it

// The machine's disk. `method` decides what make_io_queue() returns.
std::unique_ptr<FileSystem> make_posix_file_system(IoMethod method = IoMethod::kAuto);

}  // namespace tally

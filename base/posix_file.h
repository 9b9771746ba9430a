// One open file of the machine's disk, shared by the file system and its queues (base/file.h is what others use).
#pragma once

#include <atomic>
#include <string>

#include "base/file.h"

namespace tally::posix {

// "open DIR/CURRENT: No such file or directory", with the code that the error number stands for.
std::unexpected<Error> failed(std::string_view verb, const std::string& path, int error_number);

// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

class PosixFile final : public File {
 public:
  static Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode);

  const std::string& path() const override { return path_; }
  Result<uint64_t> size() const override;
  Result<size_t> read_at(uint64_t offset, MutableByteSpan out) override;
  Status write_at(uint64_t offset, ByteSpan bytes) override;
  Status sync_data() override;
  Status sync() override;
  Status truncate(uint64_t size) override;
  Status preallocate(uint64_t size) override;
  void drop_cache(uint64_t offset, uint64_t length) override;

  int descriptor() const { return descriptor_.get(); }

 private:
  PosixFile(std::string path, Descriptor descriptor, bool direct)
      : path_(std::move(path)), descriptor_(std::move(descriptor)), direct_(direct) {}

  Result<size_t> read_plain(uint64_t offset, MutableByteSpan out);
  Result<size_t> read_direct(uint64_t offset, MutableByteSpan out);
  void give_up_direct();
  void written(uint64_t count);
  Status reserve(uint64_t size);
  Status write_zeros(uint64_t from, uint64_t to);

  const std::string path_;
  const Descriptor descriptor_;
  std::atomic<bool> direct_;
  std::atomic<uint64_t> not_sent_{0};  // bytes written since the disk was last asked to begin
};

}  // namespace tally::posix

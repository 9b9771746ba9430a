#include "tools/load/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/interrupt.h"

namespace tally {

namespace {

// A source is somebody's file or a pipe, not a file of ours: it is read forward once, and a pipe knows no offsets. That is
// why it does not come in through base/file.h.
class DescriptorSource : public ByteSource {
 public:
  DescriptorSource(int descriptor, bool owned, std::string name)
      : descriptor_(descriptor), owned_(owned), name_(std::move(name)) {
    struct stat info{};
    if (::fstat(descriptor_, &info) == 0 && S_ISREG(info.st_mode)) size_ = static_cast<uint64_t>(info.st_size);
  }
  ~DescriptorSource() override {
    if (owned_) ::close(descriptor_);
  }
  DescriptorSource(const DescriptorSource&) = delete;
  DescriptorSource& operator=(const DescriptorSource&) = delete;

  Result<size_t> read(MutableByteSpan out) override {
    while (true) {
      ssize_t count = ::read(descriptor_, out.data(), out.size());
      if (count >= 0) {
        read_ += static_cast<uint64_t>(count);
        return static_cast<size_t>(count);
      }
      if (errno == EINTR && interrupted()) return fail(Code::kCancelled, "interrupted while reading " + name_);
      if (errno != EINTR) {
        return fail(Code::kIoError, "cannot read " + name_ + ": " + std::strerror(errno));
      }
    }
  }
  uint64_t stored_bytes_read() const override { return read_; }
  std::optional<uint64_t> stored_bytes() const override { return size_; }

 private:
  int descriptor_;
  bool owned_;
  std::string name_;
  uint64_t read_ = 0;
  std::optional<uint64_t> size_;
};

class MemorySource : public ByteSource {
 public:
  MemorySource(Bytes bytes, size_t step) : bytes_(std::move(bytes)), step_(step) {}
  Result<size_t> read(MutableByteSpan out) override {
    size_t count = std::min({out.size(), step_, bytes_.size() - at_});
    if (count > 0) std::memcpy(out.data(), bytes_.data() + at_, count);
    at_ += count;
    return count;
  }
  uint64_t stored_bytes_read() const override { return at_; }
  std::optional<uint64_t> stored_bytes() const override { return bytes_.size(); }

 private:
  Bytes bytes_;
  size_t step_;
  size_t at_ = 0;
};

}  // namespace

std::string source_name(const std::string& path) { return path == kStandardInput ? "stdin" : path; }

std::unique_ptr<ByteSource> memory_source(Bytes bytes, size_t step) {
  return std::make_unique<MemorySource>(std::move(bytes), step);
}

Result<std::unique_ptr<ByteSource>> open_byte_source(const std::string& path) {
  std::string name = source_name(path);
  int descriptor = STDIN_FILENO;
  bool owned = path != kStandardInput;
  if (owned) {
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      if (errno == ENOENT) return fail(Code::kNotFound, "there is no file " + path);
      return fail(Code::kIoError, "cannot open " + path + ": " + std::strerror(errno));
    }
    struct stat info{};
    if (::fstat(descriptor, &info) == 0 && S_ISDIR(info.st_mode)) {
      ::close(descriptor);
      return fail(Code::kInvalidArgument, path + " is a directory, not a file");
    }
  }
  return decompress(std::make_unique<DescriptorSource>(descriptor, owned, name), name);
}

}  // namespace tally

// A file of given bytes, for fuzz targets of what reads files: reading past its end reads less, anything else fails.
// Threads: any, as nothing changes.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/file.h"

namespace tally {

class BytesFile final : public File {
 public:
  BytesFile(std::string path, Bytes bytes) : path_(std::move(path)), bytes_(std::move(bytes)) {}
  const std::string& path() const override { return path_; }
  Result<uint64_t> size() const override { return bytes_.size(); }
  Result<size_t> read_at(uint64_t offset, MutableByteSpan out) override {
    if (offset >= bytes_.size()) return size_t{0};
    size_t count = std::min<size_t>(out.size(), bytes_.size() - offset);
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset), count, out.begin());
    return count;
  }
  Status write_at(uint64_t, ByteSpan) override { return fail(Code::kInternal, "a reader writes"); }
  Status sync_data() override { return {}; }
  Status sync() override { return {}; }
  Status truncate(uint64_t) override { return fail(Code::kInternal, "a reader truncates"); }
  Status preallocate(uint64_t) override { return fail(Code::kInternal, "a reader preallocates"); }
  void drop_cache(uint64_t, uint64_t) override {}

 private:
  const std::string path_;
  const Bytes bytes_;
};

}  // namespace tally

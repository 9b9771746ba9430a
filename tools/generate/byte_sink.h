// Bytes into an output file, compressed by the suffix of its name (.gz, .zst, .lz4), or to standard output ("-"). The file
// is made anew. What close() promises: all of it is in the file, durably; without close() the file is incomplete.
// Errors name the path. Threads: one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/status.h"

namespace tally {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Status write(std::string_view bytes) = 0;
  virtual Status close() = 0;
};

Result<std::unique_ptr<ByteSink>> open_byte_sink(FileSystem& fs, const std::string& path);

}  // namespace tally

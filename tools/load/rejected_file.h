// The rows that a load could not bring in, as CSV that a person reads and a script corrects: file, line, column, code,
// reason, raw (the row as it came, cut at limits::kRejectedRawBytesMax).
// append() only gathers; what flush() promises: everything appended is durable. Threads: one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/status.h"

namespace tally {

struct RejectedLine {
  std::string_view file;
  uint64_t line = 0;
  std::string_view column;  // empty when it is the row as a whole
  std::string_view code;
  std::string_view reason;
  std::string_view raw;
};

class RejectedFile {
 public:
  // `keep`: goes on behind what is there (a resumed load); else the file begins anew.
  static Result<RejectedFile> open(FileSystem& fs, const std::string& path, bool keep);
  void append(const RejectedLine& line);
  Status flush();

 private:
  RejectedFile(std::unique_ptr<File> file, uint64_t size) : file_(std::move(file)), size_(size) {}

  std::unique_ptr<File> file_;
  uint64_t size_;
  std::string waiting_;
};

}  // namespace tally

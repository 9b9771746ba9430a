// Event ids out of a text file, one a line: blank lines are left out, as is a first line that is the name of the id column (so that
// the answer of a query can be piped in). Compressed files are known by their first bytes. A file whose name says TSV is read as
// `tally sql --format tsv` writes it: \t, \n, \r and \\ stand for what they escape, and spaces around an id are its own.
// Errors name the file, and the line where one is to blame. Threads: one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/load/byte_source.h"

namespace tally {

class IdLines {
 public:
  // `path` may be kStandardInput.
  static Result<std::unique_ptr<IdLines>> open(const std::string& path, std::string id_column);
  IdLines(std::unique_ptr<ByteSource> source, std::string name, std::string id_column, bool is_tsv = false);

  // Up to `count` more; fewer only at the end.
  Result<std::vector<std::string>> next(size_t count);
  uint64_t line() const { return line_; }  // of the last id given out

 private:
  Result<bool> fill();
  Status take_line(std::string_view line, std::vector<std::string>& ids);

  const std::unique_ptr<ByteSource> source_;
  const std::string name_;
  const std::string id_column_;
  const bool is_tsv_;
  std::string pending_;  // behind the last line end
  size_t at_ = 0;        // of pending_, given out
  bool ended_ = false;
  uint64_t line_ = 0;
};

}  // namespace tally

// Where a load got to, on disk and outside the database: for each source file the last source row whose batch the database
// has acknowledged, all rows before it included. A later load with the same file goes on behind it. A text file:
//
//   tally ack file, version 2
//   table 5f0c...e1 impressions          the table's own id and name: a table made anew is not taken for the old one
//   rows 12000 bytes 597878 head 65536 9ae16a3b2f90404f data/open_bandit.csv.gz
//
// `bytes` is the size of the source then: a file that shrank is another file. `head` is how many bytes it begins with, up to 64
// KiB of them decompressed, and their XXH3: a file that begins otherwise is another one too. Either may be `unknown`. Version 1
// has no `head`; it is read, and written as version 2. Names are as given on the command line, with line ends and backslashes
// escaped. What advance() promises: the new position is durable, atomically. Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/status.h"

namespace tally {

struct SourceHead {
  uint64_t bytes = 0;
  uint64_t xxh3 = 0;
  bool operator==(const SourceHead&) const = default;
};
inline constexpr uint64_t kSourceHeadBytesMax = 65'536;

struct AckPosition {
  uint64_t rows = 0;                          // the number of the last acknowledged source row; 0: none
  std::optional<uint64_t> source_bytes = {};  // unknown for a pipe
  std::optional<SourceHead> head = {};        // unknown for a pipe
};

class AckFile {
 public:
  // Reads `path` if it is there. kInvalidArgument when it speaks of another table, kCorruption when it is no ack file.
  static Result<AckFile> open(FileSystem& fs, const std::string& path, const std::string& table,
                              const std::string& table_id);

  const std::string& path() const { return path_; }
  bool resumed() const { return resumed_; }               // it was there
  AckPosition position(const std::string& source) const;  // rows = 0 when nothing is known
  // Never goes back.
  Status advance(const std::string& source, AckPosition position);

 private:
  AckFile(FileSystem& fs, std::string path, std::string table, std::string table_id)
      : fs_(&fs), path_(std::move(path)), table_(std::move(table)), table_id_(std::move(table_id)) {}
  Status parse(std::string_view text);
  Status parse_line(std::string_view line, uint64_t number);
  Status parse_table(std::string_view id, std::string_view name) const;
  bool parse_source(std::string_view line);
  std::string text() const;

  FileSystem* fs_;
  std::string path_;
  std::string table_;
  std::string table_id_;
  bool resumed_ = false;
  bool has_heads_ = true;  // the version that is read has
  std::map<std::string, AckPosition> positions_;
};

}  // namespace tally

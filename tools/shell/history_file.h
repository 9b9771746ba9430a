// The statements of earlier shells: ~/.tally_history, or what TALLY_HISTORY names (empty: none is kept). One entry a line;
// a line feed in an entry is written `\n`, a backslash `\\`. Appended entry by entry, so shells beside each other and one
// that is killed lose nothing; an entry that begins with a space is not kept. Mode 0600. Threads: one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tally {

inline constexpr size_t kHistoryEntriesMax = 10'000;      // older ones are dropped when a shell starts
inline constexpr size_t kHistoryEntryBytesMax = 1 << 20;  // a longer one is not kept

class HistoryFile {
 public:
  // Of the environment.
  static std::string default_path();
  // An empty path keeps nothing.
  explicit HistoryFile(std::string path) : path_(std::move(path)) {}

  // All entries, oldest first. A file that is not there has none; a file that cannot be read is an error, once.
  Result<std::vector<std::string>> load();
  Status append(std::string_view entry);

 private:
  std::string path_;
};

std::string history_line(std::string_view entry);  // without its line feed
std::string history_entry(std::string_view line);

}  // namespace tally

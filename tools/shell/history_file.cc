#include "tools/shell/history_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "tools/whole_writes.h"

namespace tally {

namespace {

constexpr uint64_t kFileBytesMax = 256 << 20;

std::vector<std::string> entries_of(std::string_view text) {
  std::vector<std::string> entries;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) entries.push_back(history_entry(text.substr(at, end - at)));
    at = end + 1;
  }
  return entries;
}

}  // namespace

std::string history_line(std::string_view entry) {
  std::string line;
  for (char c : entry) {
    if (c == '\\')
      line += "\\\\";
    else if (c == '\n')
      line += "\\n";
    else
      line += c;
  }
  return line;
}

std::string history_entry(std::string_view line) {
  std::string entry;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) {
      ++i;
      entry += line[i] == 'n' ? '\n' : line[i];
    } else {
      entry += line[i];
    }
  }
  return entry;
}

std::string HistoryFile::default_path() {
  if (const char* path = std::getenv("TALLY_HISTORY")) return path;
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? "" : std::string(home) + "/.tally_history";
}

Result<std::vector<std::string>> HistoryFile::load() {
  if (path_.empty()) return std::vector<std::string>{};
  auto fs = make_posix_file_system();
  auto bytes = read_whole_file(*fs, path_, kFileBytesMax);
  if (!bytes) {
    if (bytes.error().code == Code::kNotFound) return std::vector<std::string>{};
    const std::string path = std::exchange(path_, {});
    return std::unexpected(std::move(bytes).error().with_context("no history is kept"));
  }
  std::vector<std::string> entries = entries_of(as_text(*bytes));
  if (entries.size() <= kHistoryEntriesMax) return entries;
  entries.erase(entries.begin(), entries.end() - kHistoryEntriesMax);
  std::string text;
  for (const std::string& entry : entries) text += history_line(entry) + "\n";
  TALLY_TRY(write_file_atomic(*fs, path_, as_bytes(text)));
  return entries;
}

Status HistoryFile::append(std::string_view entry) {
  if (path_.empty() || entry.starts_with(' ') || entry.size() > kHistoryEntryBytesMax) return {};
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  Status written;
  if (file < 0 || !write_whole(file, history_line(entry) + "\n")) {
    written = fail(Code::kIoError, std::strerror(errno));
  }
  if (file >= 0) ::close(file);
  if (written) return {};
  const std::string path = std::exchange(path_, {});  // said once
  return std::unexpected(std::move(written).error().with_context("no history is kept in " + path));
}

}  // namespace tally

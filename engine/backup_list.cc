#include "engine/backup_list.h"

#include <charconv>
#include <cstdio>

#include "base/checksum.h"

namespace tally {
namespace {

constexpr std::string_view kFirstLine = "TALLYBACKUP 1";

std::string hex16(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

// The next word of a line, which loses it.
std::string_view take_word(std::string_view& line) {
  const size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

bool take_number(std::string_view& line, int base, uint64_t& number) {
  const std::string_view word = take_word(line);
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, base);
  return error == std::errc{} && end == word.data() + word.size() && !word.empty();
}

bool safe_path(std::string_view path) {
  if (path.empty() || path.front() == '/') return false;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return true;
}

bool take_uuid(std::string_view text, std::array<uint8_t, 16>& uuid) {
  if (text.size() != 32) return false;
  for (size_t i = 0; i < 16; ++i) {
    auto [end, error] = std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, uuid[i], 16);
    if (error != std::errc{} || end != text.data() + 2 * i + 2) return false;
  }
  return true;
}

bool take_line(std::string_view line, BackupList& list) {
  const std::string_view kind = take_word(line);
  if (kind == "database") return take_uuid(line, list.database_uuid);
  if (kind == "table") {
    BackupList::TablePoint& table = list.tables.emplace_back();
    if (!take_number(line, 10, table.lsn)) return false;
    table.name = line;
    return !table.name.empty();
  }
  if (kind != "file") return false;
  BackupList::File file;
  if (!take_number(line, 10, file.size) || !take_number(line, 16, file.xxh3) || !safe_path(line)) return false;
  file.path = line;
  if (!list.files.empty() && list.files.back().path >= file.path) return false;
  list.files.push_back(std::move(file));
  return true;
}

}  // namespace

uint64_t BackupList::bytes() const {
  uint64_t sum = 0;
  for (const File& file : files) sum += file.size;
  return sum;
}

std::string encode_backup_list(const BackupList& list) {
  std::string text(kFirstLine);
  text += "\ndatabase " + hex(list.database_uuid) + "\n";
  for (const auto& table : list.tables) text += "table " + std::to_string(table.lsn) + " " + table.name + "\n";
  for (const auto& file : list.files) {
    text += "file " + std::to_string(file.size) + " " + hex16(file.xxh3) + " " + file.path + "\n";
  }
  return text + "end " + hex16(xxh3(as_bytes(text))) + "\n";
}

Result<BackupList> decode_backup_list(std::string_view text) {
  BackupList list;
  size_t line_number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == std::string_view::npos) break;
    std::string_view line = text.substr(at, end - at);
    const auto wrong = [&](const char* what) {
      return fail(Code::kCorruption, "line " + std::to_string(line_number) + " " + what);
    };
    ++line_number;
    if (line_number == 1) {
      if (line != kFirstLine) return wrong("is not that of a backup which this version knows");
    } else if (line.starts_with("end ")) {
      line.remove_prefix(4);
      uint64_t sum = 0;
      if (!take_number(line, 16, sum) || sum != xxh3(as_bytes(text.substr(0, at)))) return wrong("has another sum");
      if (end + 1 != text.size()) return wrong("is not the last");
      return list;
    } else if (!take_line(line, list)) {
      return wrong("cannot be read");
    }
    at = end + 1;
  }
  return fail(Code::kCorruption, "its last line is missing");
}

}  // namespace tally

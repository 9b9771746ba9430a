#include "tools/load/ack_file.h"

#include <vector>

#include "base/decimal.h"
#include "base/limits.h"

namespace tally {

namespace {

constexpr std::string_view kTitle = "tally ack file, version 1";
constexpr uint64_t kAckBytesMax = 16 * limits::kMiB;

std::string escape(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      out += text[i] == 'n' ? '\n' : text[i];
    } else {
      out += text[i];
    }
  }
  return out;
}

// Cuts the first word off `rest`.
std::string_view take_word(std::string_view& rest) {
  size_t end = std::min(rest.find(' '), rest.size());
  std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

}  // namespace

Result<AckFile> AckFile::open(FileSystem& fs, const std::string& path, const std::string& table,
                              const std::string& table_id) {
  AckFile file(fs, path, table, table_id);
  auto bytes = read_whole_file(fs, path, kAckBytesMax);
  if (!bytes) {
    if (bytes.error().code == Code::kNotFound) return file;
    return std::unexpected(std::move(bytes).error());
  }
  TALLY_TRY(file.parse(as_text(*bytes)));
  file.resumed_ = true;
  return file;
}

Status AckFile::parse(std::string_view text) {
  uint64_t number = 0;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    TALLY_TRY(parse_line(text.substr(0, end), ++number));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (number < 2) return fail(Code::kCorruption, path_ + " is not an ack file of tally load: it is cut off");
  return {};
}

Status AckFile::parse_line(std::string_view line, uint64_t number) {
  auto damaged = [&] {
    return fail(Code::kCorruption, path_ + ":" + std::to_string(number) + ": this is not an ack file of tally load");
  };
  if (number == 1) return line == kTitle ? Status{} : damaged();
  std::string_view first = take_word(line);
  std::string_view second = take_word(line);
  if (number == 2) {
    if (first != "table") return damaged();
    if (unescape(line) != table_) {
      return fail(Code::kInvalidArgument, path_ + " belongs to a load into table \"" + unescape(line) + "\", not \"" +
                                              table_ + "\": give another --ack-file");
    }
    if (second != table_id_) {
      return fail(Code::kInvalidArgument,
                  path_ + " belongs to another table of the name \"" + table_ +
                      "\" (made anew since, or in another database): remove it to load from the start");
    }
    return {};
  }
  if (first != "rows" || take_word(line) != "bytes") return damaged();
  auto rows = parse_int64(second);
  std::string_view size = take_word(line);
  if (!rows || *rows < 0 || line.empty()) return damaged();
  AckPosition position{static_cast<uint64_t>(*rows), std::nullopt};
  if (size != "unknown") {
    auto bytes = parse_int64(size);
    if (!bytes || *bytes < 0) return damaged();
    position.source_bytes = static_cast<uint64_t>(*bytes);
  }
  positions_[unescape(line)] = position;
  return {};
}

std::string AckFile::text() const {
  std::string out(kTitle);
  out += "\ntable " + table_id_ + " " + escape(table_) + "\n";
  for (const auto& [source, position] : positions_) {
    out += "rows " + std::to_string(position.rows) + " bytes " +
           (position.source_bytes ? std::to_string(*position.source_bytes) : "unknown") + " " + escape(source) + "\n";
  }
  return out;
}

AckPosition AckFile::position(const std::string& source) const {
  auto found = positions_.find(source);
  return found == positions_.end() ? AckPosition{} : found->second;
}

Status AckFile::advance(const std::string& source, AckPosition position) {
  AckPosition& known = positions_[source];
  TALLY_CHECK(position.rows >= known.rows);
  known = position;
  return write_file_atomic(*fs_, path_, as_bytes(text()));
}

}  // namespace tally

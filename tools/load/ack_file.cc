#include "tools/load/ack_file.h"

#include <charconv>

#include "base/decimal.h"
#include "base/limits.h"

namespace tally {

namespace {

constexpr std::string_view kTitle = "tally ack file, version 2";
constexpr std::string_view kTitleBefore = "tally ack file, version 1";  // without heads
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

// A count, or "unknown". False: it is neither.
bool take_count(std::string_view& rest, std::optional<uint64_t>& count) {
  const std::string_view word = take_word(rest);
  if (word == "unknown") return true;
  const auto number = parse_int64(word);
  if (!number || *number < 0) return false;
  count = static_cast<uint64_t>(*number);
  return true;
}

std::string hex_of(uint64_t value) {
  constexpr size_t kDigits = 16;
  std::string text(kDigits, '0');
  for (size_t i = kDigits; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

std::optional<uint64_t> parse_hex(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != 16 || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
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
  if (number == 1) {
    has_heads_ = line == kTitle;
    return has_heads_ || line == kTitleBefore ? Status{} : damaged();
  }
  if (number > 2) return parse_source(line) ? Status{} : damaged();
  if (take_word(line) != "table") return damaged();
  const std::string_view id = take_word(line);
  return parse_table(id, line);
}

Status AckFile::parse_table(std::string_view id, std::string_view name) const {
  if (unescape(name) != table_) {
    return fail(Code::kInvalidArgument, path_ + " belongs to a load into table \"" + unescape(name) + "\", not \"" +
                                            table_ + "\": give another --ack-file");
  }
  if (id == table_id_) return {};
  return fail(Code::kInvalidArgument,
              path_ + " belongs to another table of the name \"" + table_ +
                  "\" (made anew since, or in another database): remove it to load from the start");
}

// False: it is damaged.
bool AckFile::parse_source(std::string_view line) {
  AckPosition position;
  std::optional<uint64_t> rows, head;
  if (take_word(line) != "rows" || !take_count(line, rows) || !rows) return false;
  if (take_word(line) != "bytes" || !take_count(line, position.source_bytes)) return false;
  if (has_heads_) {
    if (take_word(line) != "head" || !take_count(line, head)) return false;
    if (head) {
      const std::optional<uint64_t> hash = parse_hex(take_word(line));
      if (!hash || *head > kSourceHeadBytesMax) return false;
      position.head = SourceHead{*head, *hash};
    }
  }
  if (line.empty()) return false;
  position.rows = *rows;
  positions_[unescape(line)] = position;
  return true;
}

std::string AckFile::text() const {
  std::string out(kTitle);
  out += "\ntable " + table_id_ + " " + escape(table_) + "\n";
  for (const auto& [source, position] : positions_) {
    out += "rows " + std::to_string(position.rows) + " bytes " +
           (position.source_bytes ? std::to_string(*position.source_bytes) : "unknown") + " head " +
           (position.head ? std::to_string(position.head->bytes) + " " + hex_of(position.head->xxh3) : "unknown") +
           " " + escape(source) + "\n";
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

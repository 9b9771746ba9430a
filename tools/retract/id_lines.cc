#include "tools/retract/id_lines.h"

#include "base/limits.h"
#include "tools/load/record_reader.h"

namespace tally {

namespace {

constexpr size_t kReadBytes = 256 * limits::kKiB;

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  return line;
}

// What append_tsv() of the shell's results wrote.
std::string tsv_value(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string value;
  value.reserve(line.size());
  for (size_t i = 0; i < line.size(); ++i) {
    const char next = line[i] == '\\' && i + 1 < line.size() ? line[i + 1] : '\0';
    const char meant = next == 't' ? '\t' : next == 'n' ? '\n' : next == 'r' ? '\r' : next == '\\' ? '\\' : '\0';
    value += meant == '\0' ? line[i] : meant;
    if (meant != '\0') ++i;
  }
  return value;
}

}  // namespace

IdLines::IdLines(std::unique_ptr<ByteSource> source, std::string name, std::string id_column, bool is_tsv)
    : source_(std::move(source)), name_(std::move(name)), id_column_(std::move(id_column)), is_tsv_(is_tsv) {}

Result<std::unique_ptr<IdLines>> IdLines::open(const std::string& path, std::string id_column) {
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, open_byte_source(path));
  const Result<SourceFormat> format = source_format_of(path);
  return std::make_unique<IdLines>(std::move(source), source_name(path), std::move(id_column),
                                   format && *format == SourceFormat::kTsv);
}

Result<std::vector<std::string>> IdLines::next(size_t count) {
  std::vector<std::string> ids;
  while (ids.size() < count) {
    const size_t end = pending_.find('\n', at_);
    if (end != std::string::npos) {
      TALLY_TRY(take_line(std::string_view(pending_).substr(at_, end - at_), ids));
      at_ = end + 1;
      continue;
    }
    TALLY_ASSIGN_OR_RETURN(bool more, fill());
    if (more) continue;
    if (at_ < pending_.size()) TALLY_TRY(take_line(std::string_view(pending_).substr(at_), ids));
    at_ = pending_.size();
    break;
  }
  return ids;
}

// False at the end of the source.
Result<bool> IdLines::fill() {
  if (ended_) return false;
  pending_.erase(0, at_);
  at_ = 0;
  if (pending_.size() > 2 * limits::kStringBytesMax) {
    return fail(Code::kInvalidArgument, name_ + ":" + std::to_string(line_ + 1) + ": this line is longer than any id");
  }
  const size_t before = pending_.size();
  pending_.resize(before + kReadBytes);
  TALLY_ASSIGN_OR_RETURN(size_t count,
                         source_->read({reinterpret_cast<uint8_t*>(pending_.data()) + before, kReadBytes}));
  pending_.resize(before + count);
  ended_ = count == 0;
  return !ended_;
}

Status IdLines::take_line(std::string_view line, std::vector<std::string>& ids) {
  ++line_;
  const std::string unescaped = is_tsv_ ? tsv_value(line) : std::string();
  const std::string_view id = is_tsv_ ? std::string_view(unescaped) : trimmed(line);
  if (id.empty() || (line_ == 1 && id == id_column_)) return {};
  if (id.size() > limits::kStringBytesMax) {
    return fail(Code::kInvalidArgument, name_ + ":" + std::to_string(line_) + ": an id of " +
                                            std::to_string(id.size()) + " bytes; the longest there can be has " +
                                            std::to_string(limits::kStringBytesMax));
  }
  ids.emplace_back(id);
  return {};
}

}  // namespace tally

#include "tools/load/rejected_file.h"

#include <algorithm>

#include "base/file_names.h"

namespace tally {

namespace {

constexpr std::string_view kHeader = "file,line,column,code,reason,raw\n";

void append_field(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

// A file that is there is written over only if it is a list of the same kind: a slip of the command line would otherwise cost
// whatever it names, the source of the load first of all.
Status check_ours(File& file, uint64_t size, const std::string& path) {
  Bytes start(std::min<uint64_t>(size, kHeader.size()));
  TALLY_TRY(read_exactly(file, 0, start));
  if (as_text(start) == kHeader) return {};
  return fail(Code::kAlreadyExists,
              path + " is there, and no list of rejected rows: choose another place, or remove it");
}

Result<RejectedFile> RejectedFile::open(FileSystem& fs, const std::string& path, bool keep) {
  auto info = fs.info(path);
  bool there = info.has_value();
  if (!there && info.error().code != Code::kNotFound) return std::unexpected(std::move(info).error());
  TALLY_ASSIGN_OR_RETURN(auto file, fs.open(path, there ? OpenMode::kReadWrite : OpenMode::kCreate));
  TALLY_ASSIGN_OR_RETURN(uint64_t size, file->size());
  if (size > 0) TALLY_TRY(check_ours(*file, size, path));
  if (there && !keep && size > 0) {
    TALLY_TRY(file->truncate(0));
    size = 0;
  }
  RejectedFile rejected(std::move(file), size);
  if (size == 0) rejected.waiting_ = kHeader;
  TALLY_TRY(rejected.flush());
  if (!there) TALLY_TRY(fs.sync_directory(parent_path(path)));
  return rejected;
}

void RejectedFile::append(const RejectedLine& line) {
  append_field(waiting_, line.file);
  waiting_ += ',' + std::to_string(line.line) + ',';
  append_field(waiting_, line.column);
  waiting_ += ',';
  append_field(waiting_, line.code);
  waiting_ += ',';
  append_field(waiting_, line.reason);
  waiting_ += ',';
  append_field(waiting_, line.raw);
  waiting_ += '\n';
}

Status RejectedFile::flush() {
  if (waiting_.empty()) return {};
  TALLY_TRY(file_->write_at(size_, as_bytes(waiting_)));
  size_ += waiting_.size();
  waiting_.clear();
  return file_->sync();
}

}  // namespace tally

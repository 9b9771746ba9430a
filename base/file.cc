#include "base/file.h"

#include "base/file_names.h"

namespace tally {

Status read_exactly(File& file, uint64_t offset, MutableByteSpan out) {
  TALLY_ASSIGN_OR_RETURN(size_t count, file.read_at(offset, out));
  if (count == out.size()) return {};
  return fail(Code::kCorruption, file.path() + " ends early: wanted " + std::to_string(out.size()) +
                                     " bytes at offset " + std::to_string(offset) + ", got " + std::to_string(count));
}

Result<Bytes> read_whole_file(FileSystem& fs, const std::string& path, uint64_t max_bytes) {
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<File> file, fs.open(path, OpenMode::kRead));
  TALLY_ASSIGN_OR_RETURN(uint64_t size, file->size());
  if (size > max_bytes) {
    return fail(Code::kLimitExceeded,
                path + " has " + std::to_string(size) + " bytes, the limit is " + std::to_string(max_bytes));
  }
  Bytes bytes(static_cast<size_t>(size));
  TALLY_TRY(read_exactly(*file, 0, bytes));
  return bytes;
}

namespace {

Status write_new_file(FileSystem& fs, const std::string& path, ByteSpan bytes) {
  TALLY_ASSIGN_OR_RETURN(std::unique_ptr<File> file, fs.open(path, OpenMode::kCreate));
  TALLY_TRY(file->write_at(0, bytes));
  return file->sync();  // before the file closes: an error is reported to the descriptor that saw it (W22)
}

}  // namespace

Status write_file_atomic(FileSystem& fs, const std::string& path, ByteSpan bytes) {
  std::string temporary = temporary_path(path);
  Status removed = fs.unlink(temporary);  // left behind by a crash
  if (!removed && removed.error().code != Code::kNotFound) return removed;
  Status written = write_new_file(fs, temporary, bytes);
  if (!written) {
    (void)fs.unlink(temporary);  // best effort: starts delete it as well
    return written;
  }
  TALLY_TRY(fs.rename(temporary, path));
  return fs.sync_directory(parent_path(path));
}

}  // namespace tally

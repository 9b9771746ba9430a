#include "engine/retraction_file.h"

#include "base/checksum.h"
#include "engine/retraction_format.h"
#include "engine/retraction_log.h"

namespace tally {

namespace {

Result<std::shared_ptr<const RetractionFile>> open_one(FileSystem& fs, const TablePaths& paths,
                                                       const RetractionFileInfo& info) {
  auto opened = std::make_shared<RetractionFile>();
  opened->info = info;
  opened->path = paths.retraction(info.number);
  Result<std::unique_ptr<File>> file = fs.open(opened->path, OpenMode::kRead);
  if (!file) {
    Error error = std::move(file).error();
    if (error.code == Code::kNotFound) error.code = Code::kCorruption;  // the manifest lists it
    return std::unexpected(std::move(error));
  }
  opened->file = *std::move(file);
  return opened;
}

}  // namespace

Result<RetractionFiles> open_retraction_files(FileSystem& fs, const TablePaths& paths,
                                              std::span<const RetractionFileInfo> files) {
  RetractionFiles opened;
  for (const RetractionFileInfo& info : files) {
    TALLY_ASSIGN_OR_RETURN(std::shared_ptr<const RetractionFile> file, open_one(fs, paths, info));
    opened.push_back(std::move(file));
  }
  return opened;
}

Result<RetractionFileInfo> write_retraction_file(FileSystem& fs, const TablePaths& paths, uint64_t number,
                                                 const FileUuid& uuid, const std::vector<Retraction>& retractions) {
  const Bytes bytes = retraction_format::encode(uuid, number, retractions);
  const RetractionFileInfo info{
      .number = number, .uuid = uuid, .size = bytes.size(), .checksum = xxh3(bytes), .retractions = retractions.size()};
  TALLY_TRY(write_file_atomic(fs, paths.retraction(number), bytes));
  TALLY_ASSIGN_OR_RETURN(std::shared_ptr<const RetractionFile> file, open_one(fs, paths, info));
  auto read = read_retraction_file(*file);
  if (!read) return std::unexpected(std::move(read).error().with_context("read back after writing"));
  return info;
}

Result<std::vector<Retraction>> read_retraction_file(const RetractionFile& file) {
  const RetractionFileInfo& info = file.info;
  if (info.size > kRetractionFileBytesMax)
    return fail(Code::kCorruption, file.path + ": listed with an impossible size");
  Bytes bytes(info.size);
  if (Status read = read_exactly(*file.file, 0, bytes); !read) {
    return std::unexpected(std::move(read).error().with_context(file.path));
  }
  if (xxh3(bytes) != info.checksum) {
    return fail(Code::kCorruption, file.path + ": its sum is not what the manifest lists");
  }
  Result<retraction_format::Contents> contents = retraction_format::decode(bytes);
  if (!contents) return std::unexpected(std::move(contents).error().with_context(file.path));
  if (contents->uuid != info.uuid || contents->number != info.number ||
      contents->retractions.size() != info.retractions) {
    return fail(Code::kCorruption, file.path + ": another file stands in its place");
  }
  return std::move(contents->retractions);
}

Result<std::vector<Retraction>> read_retractions(const RetractionFiles& files) {
  std::vector<Retraction> all;
  for (const auto& file : files) {
    TALLY_ASSIGN_OR_RETURN(std::vector<Retraction> more, read_retraction_file(*file));
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return files.size() > 1 ? newest_by_key(std::move(all)) : all;
}

size_t retraction_files_to_join(std::span<const RetractionFileInfo> files, uint64_t changes) {
  uint64_t retractions = changes, bytes = 0;
  size_t joined = 0;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    if (file->retractions > 2 * retractions || bytes + file->size > limits::kRetractionFileBytes) break;
    retractions += file->retractions;
    bytes += file->size;
    ++joined;
  }
  return joined;
}

}  // namespace tally

// Retractions on disk: each flush that changed any writes a file, which takes along the files before it as long as they are small,
// so that few are ever there. In the newest file that has a key stands what holds.
// Errors: kCorruption names the file; what the disk says otherwise. Threads: one a call; a RetractionFile is constant.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/file_names.h"
#include "base/limits.h"
#include "engine/manifest.h"
#include "engine/retraction.h"

namespace tally {

inline constexpr uint64_t kRetractionFileBytesMax = 4 * limits::kGiB;

// tmp, sync, rename, sync of the directory, read back. `retractions`: ascending by key, one each.
// A file of the live set, held open: a later flush may take its content along and remove it while somebody reads.
struct RetractionFile {
  RetractionFileInfo info;
  std::string path;
  std::unique_ptr<File> file = nullptr;
};
using RetractionFiles = std::vector<std::shared_ptr<const RetractionFile>>;
Result<RetractionFiles> open_retraction_files(FileSystem& fs, const TablePaths& paths,
                                              std::span<const RetractionFileInfo> files);

Result<RetractionFileInfo> write_retraction_file(FileSystem& fs, const TablePaths& paths, uint64_t number,
                                                 const FileUuid& uuid, const std::vector<Retraction>& retractions);
Result<std::vector<Retraction>> read_retraction_file(const RetractionFile& file);
// Of all files, the newest of each key, ascending by key.
Result<std::vector<Retraction>> read_retractions(const RetractionFiles& files);
// How many of `files`, from the end, a new file with `changes` retractions should take along: those that are not above twice
// what it has already, within limits::kRetractionFileBytes.
size_t retraction_files_to_join(std::span<const RetractionFileInfo> files, uint64_t changes);

}  // namespace tally

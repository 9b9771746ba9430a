// `tally inspect` of a retraction file: its header and requests; its retractions as text, a line each.
#pragma once

#include "base/file.h"
#include "base/status.h"
#include "engine/file_description.h"

namespace tally {

Result<FileDescription> describe_retraction_file(FileSystem& fs, const std::string& path);
Status dump_retractions(FileSystem& fs, const std::string& path, uint64_t rows_max, const TextSink& sink);

}  // namespace tally

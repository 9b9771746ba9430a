// `tally inspect` of a file of dead letters: its header, how many letters there are by reason and source; its letters as text, a
// line each. The values of rows that the table refused stand in a batch, which only the table's schema can read: of those the
// place and the reason are shown.
#pragma once

#include "base/file.h"
#include "base/status.h"
#include "engine/file_description.h"

namespace tally {

Result<FileDescription> describe_letter_file(FileSystem& fs, const std::string& path);
Status dump_letters(FileSystem& fs, const std::string& path, uint64_t rows_max, const TextSink& sink);

}  // namespace tally

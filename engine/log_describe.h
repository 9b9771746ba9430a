// A log file as text for a person, from the file alone.
#pragma once

#include "base/file.h"
#include "engine/file_description.h"

namespace tally {

// Header, then each group with its records: LSN, kind, times, sizes, and of a batch its rows and columns as far as the
// payload tells (names and types stand in the schema, which is not in the file). A torn or damaged end is a problem.
// Errors: those of a file whose header cannot be used.
Result<FileDescription> describe_log_file(FileSystem& fs, const std::string& path);

// The rows of the batches, as they were sent, as TSV: before each batch a line that begins with # and names the record, and a
// line of column ids; DECIMAL values without their point, times of the event as the integers that they are. kCorruption
// where the file or a batch is damaged, after the rows before it.
Status dump_log_rows(FileSystem& fs, const std::string& path, uint64_t rows_max, const TextSink& sink);

}  // namespace tally

// A segment as text for a person, from the file alone.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "engine/file_description.h"

namespace tally {

// Header, sections, columns with their stored bytes and encodings, zones, appendix, indexes, id filter, and whether every
// checksum and everything else that verify() looks at is right. `blocks`: a line for each block as well, with its rows,
// times, bytes and zones. Errors: those of a file whose header, footer or trailer cannot be used.
Result<FileDescription> describe_segment(FileSystem& fs, const std::string& path, bool blocks = false);
// The same of a file that is open already.
Result<FileDescription> describe_segment(std::unique_ptr<File> file, bool blocks = false);

// The first `rows_max` rows as TSV with a line of names: every column of the schema, then kind, LSN and arrival. Codes
// are written as the strings of the file's appendix. NULL is \N. kCorruption where a block or the appendix is damaged, after
// the rows before it.
Status dump_segment_rows(FileSystem& fs, const std::string& path, uint64_t rows_max, const TextSink& sink);
Status dump_segment_rows(std::unique_ptr<File> file, uint64_t rows_max, const TextSink& sink);

}  // namespace tally

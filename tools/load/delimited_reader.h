// CSV (RFC 4180) and TSV. CSV: fields may be quoted, with line ends and doubled quotes inside; an unquoted empty field is
// NULL, a quoted one the empty string; lines end in LF or CRLF; a byte order mark is skipped; a quote within an unquoted
// field is itself. TSV: backslash escapes \t \n \r \\, \N is NULL, an empty field the empty string,
// as `tally sql --format tsv` writes them. Empty lines are skipped.
// Used through record_reader.h.
#pragma once

#include "tools/load/record_reader.h"

namespace tally {

Result<std::unique_ptr<RecordReader>> open_delimited_reader(SourceFormat format, const std::string& name,
                                                            std::unique_ptr<ByteSource> bytes);

}  // namespace tally

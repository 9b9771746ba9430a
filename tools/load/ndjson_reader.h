// NDJSON: one JSON object a line. Strings come out unescaped, numbers and booleans as the text they were written in (so
// that no amount of money passes through floating point), objects and arrays as kNested. Empty lines are skipped; nesting
// is bounded by kJsonDepthMax. Used through record_reader.h.
#pragma once

#include "tools/load/record_reader.h"

namespace tally {

inline constexpr size_t kJsonDepthMax = 64;

Result<std::unique_ptr<RecordReader>> open_ndjson_reader(const std::string& name, std::unique_ptr<ByteSource> bytes);

}  // namespace tally

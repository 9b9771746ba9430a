// The values that each dimension's dictionary gained between two flushes, as one immutable, checksummed file
// (docs/formats/dictionary.md). Loading the files of a manifest in order gives every code its value again.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/dictionary.h"
#include "engine/manifest.h"

namespace tally {

struct DictionaryRange {
  uint32_t dimension_id = 0;
  const Dictionary* dictionary = nullptr;
  uint32_t first_code = kFirstValueCode;  // codes [first_code, end_code) are written
  uint32_t end_code = kFirstValueCode;
};

// Written, synced, renamed, directory synced, read back and verified before success (M1).
Result<DictionaryFileInfo> write_dictionary_file(FileSystem& fs, const std::string& directory, uint64_t number,
                                                 const FileUuid& uuid, std::span<const DictionaryRange> ranges);

struct DictionaryTarget {
  uint32_t dimension_id = 0;
  Dictionary* dictionary = nullptr;
};
// Adds the file's values; a first code that does not continue the dictionary is corruption. Dimensions without a target
// (dropped ones) are skipped.
Status load_dictionary_file(FileSystem& fs, const std::string& path, const DictionaryFileInfo& expected,
                            std::span<const DictionaryTarget> targets);

}  // namespace tally

// The bytes of a dictionary file. docs/formats/dictionary.md says the same with an example.
//
// Header, 64 bytes
//   OFFSET SIZE TYPE FIELD
//   0      8         magic "TLYDICTN"
//   8      2    u16  format version, 1
//   10     2    u16  lowest reader version that may read this file, 1
//   12     4    u32  parts
//   16     16        file uuid
//   32     8    u64  number of the file
//   40     8    u64  file size
//   48     8         zero
//   56     8    u64  XXH3 of bytes 0 to 55
// then the parts one after the other, each
//   0      4    u32  dimension id
//   4      4    u32  first code
//   8      4    u32  values: codes first code, first code + 1, ...
//   12     4    u32  zero
//   16     8    u64  length of the bytes that follow this header
//   24     8    u64  XXH3 of those bytes, seeded with XXH3 of bytes 0 to 23
//   32     2*n  u16  length of each value
//   ...              the values
// INT64 dimensions have values of 8 bytes, little-endian.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/string_ref.h"
#include "engine/dictionary_file.h"

namespace tally::dictionary_format {

inline constexpr std::string_view kMagic = "TLYDICTN";
inline constexpr uint16_t kFormatVersion = 1;
inline constexpr uint16_t kReaderVersion = 1;
inline constexpr size_t kHeaderBytes = 64;
inline constexpr size_t kPartHeaderBytes = 32;
inline constexpr uint64_t kFileBytesMax = 4 * limits::kGiB;

struct Part {
  uint32_t dimension_id = 0;
  uint32_t first_code = 0;
  std::vector<StringRef> values;  // long ones point into the file's bytes
};
struct Contents {
  FileUuid uuid{};
  uint64_t number = 0;
  std::vector<Part> parts;
};

Bytes encode(const FileUuid& uuid, uint64_t number, std::span<const DictionaryRange> ranges);
// The whole of a file, which must outlive the contents.
Result<Contents> decode(ByteSpan bytes);

}  // namespace tally::dictionary_format

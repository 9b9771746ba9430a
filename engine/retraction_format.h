// The bytes of a retraction file. docs/formats/retractions.md says the same with an example.
//
// Header, 64 bytes
//   OFFSET SIZE TYPE FIELD
//   0      8         magic "TLYRETRC"
//   8      2    u16  format version, 1
//   10     2    u16  lowest reader version that may read this file, 1
//   12     4    u32  flags: bit 0 = the body is LZ4 blocks
//   16     16        file uuid
//   32     8    u64  number of the file
//   40     8    u64  file size
//   48     4    u32  requests
//   52     4    u32  retractions
//   56     8    u64  XXH3 of bytes 0 to 55
// then the body in parts of at most 1 MiB: u32 bytes inflated, u32 bytes as stored, u64 XXH3 of the stored bytes seeded with the
// XXH3 of the header, the bytes (LZ4 if that is smaller). Joined:
//   each request      u64 LSN, i64 arrival, strings by and reason; ascending by LSN
//   each retraction   16 bytes key (lo, hi), ascending by (lo, hi); u8 state, u8 remembered, u8 id kind, u8 zero; u32 request;
//                     u32 lateness class, i64 generation; u64 original LSN, u64 settled LSN, i64 settled;
//                     the id: 16 bytes, or of a text u16 length and the text
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "engine/id_run.h"
#include "engine/retraction.h"

namespace tally::retraction_format {

inline constexpr std::string_view kMagic = "TLYRETRC";
inline constexpr uint16_t kFormatVersion = 1;
inline constexpr uint16_t kReaderVersion = 1;
inline constexpr size_t kHeaderBytes = 64;
inline constexpr uint32_t kPartBytes = 1 << 20;

struct Contents {
  FileUuid uuid{};
  uint64_t number = 0;
  std::vector<Retraction> retractions;  // ascending by key, one each
};

// `retractions`: ascending by key, one each.
Bytes encode(const FileUuid& uuid, uint64_t number, const std::vector<Retraction>& retractions);
// The whole of a file. Checks all that a reader relies on: order, states with their LSNs, requests that exist.
Result<Contents> decode(ByteSpan bytes);  // kCorruption, kUnsupported

}  // namespace tally::retraction_format

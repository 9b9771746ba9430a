// The bytes of an id run: header, blocks, footer, trailer. Pure functions over bytes; the file work stands in
// id_run_writer.cc and id_run.cc. docs/formats/id_run.md has it all in a row.
//
//   header | block 0 | block 1 | ... | footer | trailer
//
// Header, 128 bytes at offset 0
//   OFFSET SIZE TYPE FIELD
//   0      8         magic "TLYIDRUN"
//   8      2    u16  format version, 1
//   10     2    u16  lowest reader version that may read this file, 1
//   12     4    u32  zero
//   16     16        file uuid
//   32     16        table uuid
//   48     8    u64  number of the file
//   56     4    u32  lateness class
//   60     4    u32  shard
//   64     4    u32  shards
//   68     4    u32  entries of a full block, 64
//   72     8    i64  generation
//   80     40        zero
//   120    8    u64  XXH3 of bytes 0 to 119
//
// Block: entries in ascending order of key (low word, then high); n entries, all blocks but the last are full
//   0      8    u64  XXH3 of the file uuid
//   8      4    u32  block number
//   12     2    u16  n, 1 to 64
//   14     1    u8   width s of a step, 0 to 57, or 64
//   15     1    u8   width d of a day, 0 to 32
//   16     8    u64  low word of the first key
//   24     4    i32  base day: the earliest
//   28     4    u32  zero
//   32               n - 1 steps from each low word to the next at s bits (encoding/bit_pack.h)
//                    n days: event day - base day at d bits
//          8n   u64  high words of the keys
//          4n   u32  digests
//          8    u64  XXH3 of all before
//
// Example: keys (5, 1), (9, 2), (9, 7), days 20000, 20001, 20000, digests 10, 11, 12, block 0 of the file of uuid 01..01:
// the steps 4 and 0 at 3 bits are 04, the days 0, 1, 0 at 1 bit are 02, so the block is
//   (8 bytes of digest) 00000000 0300 03 01 0500000000000000 204e0000 00000000 04 02
//   0100000000000000 0200000000000000 0700000000000000 0a000000 0b000000 0c000000 (8 bytes of sum)
//
// Footer: tagged fields (tagged_fields.h); trailer, 64 bytes at the end
//   0      8    u64  footer offset
//   8      8    u64  footer length
//   16     8    u64  XXH3 of the footer
//   24     8    u64  file size
//   32     8    u64  XXH3 of the file uuid
//   40     8    u64  XXH3 of every byte before the trailer
//   48     8    u64  XXH3 of bytes 0 to 47
//   56     8         magic "TLYIDREN"
#pragma once

#include "base/bytes.h"
#include "engine/encoding/bit_pack.h"
#include "engine/id_run.h"

namespace tally::id_run_format {

inline constexpr std::string_view kMagic = "TLYIDRUN";
inline constexpr std::string_view kEndMagic = "TLYIDREN";
inline constexpr uint16_t kFormatVersion = 1;
inline constexpr uint16_t kReaderVersion = 1;
inline constexpr size_t kHeaderBytes = 128;
inline constexpr size_t kBlockHeaderBytes = 32;
inline constexpr size_t kBlockSumBytes = 8;
inline constexpr size_t kTrailerBytes = 64;
inline constexpr uint64_t kFooterBytesMax = uint64_t{256} * 1024 * 1024;  // a billion entries

// A block of one entry, and one whose words do not pack at all.
inline constexpr size_t kBlockBytesMin = kBlockHeaderBytes + 12 + kBlockSumBytes;
inline constexpr size_t kBlockBytesMax = kBlockHeaderBytes + kIdRunBlockEntries * (8 + 4 + 8 + 4) + kBlockSumBytes;
static_assert(kBlockBytesMax <= UINT16_MAX, "the directory in memory has lengths of 16 bits");

struct Header {
  FileUuid uuid{};
  std::array<uint8_t, 16> table_uuid{};
  uint64_t number = 0;
  IdRunPlace place;
  uint16_t min_reader_version = 1;
};
void encode_header(const Header& header, ByteWriter& out);
Result<Header> decode_header(ByteSpan bytes);

uint64_t file_digest(const FileUuid& uuid);

// Appends a block of 1 to kIdRunBlockEntries entries with ascending keys.
void encode_block(uint64_t digest, uint32_t block, std::span<const SeenEntry> entries, Bytes& out);

// What a block must be, as file and directory say.
struct BlockPlace {
  uint64_t digest = 0;
  uint32_t block = 0;
  uint32_t entries = 0;
  uint32_t first_top = 0;  // the upper half of the low word of its first key
};
// A block's parts, checked; a view of its bytes.
struct BlockView {
  uint32_t entries = 0;
  uint64_t first_lo = 0;
  int32_t base_day = 0;
  PackedBits steps;
  PackedBits days;
  const uint8_t* highs = nullptr;
  const uint8_t* digests = nullptr;
};
Result<BlockView> open_block(ByteSpan bytes, const BlockPlace& place);
// Low words, one an entry; checks that keys ascend.
Status decode_lows(const BlockView& view, std::span<uint64_t> lows);
// Event days, as their bits; any bits are a day.
void decode_days(const BlockView& view, std::span<uint32_t> days);

struct BlockEntry {
  uint64_t first_lo = 0;
  uint32_t length = 0;
};
struct Footer {
  uint64_t entries = 0;
  IdRunSummary summary;
  std::vector<BlockEntry> blocks;
};
void encode_footer(const Footer& footer, ByteWriter& out);
// Passed only if its parts agree with each other and fill the file from the header up to `footer_offset`.
Result<Footer> decode_footer(ByteSpan bytes, uint64_t footer_offset);

struct Trailer {
  uint64_t footer_offset = 0;
  uint64_t footer_length = 0;
  uint64_t footer_sum = 0;
  uint64_t file_size = 0;
  uint64_t digest = 0;
  uint64_t body_sum = 0;
};
void encode_trailer(const Trailer& trailer, ByteWriter& out);
Result<Trailer> decode_trailer(ByteSpan bytes);

}  // namespace tally::id_run_format

// The bytes of a file of dead letters. docs/formats/dead_letters.md says the same with an example.
//
// Header, 128 bytes
//   OFFSET SIZE TYPE FIELD
//   0      8         magic "TLYDEADL"
//   8      2    u16  format version, 1
//   10     2    u16  lowest reader version that may read this file, 1
//   12     4    u32  blocks
//   16     16        file uuid
//   32     16        table uuid
//   48     8    u64  number of the file
//   56     8    u64  file size
//   64     8    u64  letters
//   72     8    u64  marks
//   80     16   u64  lowest and highest LSN of the records that brought them
//   96     16   i64  lowest and highest arrival of those
//   112    8    u64  s = 0, then for each block s = XXH3(its header's sum field, seed s)
//   120    8    u64  XXH3 of bytes 0 to 119; the manifest's checksum of the file
// then the blocks one behind the other, those of marks first, each
//   0      1    u8   kind: 1 marks, 2 letters
//   1      1    u8   flags: bit 0 = the body is one LZ4 block
//   2      2         zero
//   4      4    u32  marks, or letters
//   8      4    u32  bytes of the body, inflated
//   12     4    u32  bytes of the body, as stored
//   16     8    u64  XXH3 of the body as stored, seeded with XXH3 of bytes 0 to 15
//   24               body
// A body of marks, ascending by letter:
//   8 LSN, 4 row of the letter, 4 zero, 8 LSN of the record that replayed it
// A body of letters: bundles, ascending by LSN, each
//   8    u64  LSN
//   8    i64  arrival
//   1    u8   kind: 1 refused rows, 2 invalid rows
//   1    u8   format of raw text (RawFormat); 0 in a bundle of refused rows
//   2         zero
//   str  x3   source name, header, mapping (u32 length, bytes)
//   4    u32  letters n, then each
//        4    u32  row
//        4    u32  verdict (Verdict: 3 too late, 4 too early, 5 past retention, 6 rejected)
//        8    u64  source row
//   kind 1: 8 XXH3 of the payload, 4 its length, the payload (docs/formats/batch.md) of n rows
//   kind 2: n times 1 flag: 1 = the raw text was cut; str x3 code, message, raw
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "engine/batch_format.h"
#include "engine/dead_letter.h"

namespace tally::dead_letter_format {

inline constexpr std::string_view kMagic = "TLYDEADL";
inline constexpr uint16_t kFormatVersion = 1;
inline constexpr uint16_t kReaderVersion = 1;
inline constexpr size_t kHeaderBytes = 128;
inline constexpr size_t kBlockHeaderBytes = 24;
inline constexpr size_t kMarkBytes = 24;
inline constexpr size_t kLetterBytes = 16;
inline constexpr size_t kCompressBytesMin = 1024;  // a smaller body takes a sector either way
// A block is full at kLetterBlockBytes, and one bundle more may take it beyond: a payload of a batch, or all the invalid rows of
// a record, and as many letters as a batch has rows.
inline constexpr uint64_t kBodyBytesMax =
    limits::kLetterBlockBytes + kBatchPayloadBytesMax + limits::kRejectedBytesMax + limits::kMiB;

enum class BlockKind : uint8_t { kMarks = 1, kLetters = 2 };

struct Header {
  LetterFileInfo info;  // all but checksum, which is the header's own sum
  std::array<uint8_t, 16> table_uuid{};
  uint32_t blocks = 0;
  uint64_t blocks_sum = 0;
};
Bytes encode_header(Header& header);  // fills in info.checksum
Result<Header> decode_header(ByteSpan bytes);

struct BlockHeader {
  BlockKind kind = BlockKind::kLetters;
  bool compressed = false;
  uint32_t count = 0;
  uint32_t body_bytes = 0;
  uint32_t stored_bytes = 0;
  uint64_t sum = 0;
};
Result<BlockHeader> decode_block_header(ByteSpan bytes);
uint64_t chain_sum(uint64_t blocks_sum, uint64_t block_sum);

// A whole block; adds it to `blocks_sum`. `body` has at most kBodyBytesMax.
Bytes encode_block(BlockKind kind, uint32_t count, ByteSpan body, uint64_t& blocks_sum);
// The inflated body, its sum checked.
Result<Bytes> decode_block(const BlockHeader& header, ByteSpan header_bytes, ByteSpan stored);

void encode_marks(std::span<const LetterMark> marks, Bytes& body);
Result<std::vector<LetterMark>> decode_marks(ByteSpan body, uint32_t count);

void encode_bundle(const LetterBundle& bundle, Bytes& body);
// Of a payload only its sum is checked: what decodes it needs a schema (decode_batch).
Result<std::vector<LetterBundle>> decode_bundles(ByteSpan body, uint32_t letters);

}  // namespace tally::dead_letter_format

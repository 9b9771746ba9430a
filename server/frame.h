// The frame of the TCP protocol: header, fields, data. Functions from bytes to bytes, without I/O; PROTOCOL.md has the layout
// byte by byte, with examples that tests/server/protocol_test.cc holds to what stands here.
//
//   OFFSET SIZE TYPE  FIELD
//        0    4 bytes magic "TLYF"
//        4    1 u8    protocol version, 1
//        5    1 u8    type
//        6    1 u8    checksum of this frame: 1 CRC-32, 2 XXH3-64
//        7    1       zero
//        8    4 u32   bytes of the fields
//       12    4 u32   bytes of the data
//       16    8 u64   sequence
//       24    8 u64   checksum of the data; 0 without data
//       32    8 u64   checksum of bytes 0 to 31 and the fields
//       40            fields, then data
//
// Nothing is allocated here by a length that was not held against the limit of its type. Threads: any.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "server/wire_status.h"

namespace tally {

inline constexpr uint8_t kProtocolVersion = 1;
inline constexpr size_t kFrameHeaderBytes = 40;

enum class FrameType : uint8_t {
  kHello = 1,      // client: who, which table, what it understands
  kWelcome = 2,    // server: what was chosen, limits, columns, credits
  kBatch = 3,      // client: rows
  kResult = 4,     // server: what became of them
  kQuery = 5,      // client: a statement
  kColumns = 6,    // server: of the answer
  kRows = 7,       // server: a piece of it
  kEnd = 8,        // server: that was all of it
  kCancel = 9,     // client: the statement of this sequence
  kError = 10,     // server: instead of RESULT or END; sequence 0: about the connection
  kPing = 11,      // either
  kPong = 12,      // either
  kGoodbye = 13,   // either: nothing more comes from here than what is owed
  kProgress = 14,  // server: how far the statement of this sequence is
};
std::string_view frame_type_name(FrameType type);

enum class WireChecksum : uint8_t { kCrc32 = 1, kXxh3 = 2 };
uint64_t wire_checksum(WireChecksum kind, ByteSpan bytes);

struct FrameHeader {
  FrameType type = FrameType::kHello;
  WireChecksum checksum = WireChecksum::kCrc32;
  uint32_t fields_bytes = 0;
  uint32_t data_bytes = 0;
  uint64_t sequence = 0;
  uint64_t data_sum = 0;
  uint64_t head_sum = 0;
};

// What a frame of this type may have at most.
struct FrameSizes {
  uint32_t fields_max = 0;
  uint32_t data_max = 0;
};
FrameSizes frame_sizes(FrameType type);

// Of kFrameHeaderBytes bytes: magic, version, type, checksum kind and lengths are checked, the sums not yet. kBadFrame says
// what is wrong.
Wire<FrameHeader> decode_frame_header(ByteSpan bytes);
Wire<void> check_head(ByteSpan header_bytes, ByteSpan fields);    // kBadChecksum
Wire<void> check_data(const FrameHeader& header, ByteSpan data);  // kDamaged

// Header and fields; the data, of which only length and sum are needed, follows from wherever it stands.
Bytes encode_frame_head(FrameType type, uint64_t sequence, WireChecksum checksum, ByteSpan fields,
                        uint32_t data_bytes = 0, uint64_t data_sum = 0);
Bytes encode_frame(FrameType type, uint64_t sequence, WireChecksum checksum, ByteSpan fields, ByteSpan data = {});

// The first frame of `bytes`, checked, as views into them; nothing when there is no whole one yet.
struct FrameView {
  FrameHeader header;
  ByteSpan fields;
  ByteSpan data;
  size_t bytes() const { return kFrameHeaderBytes + fields.size() + data.size(); }
};
Wire<std::optional<FrameView>> next_frame(ByteSpan bytes);

}  // namespace tally

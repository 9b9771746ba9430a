// Layout of a log file, with its encoder and decoder. docs/formats/log.md tells the same in prose, with versions.
//
// A file is one header of 4,096 bytes, then groups one behind the other, each padded with zeros to 4,096; what follows the
// last group is zeros, or stale bytes of the file's former life, told apart by the epoch (W4). Little-endian; lengths 8-byte
// aligned; reserved and padding bytes are zero and checked; nothing that is all zeros is ever valid (W3).
//
// FILE HEADER
//   OFFSET SIZE TYPE  FIELD
//        0    8 char  magic "TALLYLOG"
//        8    4 u32   format version
//       12    4 u32   lowest reader version that understands this file
//       16   16 bytes table uuid
//       32   16 bytes epoch: random, new for every file and every reuse of one
//       48    8 u64   file number
//       56    8 u64   first LSN
//       64    8 u64   flags: 1 run start (first file after a start), 2 reused (bytes behind the last group may be stale)
//       72    8 u64   bytes of the file: all of them, from its first day on; a file of another size was cut off (or grown)
//       80    8 u64   predecessor: file number (0: none)
//       88    8 u64   predecessor: last LSN. Of a run start: everything up to it was safe elsewhere (in segments).
//       96    8 u64   predecessor: chain sum, that is header sum of its last group (or of its file header)
//      104    8 u64   predecessor: bytes, its header and its groups
//      112    8 u64   XXH3-64 of bytes 0..111
//      120 3976       zero
//
// GROUP HEADER (one append)
//        0    8 char  magic "TLYGROUP"
//        8   16 bytes epoch of the file
//       24    8 u64   first LSN
//       32    8 u64   number of the group in this file, from 0
//       40    8 u64   bytes with padding, a multiple of 4,096
//       48    8 u64   bytes without padding
//       56    4 u32   records, at least 1
//       60    4       zero
//       64    8 u64   durable LSN: known synced when this group was written (W7)
//       72    8 u64   chain: header sum of the previous group in this file, of the file header for the first one (W5)
//       80    8 u64   records sum: fold of the records' header sums, so that the chain covers every byte of them
//       88    8 u64   XXH3-64 of bytes 0..87
//
// RECORD (8-byte aligned)
//        0    1 u8    type (RecordType); 0 is never valid
//        1    3       zero
//        4    4 u32   meta bytes
//        8    8 u64   LSN
//       16    8 i64   arrival, microseconds
//       24    8 i64   reference time, microseconds
//       32    8 u64   payload bytes
//       40    8 u64   XXH3-64 of meta
//       48    8 u64   XXH3-64 of payload, as the producer computed it
//       56    8 u64   XXH3-64 of bytes 0..55
//       64      ...   meta, zeros to 8; payload, zeros to 8
//
// CLEAN MARK (file CLEAN, 96 bytes, written at close: W14)
//        0    8 char  magic "TALLYCLN"
//        8    4 u32   format version
//       12    4       zero
//       16   16 bytes table uuid
//       32   16 bytes epoch of the last file
//       48    8 u64   number of the last file
//       56    8 u64   last LSN
//       64    8 u64   chain sum
//       72    8 u64   bytes of the last file, its header and its groups
//       80    8       zero
//       88    8 u64   XXH3-64 of bytes 0..87
//
// WORKED EXAMPLE: tests/wal/log_format_test.cc writes, and log.md explains, a file with a single group of a single record.
//
// Errors: kCorruption for bytes that contradict themselves, kUnsupported for a version above ours. Decoders trust no
// length before they have compared it with the bytes there are and with base/limits.h, and allocate nothing by it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/status.h"
#include "wal/log.h"

namespace tally {

inline constexpr uint32_t kLogFormatVersion = 1;
inline constexpr uint32_t kLogReaderVersionMin = 1;

inline constexpr std::string_view kLogFileMagic = "TALLYLOG";
inline constexpr size_t kLogFileHeaderBytes = limits::kLogAlignment;
inline constexpr size_t kLogGroupHeaderBytes = 96;
inline constexpr size_t kLogRecordHeaderBytes = 64;
inline constexpr size_t kCleanMarkBytes = 96;

using Epoch = std::array<uint8_t, 16>;

// Where a file, or the log, ends: what the next file and the clean mark repeat.
struct LogEnd {
  uint64_t file_number = 0;
  Lsn last_lsn = 0;
  uint64_t chain_sum = 0;
  uint64_t bytes = 0;
  bool operator==(const LogEnd&) const = default;
};

struct LogFileHeader {
  static constexpr uint64_t kRunStart = 1;
  static constexpr uint64_t kReused = 2;

  std::array<uint8_t, 16> table_uuid{};
  Epoch epoch{};
  uint64_t file_number = 0;
  Lsn first_lsn = 0;
  uint64_t flags = 0;
  uint64_t file_bytes = 0;  // at least kLogFileHeaderBytes
  LogEnd predecessor;
  uint64_t sum = 0;  // set by encode and decode

  bool run_start() const { return (flags & kRunStart) != 0; }
  bool reused() const { return (flags & kReused) != 0; }
  bool operator==(const LogFileHeader&) const = default;
};

struct LogGroupHeader {
  Epoch epoch{};
  Lsn first_lsn = 0;
  uint64_t group_number = 0;
  uint64_t bytes = 0;
  uint64_t content_bytes = 0;
  uint32_t records = 0;
  Lsn durable_lsn = 0;
  uint64_t chain = 0;
  uint64_t records_sum = 0;
  uint64_t sum = 0;  // set by encode and decode

  Lsn last_lsn() const { return first_lsn + records - 1; }
  bool operator==(const LogGroupHeader&) const = default;
};

struct CleanMark {
  std::array<uint8_t, 16> table_uuid{};
  Epoch epoch{};
  LogEnd end;
  bool operator==(const CleanMark&) const = default;
};

// `out` must hold kLogFileHeaderBytes; sets header.sum.
void encode_file_header(LogFileHeader& header, MutableByteSpan out);
Result<LogFileHeader> decode_file_header(ByteSpan bytes);

// The size of a group of these records with its padding; 0 if one of them or all together exceed their limit.
uint64_t group_bytes(std::span<const AppendRecord> records);
// Copies `records` behind the header and completes `header`: records, bytes, content_bytes, sums. `out` must have the size
// that group_bytes() gave; every byte of it is written. kInvalidArgument if a payload is not what its digest says, so that
// nothing unreadable is ever logged.
Status encode_group(LogGroupHeader& header, std::span<const AppendRecord> records, MutableByteSpan out);

// Of the first bytes of a group; at least kLogGroupHeaderBytes must be there. Knows nothing of epoch and chain.
Result<LogGroupHeader> decode_group_header(ByteSpan bytes);
// Checks every byte of a group (`bytes` has header.bytes of them) and replaces `records` by views into it.
Status decode_group(const LogGroupHeader& header, ByteSpan bytes, std::vector<RecordView>& records);

void encode_clean_mark(const CleanMark& mark, MutableByteSpan out);
Result<CleanMark> decode_clean_mark(ByteSpan bytes);

// W8: what this build makes of a type.
enum class RecordTypeUse : uint8_t { kKnown, kSkip, kUnknown };
RecordTypeUse record_type_use(RecordType type);

}  // namespace tally

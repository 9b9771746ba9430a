// The frame of a batch: header, column directory, and the body that holds the columns one behind the other. All of it is
// docs/formats/batch.md; the columns themselves are engine/batch_columns.h.
//
//   OFFSET SIZE TYPE FIELD
//   0      4    u8[] magic "TBAT"
//   4      2    u16  format version, 1
//   6      2    u16  flags: bit 0 = the body is one LZ4 block
//   8      4    u32  schema version that the producer knew
//   12     4    u32  rows, at most limits::kBatchRowsMax
//   16     2    u16  columns, at most limits::kColumnsMax
//   18     2         zero
//   20     4    u32  bytes of the body, inflated; at most limits::kBatchBytesMax
//   24     4    u32  bytes of the body, as stored
//   28     4         zero
//   32               columns x directory entry:
//   0      4    u32  column id
//   4      1    u8   encoding
//   5      1    u8   flags: bit 0 = a null bitmap comes first
//   6      2         zero
//   8      4    u32  bytes of the column in the inflated body
//   ..               body
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/status.h"

namespace tally {

inline constexpr uint8_t kBatchMagic[4] = {'T', 'B', 'A', 'T'};
inline constexpr uint16_t kBatchFormatVersion = 1;
inline constexpr uint16_t kBatchFlagLz4 = 1;
inline constexpr uint8_t kColumnFlagNulls = 1;
inline constexpr size_t kBatchHeaderBytes = 32;
inline constexpr size_t kBatchEntryBytes = 12;
// Header, directory and body; the log's record limit leaves room for it.
inline constexpr uint64_t kBatchPayloadBytesMax =
    kBatchHeaderBytes + limits::kColumnsMax * kBatchEntryBytes + limits::kBatchBytesMax;
static_assert(kBatchPayloadBytesMax <= limits::kBatchBytesMax + limits::kMiB);

enum class ColumnEncoding : uint8_t {
  kInts = 1,              // times, INT64 and DECIMAL fields
  kUuids = 2,             // ids, when every one is a UUID
  kIds = 3,               // ids of any kind
  kStrings = 4,           // STRING fields
  kStringDictionary = 5,  // STRING dimensions and fields
  kIntDictionary = 6,     // INT64 dimensions
};

struct BatchEntry {
  uint32_t column_id = 0;
  ColumnEncoding encoding = ColumnEncoding::kInts;
  bool has_nulls = false;
  uint32_t bytes = 0;
};

struct BatchHeader {
  uint16_t flags = 0;
  uint32_t schema_version = 0;
  uint32_t rows = 0;
  uint32_t body_bytes = 0;
  uint32_t stored_bytes = 0;
  std::vector<BatchEntry> columns;
};

void encode_batch_header(const BatchHeader& header, ByteWriter& out);

// Header and directory of untrusted bytes: versions, limits, that the columns' sizes add up to the body and the stored size
// to the payload, that no column comes twice. Leaves `in` at the body.
Result<BatchHeader> decode_batch_header(ByteReader& in);

// `body` as LZ4, or nothing when that would not be smaller.
Bytes deflate_body(ByteSpan body);
// The inflated body; kInvalidArgument unless it has exactly `body_bytes`, which the caller has checked against its limit.
Result<Bytes> inflate_body(ByteSpan stored, uint32_t body_bytes);

}  // namespace tally

// What the fields of each frame say (PROTOCOL.md has their bytes). encode_fields() and decode_fields() are inverses; decoders
// trust nothing and answer kBadFrame. Threads: any.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "engine/schema.h"
#include "engine/table.h"
#include "query/query.h"
#include "server/frame.h"

namespace tally {

inline constexpr uint8_t kOffersCrc32 = 1;  // bits of HelloMessage::checksums
inline constexpr uint8_t kOffersXxh3 = 2;
inline constexpr uint8_t kOffersPlain = 1;  // bits of compressions, of both sides
inline constexpr uint8_t kOffersLz4 = 2;

enum class CredentialKind : uint8_t { kNone = 0, kKey = 1 };

struct HelloMessage {
  uint8_t version_min = kProtocolVersion;
  uint8_t version_max = kProtocolVersion;
  uint8_t checksums = kOffersCrc32 | kOffersXxh3;
  uint8_t compressions = kOffersPlain | kOffersLz4;
  std::string client = {};  // a name for the server's log
  std::string table = {};   // of the batches; empty: statements only
  CredentialKind credential_kind = CredentialKind::kNone;
  std::string credential = {};
  friend bool operator==(const HelloMessage&, const HelloMessage&) = default;
};

struct WelcomeMessage {
  uint8_t version = kProtocolVersion;
  WireChecksum checksum = WireChecksum::kCrc32;  // of every frame from here on, in both directions
  uint8_t compressions = kOffersPlain | kOffersLz4;
  uint64_t connection = 0;  // its id in the server's log
  std::string server = {};
  uint32_t credits = 0;  // batches that may be sent and not answered
  uint32_t batch_bytes_max = 0;
  uint32_t batch_rows_max = 0;
  uint32_t idle_timeout_s = 0;
  uint32_t frame_timeout_s = 0;
  // Of the table; without one all of it is empty.
  std::array<uint8_t, 16> table_uuid{};
  uint32_t schema_version = 0;
  std::vector<Column> columns = {};    // values_max is not told
  std::vector<uint32_t> id_from = {};  // not empty: the table derives its ids of these columns, and batches have none
  friend bool operator==(const WelcomeMessage&, const WelcomeMessage&) = default;
};
// A schema good enough to build batches of: columns, and nothing that the producer does not need.
Schema batch_schema(const std::string& table, const WelcomeMessage& welcome);

// Beside the rows of a BATCH frame, which are its data.
struct BatchMessage {
  bool replay = false;
  BatchSource source = {};
  std::vector<SourceRun> source_rows = {};
  std::vector<RejectedRow> rejected = {};
  friend bool operator==(const BatchMessage&, const BatchMessage&) = default;
};

struct ResultMessage {
  uint32_t credits = 0;  // given back
  Lsn lsn = 0;
  Ledger counts = {};
  std::vector<RowVerdict> not_accepted = {};  // ascending by row
};

struct QueryMessage {
  std::string sql = {};
  uint32_t timeout_ms = 0;  // for computing the answer; 0: as long as the server allows
  bool progress = false;    // PROGRESS frames are wanted
  std::vector<Cell> parameters = {};
};

struct ProgressMessage {
  uint64_t rows_read = 0;  // so far
  uint64_t elapsed_us = 0;
  friend bool operator==(const ProgressMessage&, const ProgressMessage&) = default;
};

struct ColumnsMessage {
  std::vector<ResultColumn> columns = {};
};

// The data of a ROWS frame; its fields are the number of rows.
void encode_cell(const Cell& cell, ByteWriter& out);
Wire<void> decode_rows(ByteSpan fields, ByteSpan data, size_t columns, std::vector<std::vector<Cell>>& rows);

struct EndMessage {
  uint64_t rows = 0;
  uint64_t rows_read = 0;  // by the scans
  uint64_t elapsed_us = 0;
  std::string message = {};  // of a statement without rows
  friend bool operator==(const EndMessage&, const EndMessage&) = default;
};

struct ErrorMessage {
  WireError error = {};
  uint32_t credits = 0;  // given back, where it answers a batch
  friend bool operator==(const ErrorMessage&, const ErrorMessage&) = default;
};

struct GoodbyeMessage {
  std::string reason = {};
  friend bool operator==(const GoodbyeMessage&, const GoodbyeMessage&) = default;
};

Bytes encode_fields(const HelloMessage& message);
Bytes encode_fields(const WelcomeMessage& message);
Bytes encode_fields(const BatchMessage& message);
Bytes encode_fields(const ResultMessage& message);
Bytes encode_fields(const QueryMessage& message);
Bytes encode_fields(const ProgressMessage& message);
Bytes encode_fields(const ColumnsMessage& message);
Bytes encode_fields(const EndMessage& message);
Bytes encode_fields(const ErrorMessage& message);
Bytes encode_fields(const GoodbyeMessage& message);
Bytes encode_row_count(uint32_t rows);

Wire<HelloMessage> decode_hello(ByteSpan fields);
Wire<WelcomeMessage> decode_welcome(ByteSpan fields);
Wire<BatchMessage> decode_batch_fields(ByteSpan fields);
Wire<ResultMessage> decode_result(ByteSpan fields);
Wire<QueryMessage> decode_query(ByteSpan fields);
Wire<ProgressMessage> decode_progress(ByteSpan fields);
Wire<ColumnsMessage> decode_columns(ByteSpan fields);
Wire<EndMessage> decode_end(ByteSpan fields);
Wire<ErrorMessage> decode_error(ByteSpan fields);
Wire<GoodbyeMessage> decode_goodbye(ByteSpan fields);

}  // namespace tally

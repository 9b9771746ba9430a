// A columnar batch of rows: the bytes that a client sends, that the log stores verbatim, that replay reads. Columns carry
// batch-local dictionaries (dimensions always, string fields where it pays); the body may be LZ4-compressed.
// docs/formats/batch.md has the bytes; engine/batch_format.h the layout.
//
// BatchBuilder makes one from rows. decode_batch() checks every length, code and limit of untrusted bytes and spreads
// them into the arrays of a PreparedBatch, hashing ids and digests on the way: the expensive work of ingest, done by
// producer threads in parallel, before the table's sequencer orders the batch.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/string_ref.h"
#include "engine/event_id.h"
#include "engine/schema.h"

namespace tally {

// Builds the encoding of up to limits::kBatchRowsMax rows. Set the cells of a row in any order, then end_row(); a cell not
// set is NULL. Strings are copied. Reuse the builder with clear(): its memory stays. One thread.
class BatchBuilder {
 public:
  explicit BatchBuilder(const Schema& schema);
  ~BatchBuilder();

  // `column` is the position in schema.columns; the type must be the column's (checked).
  void set_time(TimeUs value);
  void set_id(std::string_view text);            // canonicalised here; never where the table derives its ids
  void set_int64(size_t column, int64_t value);  // INT64, DECIMAL (scaled)
  void set_string(size_t column, std::string_view value);
  // Fails, and drops the row: kInvalidArgument when event time or id is missing, the id is empty, a string or id is longer
  // than limits::kStringBytesMax, a number has too many digits for its DECIMAL, or the event time is outside of the years 1
  // to 9999 (the message names the column); kLimitExceeded when the batch has no room for the row: finish() and set it again.
  Status end_row();
  void drop_row();  // forget the cells set since the last end_row()

  uint32_t rows() const;
  size_t estimated_bytes() const;  // never below what an uncompressed finish() gives
  // Time to finish(): no more rows fit, or the bytes have reached half of their limit, so that until then end_row() has room
  // for any row of up to the other half.
  bool full() const;
  enum class Compression : uint8_t { kNone = 0, kLz4 = 1 };
  Bytes finish(Compression compression = Compression::kNone);  // and clear()
  void clear();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The columns of a payload are named by id and a payload by its schema version, so that one made before an ALTER decodes
// after it: a column that the payload does not have is NULL, one that the table dropped since is left out (but still part of
// the digest, so that a retry stays a retry). A payload of a newer version than `schema` is refused.

// The decoded rows of one batch in arrays, ready to be ordered, decided and appended.
struct PreparedBatch {
  struct Dimension {
    std::vector<uint32_t> local_codes;           // per row: 0 = NULL, i = local_values[i - 1]
    std::vector<std::string_view> local_values;  // INT64 dimensions: 8 bytes little-endian
    std::vector<uint32_t> table_codes;  // per local code, sized and zero ([0] stays kNullCode); filled by the sequencer
  };
  struct Field {
    std::vector<int64_t> ints;       // INT64, DECIMAL
    std::vector<uint8_t> nulls;      // of ints: 1 = NULL; empty = none
    std::vector<StringRef> strings;  // STRING; StringRef::null() = NULL
  };

  Bytes payload;  // as sent
  uint64_t payload_xxh3 = 0;
  Bytes body;  // decompressed, if it was compressed; views point into payload or body
  uint32_t schema_version = 0;
  uint32_t rows = 0;
  std::vector<TimeUs> times;
  std::vector<IdSlot> ids;
  std::vector<IdKind> id_kinds;
  std::vector<Hash128> id_hashes;
  std::vector<uint32_t> digests;                  // 32 bits over the non-NULL values sent (engine/batch_digest.h)
  std::vector<Dimension> dimensions;              // in the order of schema.dimensions()
  std::vector<Field> fields;                      // in the order of schema.fields()
  std::vector<std::vector<uint32_t>> shard_rows;  // row numbers by shard, ascending
};

// Errors are kInvalidArgument (kUnsupported: a format version of the future) and name column and row. `payload_xxh3` is
// verified. Moves `payload` in. Memory: the payload, its inflated body of at most limits::kBatchBytesMax, and the arrays: at
// most limits::kBatchRowsMax x (60 + 16 a column) bytes. STRING fields have at most limits::kBatchBytesMax together, repeated
// values counted each time, so that a chunk's copies of them stay in proportion.
Result<std::unique_ptr<PreparedBatch>> decode_batch(const Schema& schema, const IdHasher& hasher, uint32_t shards,
                                                    Bytes payload, uint64_t payload_xxh3);

}  // namespace tally

// The two records of the log that take events back.
//
// VERDICT: the ids of one request, as it came.
//   meta     SIZE  FIELD
//            1     version, 1
//            3     zero
//            4     number of ids, at most limits::kRetractionIdsMax
//            ..    strings: by, reason
//   payload  each id: u8 kind (engine/event_id.h), then 16 bytes, or of a text u16 length and the text
// Example: one text id "a", asked for by "ann" because of "bot":
//   meta 01 000000 01000000 03000000 616e6e 03000000 626f74; payload 01 0100 61
//
// RETRACT: originals that were found, with the values they count with, and ids whose original is gone.
//   meta     1     version, 1
//            3     zero
//            4     schema version of the rows
//            4     rows, at most limits::kBatchRowsMax (written: kBatchRowsDefault, so that no batch waits long behind one)
//            4     ids that were counted and are not in raw any more
//            8     LSN up to which every verdict has been looked up, 0: unchanged
//            4     bytes of the payload, which is not compressed: that takes longer than finding the originals
//   payload  rows x i64 event time; rows x u64 LSN of the original; the rows' ids, as in VERDICT; each dimension: rows x u32 table
//            code; each field: of numbers rows x u8 (1 = NULL), rows x i64; of strings rows x u32 length (2^32-1: NULL), the
//            bytes; then the 16 bytes of the keys (lo, hi) of those that are gone
// Codes of the table stand for dimension values, so that `(other)` stays what it was counted as.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "engine/batch.h"
#include "engine/retraction.h"
#include "engine/snapshot.h"

namespace tally {

// A VERDICT on its way.
struct PreparedVerdict {
  std::string by;
  std::string reason;
  Bytes payload;
  uint64_t payload_xxh3 = 0;
  std::vector<IdKind> kinds;
  std::vector<IdSlot> ids;  // texts point into payload
  std::vector<Hash128> keys;
  std::vector<std::vector<uint32_t>> shard_rows;  // positions by shard, ascending
  uint32_t rows() const { return static_cast<uint32_t>(ids.size()); }
};

// kInvalidArgument, naming the position: an id that is empty or too long, too many of them, a reason or a name too long. Where
// the table derives its ids, an id must be spelled as the table shows it.
Result<std::unique_ptr<PreparedVerdict>> prepare_verdict(const IdHasher& hasher, uint32_t shards, bool derived_ids,
                                                         std::span<const std::string> ids, std::string by,
                                                         std::string reason);
void encode_verdict_meta(const PreparedVerdict& verdict, Bytes& out);
Result<std::unique_ptr<PreparedVerdict>> decode_verdict(const IdHasher& hasher, uint32_t shards, ByteSpan meta,
                                                        ByteSpan payload, uint64_t payload_xxh3);  // kCorruption

// Gathers the rows of one RETRACT record. One thread.
class SettlementBuilder {
 public:
  // For rows of this version. `column_ids`: of the blocks that rows come from, each dimension and field of the schema among them;
  // empty: they are those, in the order of the schema, dimensions first.
  explicit SettlementBuilder(const Schema& schema, std::span<const uint32_t> column_ids = {});
  // Row `row` of a block read with those columns, times, ids and LSNs.
  void add(const RowBlock& block, uint32_t row);
  void add_gone(const Hash128& key) { gone_.push_back(key); }
  bool full() const;
  bool empty() const { return times_.empty() && gone_.empty(); }
  struct Encoded {
    Bytes meta;
    Bytes payload;
  };
  Encoded finish(Lsn resolved_lsn);  // and begin again

 private:
  struct Field {
    bool is_string = false;
    std::vector<int64_t> ints;
    std::vector<uint8_t> nulls;
    std::vector<uint32_t> lengths;
    Bytes text;
  };
  Bytes encode_body() const;

  const uint32_t schema_version_;
  std::vector<size_t> columns_;  // of a block: where the dimensions are, then the fields
  std::vector<TimeUs> times_;
  std::vector<Lsn> lsns_;
  Bytes ids_;
  std::vector<std::vector<uint32_t>> codes_;
  std::vector<Field> fields_;
  std::vector<Hash128> gone_;
  size_t text_bytes_ = 0;
};

// A RETRACT as the shards take it.
struct PreparedSettlement {
  std::unique_ptr<PreparedBatch> originals;  // table codes filled; digests empty
  std::vector<Lsn> original_lsns;            // by row
  std::vector<Hash128> gone;
  std::vector<std::vector<uint32_t>> shard_gone;  // positions within gone, by shard
  Lsn resolved_lsn = 0;
};

struct SettlementCounts {
  uint32_t schema_version = 0;
  uint32_t rows = 0;
  uint32_t gone = 0;
};
Result<SettlementCounts> settlement_counts(ByteSpan meta);  // kCorruption, kUnsupported
// `dictionary_sizes`, by dimension: no code may be at or above them. kCorruption, kUnsupported.
Result<std::unique_ptr<PreparedSettlement>> decode_settlement(const Schema& schema, const IdHasher& hasher,
                                                              uint32_t shards,
                                                              std::span<const uint32_t> dictionary_sizes, ByteSpan meta,
                                                              Bytes payload);

}  // namespace tally

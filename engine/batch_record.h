// The meta bytes that the engine adds to a BATCH record beside the producer's payload: what ordering the batch decided,
// so that a replay decides the same.
//
//   SIZE  FIELD
//   1     version, 1
//   1     flags: bit 0 = replay
//   2     reserved, zero
//   4     schema version in force
//   4     number of dictionary additions, each:
//           4  dimension id
//           4  first code
//           4  number of values, each a string (u32 length, bytes)
//         strings: source name, header, mapping; 1 format of the raw text (RawFormat)
//   4     number of runs of source rows, each:
//           4  row of the payload
//           8  source row
//   4     number of rejected rows, each:
//           8  source row, then 1: 1 = the raw text was cut, then strings: code, message, raw
//   4     number of dead letters replayed, each:
//           8  LSN
//           4  row
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "engine/table.h"

namespace tally {

struct DictionaryAddition {
  uint32_t dimension_id = 0;
  uint32_t first_code = 0;
  std::vector<std::string_view> values;  // into the dictionary, or into the record that was read
};

struct BatchMeta {
  bool replay = false;
  uint32_t schema_version = 1;
  std::vector<DictionaryAddition> additions;
};

// Cuts what is longer than a record takes, so that what is applied now is what a replay reads.
void trim_notes(BatchNotes& notes);
// Producers encode their notes before the sequencer sees the batch: its thread only copies.
Bytes encode_notes(const BatchNotes& notes);  // trimmed
void encode_batch_meta(const BatchMeta& meta, ByteSpan encoded_notes, Bytes& out);

struct DecodedBatchMeta {
  BatchMeta meta;
  BatchNotes notes;
};
Result<DecodedBatchMeta> decode_batch_meta(ByteSpan bytes);

}  // namespace tally

// Ad traffic that goes on for ever: batches of the generator, built once, whose ids and times are moved each time they are
// sent, so that every id is new and every event is of this moment. What a producer's library does for an event (columns,
// dictionaries) is paid before the run; what is left is a copy, the ids, and the checksum. Threads: one.
#pragma once

#include <vector>

#include "engine/schema.h"
#include "engine/table.h"

namespace tally {

class MovingTraffic {
 public:
  // `batches` of `rows` events each.
  MovingTraffic(const Schema& schema, size_t batches, uint32_t rows);

  // The next batch in turn; its newest event is of `now_us`.
  IngestBatch next(TimeUs now_us);
  uint32_t rows() const { return rows_; }
  uint64_t payload_bytes() const { return payload_bytes_; }  // of all batches

 private:
  // Where in a payload the times' base and the ids stand (docs/formats/batch.md).
  struct Movable {
    Bytes payload;
    size_t base_at = 0;
    size_t ids_at = 0;
    int64_t newest_offset = 0;
  };
  static Movable locate(Bytes payload, const Schema& schema);

  std::vector<Movable> batches_;
  const uint32_t rows_;
  uint64_t payload_bytes_ = 0;
  size_t turn_ = 0;
  uint64_t state_;  // of the masks that ids are changed by
};

}  // namespace tally

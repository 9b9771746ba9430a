// The dead letters of a table that no flush has written yet, and which letters were sent again.
//
// Invariants
//   1 when a shard says that it has applied a record, its letters of it, and the record's marks, are here.
//   2 what is here at or below the manifest's flushed LSN is in files as well: readers leave it out.
//   3 a letter is claimed at most once, by the sequencer, before the record that replays it is logged.
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "engine/dead_letter.h"

namespace tally {

struct LoggedBatch;
struct PreparedBatch;
struct Schema;

class DeadLetters {
 public:
  // From shards, while they apply a record.
  void add(std::shared_ptr<const LetterBundle> bundle);
  void add_marks(std::span<const LetterId> letters, Lsn replayed_lsn, TimeUs arrival_us);

  struct Held {
    std::vector<std::shared_ptr<const LetterBundle>> bundles;  // by LSN
    std::vector<LetterMark> marks;                             // by letter
    Lsn min_lsn = 0, max_lsn = 0;                              // of the records that brought them
    TimeUs min_arrival_us = 0, max_arrival_us = 0;
    Lsn released_through = 0;  // what was at or below is in files alone
    uint64_t letters() const;
    bool empty() const { return bundles.empty() && marks.empty(); }
  };
  Held held(Lsn above, Lsn through) const;  // of records in (above, through]
  void release(Lsn through);                // after the state that lists their file was published
  uint64_t memory_bytes() const;

  // What files say of letters sent again. Until this was called once claim() refuses.
  bool knows_replays() const;
  void learn_replays(std::span<const LetterMark> marks);
  // No letter at or below is kept any more.
  void dropped(Lsn through);
  // By the sequencer, for a batch that replays these: kAlreadyExists, kNotFound or kInvalidArgument says why it may not.
  Status claim(std::span<const LetterId> letters, Lsn newest_lsn);

 private:
  struct Record {
    TimeUs arrival_us = 0;
    std::vector<std::shared_ptr<const LetterBundle>> bundles;
    std::vector<LetterId> replays;
  };
  Record& record(Lsn lsn, TimeUs arrival_us);
  Status check_claim(std::span<const LetterId> letters, Lsn newest_lsn) const;

  mutable std::mutex mutex_;  // guards all of it
  std::map<Lsn, Record> records_;
  uint64_t memory_bytes_ = 0;
  Lsn released_through_ = 0;
  bool knows_replays_ = false;
  std::set<LetterId> replayed_;
  Lsn dropped_through_ = 0;
};

// What one shard refused of a batch, as letters; the first one keeps those of the producer and the marks too.
void keep_letters(const LoggedBatch& logged, size_t shard, DeadLetters& letters);

// Rows of a batch as payloads of their own, each with the rows it holds (several only when one has no room for all).
struct RowsPayload {
  Bytes payload;
  uint64_t payload_xxh3 = 0;
  std::vector<uint32_t> rows;
};
std::vector<RowsPayload> extract_rows(const Schema& schema, const PreparedBatch& batch, std::span<const uint32_t> rows);

}  // namespace tally

// A batch, a FORGET, a VERDICT, a RETRACT, a SCHEMA or a CLOCK_BACK, whose place in the log is decided, on its way from the sequencer through the shards to its answer. Shared by the
// shards: each touches only its own rows and its own outcome; the last one to finish gives the answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/batch.h"
#include "engine/forget_record.h"
#include "engine/retraction_work.h"
#include "engine/table.h"
#include "engine/verdict.h"

namespace tally {

struct LoggedBatch {
  struct Outcome {  // by shard
    Ledger counts;
    std::vector<RowVerdict> not_accepted;
    Status status;  // an error: this shard could decide nothing
  };

  std::unique_ptr<PreparedBatch> batch;
  // Instead of a batch, what else a record can be.
  std::shared_ptr<const ForgetRecord> forget;
  std::shared_ptr<VerdictWork> verdict;
  std::shared_ptr<SettlementWork> settlement;
  std::shared_ptr<const Schema> new_schema;
  bool clock_back = false;
  Lsn lsn = 0;
  RecordTimes times;
  TimeUs submitted_us = 0, appended_us = 0, durable_us = 0;  // boottime: for WriteFigures
  uint32_t rejected = 0;                                     // rows that the producer reported as invalid
  std::shared_ptr<const BatchNotes> notes;                   // of a batch
  bool has_other_values = false;                             // some dimension value went to `(other)`
  std::shared_ptr<const Schema> schema;
  std::vector<uint8_t> lateness_classes;  // by row (classify_lateness)
  std::vector<Outcome> outcomes;
  std::atomic<uint32_t> shards_left{0};
  Table::Done done;  // empty in recovery
};

// Newest event time among the rows that are not too early (architecture.md, Log: reference time); 0 if there is none.
TimeUs newest_time_not_early(const PreparedBatch& batch, TimeUs arrival_us);

// The answer for the producer, from the outcomes of all shards. kIndeterminate: one of them could not decide; the batch is in
// the log, and a restart will.
Result<BatchResult> merge_outcomes(LoggedBatch& logged);

}  // namespace tally

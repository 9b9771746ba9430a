// Applying log records again: recovery's half of "the log is the truth". What the sequencer decided when it ordered a batch
// stands in the record; what the shards decided they decide again, the same.
#pragma once

#include <memory>
#include <vector>

#include "engine/batch.h"
#include "engine/batch_record.h"
#include "engine/dictionaries.h"
#include "engine/logged_batch.h"
#include "engine/manifest.h"
#include "engine/published_state.h"
#include "engine/shard.h"
#include "wal/log.h"

namespace tally {

class Replay {
 public:
  Replay(const ManifestState& state, const IdHasher& hasher, Dictionaries& dictionaries, std::vector<Shard*> shards);

  // Applies one record through every shard, on this thread.
  Status apply(const RecordView& record);

  Lsn last_lsn() const { return last_lsn_; }
  TimeUs last_arrival_us() const { return last_arrival_us_; }
  bool arrival_back() const { return arrival_back_; }  // last_arrival_us() may be lower than what was flushed
  TimeUs newest_forget_us() const { return newest_forget_us_; }
  TimeUs reference_us() const { return reference_us_; }
  // Of a SCHEMA record; nullptr: there was none.
  const std::shared_ptr<const Schema>& new_schema() const { return new_schema_; }

 private:
  Status apply_batch(const RecordView& record);
  Status apply_forget(const RecordView& record);
  Status apply_verdict(const RecordView& record);
  Status apply_settlement(const RecordView& record);
  Status apply_schema(const RecordView& record);
  Status apply_clock_back(const RecordView& record);
  Result<std::shared_ptr<const Schema>> schema_of(uint32_t version) const;
  Status apply_by_all(LoggedBatch& logged, const RecordView& record);
  Status add_values(const Schema& schema, const std::vector<DictionaryAddition>& additions);
  bool map_codes(const Schema& schema, PreparedBatch& batch) const;

  const ManifestState& state_;
  const IdHasher& hasher_;
  Dictionaries& dictionaries_;
  const std::vector<Shard*> shards_;
  LatenessClasses classes_;
  std::shared_ptr<const Schema> new_schema_;
  Lsn last_lsn_;
  TimeUs last_arrival_us_;
  bool arrival_back_ = false;
  TimeUs newest_forget_us_ = 0;
  TimeUs reference_us_;
};

}  // namespace tally

// The retractions of one shard: which ids wait for a verdict to be settled, which are settled. Every change goes to the log of
// changes that flushes write and queries read.
//
// In memory: about 40 bytes a settled one, about 250 a waiting one, and what changed since the last flush.
// Threads: owned by one shard's thread.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/remembered_ids.h"
#include "engine/remembered_table.h"
#include "engine/retraction_log.h"

namespace tally {

class Retractions {
 public:
  // `started` is called with each new log of changes, before anything is appended to it.
  explicit Retractions(std::function<void(std::shared_ptr<const RetractionLog>)> started)
      : started_(std::move(started)) {}

  // Those of the files, newest by key: at a start, before anything else.
  void load(std::vector<Retraction> settled_and_waiting, Lsn resolved_lsn);

  bool any_waiting() const { return !waiting_.empty(); }
  bool waits(const Hash128& key) const { return waiting_.contains(key); }
  std::optional<RetractionState> state_of(const Hash128& key) const;  // nullopt: no verdict ever came
  uint64_t size() const { return waiting_.size() + settled_.size(); }

  void expect(size_t more) {
    const size_t wanted = waiting_.size() + more;
    // Twice the room each time: what waits already is sorted in again.
    if (wanted > waiting_.bucket_count()) waiting_.reserve(std::max(wanted, 2 * waiting_.bucket_count()));
  }
  // A verdict on an id of which state_of() knows nothing.
  void add(Retraction waiting);
  // The waiting one of `key` ends: kRetracted with its original's LSN, or unresolved.
  void settle(const Hash128& key, RetractionState state, Lsn original_lsn, Lsn lsn, TimeUs arrival_us);
  // Those that waited in this generation never found their event.
  void expire(const RememberedIds::GenerationId& generation, Lsn lsn, TimeUs arrival_us);
  std::vector<RememberedIds::GenerationId> waiting_generations() const;

  // Verdicts up to here have been looked up in raw.
  Lsn resolved_lsn() const { return resolved_lsn_; }
  void resolved(Lsn lsn) { resolved_lsn_ = std::max(resolved_lsn_, lsn); }
  // Waiting for their first look-up, in no order: what a crash left.
  std::vector<Retraction> unresolved() const;

  // At a flush marker: the changes since the one before, nullptr if there are none.
  std::shared_ptr<const RetractionLog> freeze() { return std::exchange(changes_, nullptr); }
  uint64_t take_added_bytes() { return std::exchange(added_bytes_, 0); }  // of memory, since the last call

 private:
  struct KeyHash {
    size_t operator()(const Hash128& key) const { return key.lo; }
  };
  using Waiting = std::unordered_map<Hash128, Retraction, KeyHash>;

  void change(Retraction retraction);
  void end(Waiting::iterator at, RetractionState state, Lsn original_lsn, Lsn lsn, TimeUs arrival_us);

  const std::function<void(std::shared_ptr<const RetractionLog>)> started_;
  Waiting waiting_;
  std::map<RememberedIds::GenerationId, uint64_t> waiting_in_;  // how many
  RememberedTable settled_;                                     // the digest of an entry is its state
  std::shared_ptr<RetractionLog> changes_;
  Lsn resolved_lsn_ = 0;
  uint64_t added_bytes_ = 0;
};

}  // namespace tally

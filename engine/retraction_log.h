// What changed of a shard's retractions since its last flush marker, for the flush to write and for queries to see: appended by
// the shard, never changed.
// Threads: append() by the shard's one; the rest by any.
#pragma once

#include <deque>
#include <mutex>
#include <vector>

#include "engine/retraction.h"

namespace tally {

class RetractionLog {
 public:
  void append(Retraction change);
  // Those at or below `cut`, in the order of their LSNs: the last of a key is the one that holds.
  std::vector<Retraction> read(Lsn cut) const;

 private:
  mutable std::mutex mutex_;
  std::deque<Retraction> changes_;  // guarded by mutex_; changed_lsn() never goes down
};

// The newest of each key, ascending by key. `changes` in the order in which they came to be.
std::vector<Retraction> newest_by_key(std::vector<Retraction> changes);

}  // namespace tally

// An exact set of ids in memory, without generations or files: what engine/remembered_ids.h is tested and measured beside.
// Its entries and answers are what both speak. Open addressing over 128-bit keyed hashes, probed in batches with prefetching,
// grown a partition at a time so that no single call pays for the whole.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "engine/event_id.h"

namespace tally {

struct SeenEntry {
  Hash128 key;
  uint32_t digest = 0;
  int32_t event_day = 0;  // days since 1970-01-01
};

class SeenIds {
 public:
  SeenIds();
  ~SeenIds();
  SeenIds(SeenIds&&) noexcept;

  enum class Probe : uint8_t { kNew = 0, kSameDigest = 1, kOtherDigest = 2 };

  // Starts fetching the cache lines that a later find() or insert() of `key` will touch.
  void prefetch(const Hash128& key) const;
  Probe find(const Hash128& key, uint32_t digest) const;
  // Adds the entry if its key is new; otherwise changes nothing. Returns what find() would have said before.
  Probe insert(const SeenEntry& entry);
  uint64_t size() const;
  uint64_t memory_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tally

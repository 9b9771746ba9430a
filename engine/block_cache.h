// Verified, decompressed blocks of segments in memory, so that a warm query reads no file and checks no sum twice. Bounded by
// bytes; what is used twice stays longer than what one scan drags through: a first use enters the probation queue, a second
// moves to the protected one (segmented LRU; Karedla, Love, Wherry: Caching strategies to improve disk system performance,
// 1994). Entries are immutable; who holds one keeps it alive, cached or not.
// Threads: any; a key's part of the cache has a mutex, held for a look-up only.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace tally {

class BlockCache {
 public:
  struct Key {
    uint64_t file = 0;    // digest of the file's uuid: never used twice
    uint32_t block = 0;   // as in the block's header
    uint32_t column = 0;  // column id
    friend bool operator==(const Key&, const Key&) = default;
  };
  using Value = std::shared_ptr<const void>;  // of the type that the caller keeps under such keys

  explicit BlockCache(uint64_t bytes_max);

  Value find(const Key& key);  // nullptr: not there
  // Replaces nothing: of two who read the same block at once, the first stays. Larger than a part's share: not kept.
  void insert(const Key& key, Value value, uint64_t bytes);

  struct Stats {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t entries = 0;
    uint64_t bytes = 0;
    uint64_t bytes_max = 0;
  };
  Stats stats() const;

 private:
  struct Entry {
    Key key;
    Value value;
    uint64_t bytes = 0;
    bool is_protected = false;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  using Queue = std::list<Entry>;  // most recent first
  struct Part {
    mutable std::mutex mutex;
    std::unordered_map<Key, Queue::iterator, KeyHash> entries;
    Queue probation, protected_entries;
    uint64_t probation_bytes = 0, protected_bytes = 0;
    uint64_t hits = 0, misses = 0;
  };
  static constexpr size_t kParts = 8;

  Part& part_of(const Key& key) { return parts_[KeyHash()(key) % kParts]; }
  void protect(Part& part, Queue::iterator entry);

  const uint64_t bytes_max_;
  std::array<Part, kParts> parts_;
};

}  // namespace tally

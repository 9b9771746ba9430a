// Verified, decompressed blocks of segments in memory, so that a warm query reads no file and checks no sum twice. Bounded by
// bytes. What is new enters a window, in the order of use. Whatever leaves that stays only in place of something that was
// asked for less often of late (frequency_sketch.h): one look through everything pushes out little, and what is gone through
// again and again is kept as far as it fits, instead of each block making room for the next. What is used once it has stayed is
// protected by the order of use. Sources: W-TinyLFU (Einziger, Friedman, Manes: TinyLFU, 2017) and segmented LRU (Karedla, Love,
// Wherry: Caching strategies to improve disk system performance, 1994). Entries are immutable; who holds one keeps it alive,
// cached or not.
// Threads: any; a key's part of the cache has a mutex, held for a look-up only.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "engine/frequency_sketch.h"

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
  // Replaces nothing: of two who read the same block at once, the first stays. Larger than seven eighths of a part: not kept.
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
  enum class Place : uint8_t { kWindow, kProbation, kProtected };
  struct Entry {
    Key key;
    Value value;
    uint64_t bytes = 0;
    Place place = Place::kWindow;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  using Queue = std::list<Entry>;  // most recent first
  struct Part {
    explicit Part(size_t keys) : uses(keys) {}
    mutable std::mutex mutex;
    std::unordered_map<Key, Queue::iterator, KeyHash> entries;
    std::array<Queue, 3> queues;      // by Place
    std::array<uint64_t, 3> bytes{};  // likewise
    FrequencySketch uses;             // of keys, there or not
    uint64_t hits = 0, misses = 0;

    Queue& queue(Place place) { return queues[static_cast<size_t>(place)]; }
    uint64_t& bytes_in(Place place) { return bytes[static_cast<size_t>(place)]; }
    void move(Queue::iterator entry, Place to);  // to the front
    void drop(Queue::iterator entry, Queue& dropped);
  };
  static constexpr size_t kParts = 8;

  Part& part_of(size_t hash) { return *parts_[hash % kParts]; }
  void protect(Part& part, Queue::iterator entry) const;
  void leave_window(Part& part, Queue& dropped) const;
  bool make_room(Part& part, const Entry& candidate, Queue& dropped) const;

  const uint64_t bytes_max_;
  std::array<std::unique_ptr<Part>, kParts> parts_;
};

}  // namespace tally

// The remembered ids of a generation that are not in a run yet: an exact set of entries by key. Open addressing with linear
// probing over 128-bit keyed hashes, probed with prefetching, grown a partition at a time so that no single call pays for
// the whole: all partitions stand in one region of memory; when one is full a larger region is made, and each partition
// moves there when it is full itself, which soon all are. Where an entry stands follows the low word of its key, so that the
// entries come out sorted at little cost. Beside the entries stands a tag of one byte for each slot: a new id is told from the
// others there, in a few bytes that mostly are in the processor's cache, and touches the entries only to be written.
// About 41 bytes an id where `expected` was right, else 35 to 73, and up to 104 while it grows.
//
// Invariants
//   1 a partition holds the keys whose low word begins with its number; a key stands between its first slot and the next
//     free one; the tag of a slot is 0 if it is free, else tag_of() its key.
//   2 no partition is full.
//   3 a partition lies in region_, with slots_ slots, or, while not all have moved, in old_.
// Threads: one writes; once nobody does, any read.
#pragma once

#include <array>
#include <vector>

#include "engine/remembered_memory.h"
#include "engine/seen_ids.h"

namespace tally {

class RememberedTable {
 public:
  // `expected` entries, a guess: what grows, grows to fit them at once.
  explicit RememberedTable(uint64_t expected = 0);
  RememberedTable(RememberedTable&&) noexcept = default;

  // Starts fetching the cache lines that a later find() or insert() of `key` will touch.
  void prefetch(const Hash128& key) const {
    const Partition& partition = partitions_[partition_of(key)];
    const size_t start = partition.start_of(key);
    __builtin_prefetch(partition.tags + start);
    __builtin_prefetch(partition.entries + start, 1);
  }
  const SeenEntry* find(const Hash128& key) const {  // nullptr: it is not here
    const Partition& partition = partitions_[partition_of(key)];
    const size_t at = partition.slot_of(key);
    return partition.tags[at] == 0 ? nullptr : &partition.entries[at];
  }
  // False, and nothing changes, if the key is there.
  bool insert(const SeenEntry& entry);

  uint64_t size() const { return size_; }
  uint64_t memory_bytes() const;

  // Parts in ascending order, each with its entries in the order of keys: together all of them, sorted.
  static constexpr size_t kParts = 256;
  void sorted_part(size_t part, std::vector<SeenEntry>& out) const;  // replaces `out`

 private:
  __extension__ using Wide = unsigned __int128;

  // shard_of() has used the high bits of hash.hi, so that those say little within one shard: everything here is from lo.
  static size_t partition_of(const Hash128& key) { return key.lo >> 56; }
  static uint8_t tag_of(const Hash128& key) {
    return static_cast<uint8_t>(key.hi | 0x80);
  }  // of bits that place nothing

  struct Partition {
    SeenEntry* entries = nullptr;
    uint8_t* tags = nullptr;  // by slot
    uint32_t slots = 0;
    uint32_t size = 0;

    size_t start_of(const Hash128& key) const { return static_cast<size_t>(Wide{key.lo << 8} * slots >> 64); }
    // The slot that holds `key`, or the free one where it belongs.
    size_t slot_of(const Hash128& key) const {
      const uint8_t tag = tag_of(key);
      size_t at = start_of(key);
      while (tags[at] != 0 && (tags[at] != tag || entries[at].key != key)) {
        if (++at == slots) at = 0;
      }
      return at;
    }
    bool is_full() const { return size >= slots / 10 * 7; }
  };
  // All entries of the region, then all tags.
  static size_t region_bytes(uint32_t slots) { return kParts * size_t{slots} * (sizeof(SeenEntry) + 1); }
  SeenEntry* place_of(const Partition& partition) const {  // in region_
    const auto part = static_cast<size_t>(&partition - partitions_.data());
    return reinterpret_cast<SeenEntry*>(region_.data()) + part * slots_;
  }
  void place(Partition& partition) const;
  void make_room(Partition& partition);
  void move(Partition& partition);

  std::array<Partition, kParts> partitions_;
  RememberedMemory region_;
  RememberedMemory old_;
  uint32_t slots_ = 0;  // of each partition in region_
  size_t moved_ = 0;    // partitions in region_
  uint32_t share_ = 0;  // slots that a partition wants for what is expected
  uint64_t size_ = 0;
};

}  // namespace tally

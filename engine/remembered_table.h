// The remembered ids of a generation that are not in a run yet: an exact set of entries by key. The entries stand in the order
// they came, each written once to the end of a log; beside it stands an index of eight bytes a slot, open addressing with linear
// probing: 32 bits of the key and the place of its entry. So a new id touches one cache line at random, asked for ahead; only
// one that is known goes on to its entry. The index grows a partition at a time, so that no single call pays for the whole: all
// partitions stand in one region of memory; when one is full a larger region is made, and each partition moves there when it is
// full itself, which soon all are. Where a slot stands follows the low word of its key, so that the entries come out sorted at
// little cost.
// About 38 bytes an id where `expected` was right, else 35 to 48, and up to 80 while it grows.
//
// Invariants
//   1 a partition holds the keys whose low word begins with its number; a slot stands between the first slot of its key and the
//     next free one; it is 0 if it is free, else tag_of() its key above the position of its entry plus 1.
//   2 no partition is full.
//   3 a partition lies in region_, with slots_ slots, or, while not all have moved, in old_.
// Threads: one writes; once nobody does, any read.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "engine/remembered_memory.h"
#include "engine/seen_ids.h"

namespace tally {

class RememberedTable {
 public:
  // `expected` entries, a guess: what grows, grows to fit them at once.
  explicit RememberedTable(uint64_t expected = 0);
  RememberedTable(RememberedTable&&) noexcept = default;

  // Starts fetching the cache line that a later insert() of `key` will touch.
  void prefetch(const Hash128& key) const {
    const Partition& partition = partitions_[partition_of(key)];
    __builtin_prefetch(partition.slots + partition.start_of(tag_of(key)), 1);
  }
  // visit(i, entry) for each of `keys` that is here. Quickest with keys in about ascending order: the index is gone through from
  // front to back then.
  template <class Visit>
  void find_all(std::span<const Hash128> keys, Visit visit) const {
    for (size_t i = 0; i < std::min(kSlotsAhead, keys.size()); ++i) prefetch(keys[i]);
    for (size_t i = 0; i < keys.size(); ++i) {
      if (i + kSlotsAhead < keys.size()) prefetch(keys[i + kSlotsAhead]);
      if (i + kEntriesAhead < keys.size()) prefetch_entry(keys[i + kEntriesAhead]);
      if (const SeenEntry* entry = find(keys[i])) visit(i, *entry);
    }
  }
  const SeenEntry* find(const Hash128& key) const {  // nullptr: it is not here; else until the next insert()
    const Partition& partition = partitions_[partition_of(key)];
    const uint64_t slot = partition.slots[slot_of(partition, key)];
    return slot == 0 ? nullptr : &entry_of(slot);
  }
  // False, and nothing changes, if the key is there.
  bool insert(const SeenEntry& entry);

  uint64_t size() const { return size_; }
  uint64_t memory_bytes() const;  // what is touched of it

  // Parts in ascending order, each with its entries in the order of keys: together all of them, sorted.
  static constexpr size_t kParts = 256;
  void sorted_part(size_t part, std::vector<SeenEntry>& out) const;  // replaces `out`

 private:
  static constexpr size_t kSlotsAhead = 24;
  static constexpr size_t kEntriesAhead = 8;  // by then the slot has come

  // Starts fetching the entry of `key`, if it seems to be here.
  void prefetch_entry(const Hash128& key) const {
    const Partition& partition = partitions_[partition_of(key)];
    const uint64_t slot = partition.slots[partition.start_of(tag_of(key))];
    if (slot != 0 && slot >> 32 == tag_of(key)) __builtin_prefetch(&entry_of(slot));
  }
  // shard_of() has used the high bits of hash.hi, so that those say little within one shard: everything here is from lo.
  static size_t partition_of(const Hash128& key) { return key.lo >> 56; }
  static uint32_t tag_of(const Hash128& key) { return static_cast<uint32_t>(key.lo >> 24); }  // the bits behind

  struct Partition {
    uint64_t* slots = nullptr;
    uint32_t count = 0;
    uint32_t size = 0;

    size_t start_of(uint32_t tag) const { return uint64_t{tag} * count >> 32; }
    bool is_full() const { return size >= count / 10 * 7; }
  };
  const SeenEntry& entry_of(uint64_t slot) const {
    const uint32_t position = static_cast<uint32_t>(slot) - 1;
    return entries_of(pieces_[position / kPieceEntries])[position % kPieceEntries];
  }
  static SeenEntry* entries_of(const RememberedMemory& piece) { return reinterpret_cast<SeenEntry*>(piece.data()); }
  // The slot of `key`, or the free one where it belongs.
  size_t slot_of(const Partition& partition, const Hash128& key) const {
    const uint32_t tag = tag_of(key);
    size_t at = partition.start_of(tag);
    while (partition.slots[at] != 0 && (partition.slots[at] >> 32 != tag || entry_of(partition.slots[at]).key != key)) {
      if (++at == partition.count) at = 0;
    }
    return at;
  }
  uint64_t* place_of(const Partition& partition) const {  // in region_
    const auto part = static_cast<size_t>(&partition - partitions_.data());
    return reinterpret_cast<uint64_t*>(region_.data()) + part * slots_;
  }
  void append(const SeenEntry& entry);
  void make_room(Partition& partition);
  void move(Partition& partition);

  static constexpr size_t kPieceEntries = size_t{1} << 18;  // 6 MiB: three large pages

  std::array<Partition, kParts> partitions_;
  RememberedMemory region_;
  RememberedMemory old_;
  uint32_t slots_ = 0;  // of each partition in region_
  size_t moved_ = 0;    // partitions in region_
  uint32_t share_ = 0;  // slots that a partition wants for what is expected
  std::vector<RememberedMemory>
      pieces_;         // of the log of entries, all of kPieceEntries but a first one that still grows
  uint64_t room_ = 0;  // entries that fit into them
  uint64_t size_ = 0;
};

}  // namespace tally

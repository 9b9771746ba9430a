// A filter over some of a generation's runs: says of an id that it is certainly not in any of them, or that it may be. A
// split block Bloom filter, the one of id_filter.h and by its kernels, but in memory only: it is made from the runs again at
// a start. One cache line a probe; a shard's keys in ascending order go through it from front to back.
//
// Room: when it is built it has a number of bits an id, kFilterBits at least (1.0 % of the strangers pass), kFilterBitsMax at most
// (0.04 %). Ids come many at a time: it takes them while half of them have room, so it ends about as full as it was to be.
// Threads: one writes; once nobody does, any read.
#pragma once

#include <cstdint>
#include <span>

#include "engine/event_id.h"
#include "engine/remembered_memory.h"

namespace tally {

class RememberedFilter {
 public:
  static constexpr double kFilterBits = 10.2;
  static constexpr double kFilterBitsMax = 20;

  explicit RememberedFilter(uint64_t ids, double bits = kFilterBits);  // so many bits for each of these
  RememberedFilter(const RememberedFilter& other);
  RememberedFilter& operator=(const RememberedFilter&) = delete;

  // For half of these.
  bool has_room_for(uint64_t more) const;
  void add(std::span<const Hash128> keys);
  uint64_t ids() const { return ids_; }  // added so far
  // Bit i % 64 of words[i / 64] says whether key i may be there; replaces selection_words(keys.size()) words.
  void probe(std::span<const Hash128> keys, std::span<uint64_t> words) const;
  uint64_t memory_bytes() const { return sizeof(RememberedFilter) + bits_.bytes(); }

 private:
  double bits_an_id_ = 0;
  uint32_t blocks_ = 0;
  RememberedMemory bits_;
  uint64_t ids_ = 0;
};

}  // namespace tally

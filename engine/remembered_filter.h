// The filter of a generation: says of an id that it is certainly not in any of the generation's runs, or that it may be. A
// split block Bloom filter, the one of id_filter.h and by its kernels, but in memory only: it is made from the runs again at
// a start. One cache line a probe; a shard's keys in ascending order go through it from front to back.
//
// Room: when it is built it has a number of bits an id, kFilterBits at least (0.8 % of the strangers pass), kFilterBitsMax at most
// (0.04 %), and it takes more ids until nine elevenths of that are left (2.0 %, 0.12 %); then the generation makes a new one from its
// runs. With a directory of 6.25 bytes a block of 64 ids kFilterBits keep spilled ids within 1.5 bytes of memory each, which
// twice the size at each growth would not; the price is that each id is added again 4.5 times on average while its generation
// grows.
// Threads: one writes; once nobody does, any read.
#pragma once

#include <cstdint>
#include <span>

#include "engine/event_id.h"
#include "engine/remembered_memory.h"

namespace tally {

class RememberedFilter {
 public:
  static constexpr uint32_t kFilterBits = 11;
  static constexpr uint32_t kFilterBitsMax = 20;

  explicit RememberedFilter(uint64_t ids, uint32_t bits = kFilterBits);  // so many bits for each of these
  RememberedFilter(const RememberedFilter& other);
  RememberedFilter& operator=(const RememberedFilter&) = delete;

  // Would `more` ids leave nine elevenths of its bits for each?
  bool has_room_for(uint64_t more) const;
  void add(std::span<const Hash128> keys);
  uint64_t ids() const { return ids_; }  // added so far
  // Bit i % 64 of words[i / 64] says whether key i may be there; replaces selection_words(keys.size()) words.
  void probe(std::span<const Hash128> keys, std::span<uint64_t> words) const;
  uint64_t memory_bytes() const { return sizeof(RememberedFilter) + bits_.bytes(); }

 private:
  uint32_t bits_an_id_ = 0;
  uint32_t blocks_ = 0;
  RememberedMemory bits_;
  uint64_t ids_ = 0;
};

}  // namespace tally

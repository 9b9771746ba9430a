// Numbers 64-bit words from 0 in the order in which they first appear. Words below a bound that the table may still grow to are
// looked up by themselves; where they get larger, by a hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tally {

class WordTable {
 public:
  // numbers[i]: of words[i].
  void find_or_add(const uint64_t* words, size_t count, uint32_t* numbers);
  uint32_t size() const { return static_cast<uint32_t>(words_.size()); }
  uint64_t word(uint32_t number) const { return words_[number]; }
  uint64_t memory_bytes() const {
    return direct_.capacity() * sizeof(uint32_t) + slots_.capacity() * sizeof(Slot) + words_.capacity() * 8;
  }

 private:
  static constexpr uint64_t kDirectMax = 1 << 18;
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Slot {
    uint64_t word = 0;
    uint32_t number = kNone;
  };
  static uint64_t hash(uint64_t word) {
    const unsigned __int128 product = static_cast<unsigned __int128>(word ^ 0x9E3779B97F4A7C15u) * 0xA0761D6478BD642Fu;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  uint32_t add(uint64_t word);
  uint32_t find_or_add_slot(uint64_t word);
  void find_or_add_slots(const uint64_t* words, size_t count, uint32_t* numbers);
  void leave_direct();
  void grow();

  bool is_direct_ = true;
  std::vector<uint32_t> direct_;  // by word: its number and 1, or 0
  std::vector<Slot> slots_;       // open addressing; the size is a power of two
  std::vector<uint64_t> words_;   // by number
};

}  // namespace tally

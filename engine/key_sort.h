// Sorts entries by one word of their key, stable, least significant digit first; digits in which no two entries differ cost
// nothing. One call a word, the last word first, sorts keys of several. Memory: another array of entries. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace tally {

inline constexpr uint32_t kDigitBitsMax = 11;  // the counters of a digit stay in the first-level cache

// `word_of(entry)` has no bit at or above `bits`. `other` is room, its content means nothing before and after.
template <class Entry, class WordOf>
void sort_by_radix(std::vector<Entry>& entries, std::vector<Entry>& other, uint32_t bits, WordOf word_of) {
  if (entries.size() < 2) return;
  uint64_t differ = 0;
  const uint64_t first = word_of(entries.front());
  for (const Entry& entry : entries) differ |= word_of(entry) ^ first;
  if (differ == 0) return;
  const uint32_t digits = (bits + kDigitBitsMax - 1) / kDigitBitsMax;
  const uint32_t width = (bits + digits - 1) / digits;
  const uint64_t mask = (uint64_t{1} << width) - 1;
  std::vector<uint32_t> at(mask + 1);
  other.resize(entries.size());
  for (uint32_t shift = 0; shift < bits; shift += width) {
    if ((differ >> shift & mask) == 0) continue;
    std::ranges::fill(at, 0);
    for (const Entry& entry : entries) ++at[word_of(entry) >> shift & mask];
    uint32_t next = 0;
    for (uint32_t& count : at) next += std::exchange(count, next);
    for (const Entry& entry : entries) other[at[word_of(entry) >> shift & mask]++] = entry;
    std::swap(entries, other);
  }
}

}  // namespace tally

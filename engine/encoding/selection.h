// Which rows of a block are chosen: bit r % 64 of word r / 64 is row r; bits beyond the last row are zero. Predicates on
// encoded blocks (column_block.h) fill such bitmaps without decoding rows that cannot match.
//
// Example: rows 0, 2 and 65 of 70 are the words 5, 2.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tally {

inline size_t selection_words(size_t rows) { return (rows + 63) / 64; }

// Turns on rows [first, last).
inline void select_rows(size_t first, size_t last, std::span<uint64_t> words) {
  if (first >= last) return;
  size_t word = first / 64;
  size_t last_word = (last - 1) / 64;
  uint64_t from = UINT64_MAX << first % 64;
  uint64_t to = UINT64_MAX >> (63 - (last - 1) % 64);
  if (word == last_word) {
    words[word] |= from & to;
    return;
  }
  words[word] |= from;
  for (++word; word < last_word; ++word) words[word] = UINT64_MAX;
  words[last_word] |= to;
}

inline void select_none(std::span<uint64_t> words) {
  for (uint64_t& word : words) word = 0;
}

inline void select_all(size_t rows, std::span<uint64_t> words) {
  select_none(words);
  select_rows(0, rows, words);
}

inline bool is_selected(std::span<const uint64_t> words, size_t row) { return (words[row / 64] >> row % 64 & 1u) != 0; }

// visit(row) for each selected row, ascending.
template <class Visit>
void for_each_selected(std::span<const uint64_t> words, Visit visit) {
  for (size_t word = 0; word < words.size(); ++word) {
    for (uint64_t left = words[word]; left != 0; left &= left - 1) {
      visit(word * 64 + static_cast<size_t>(std::countr_zero(left)));
    }
  }
}

inline size_t count_selected(std::span<const uint64_t> words) {
  size_t count = 0;
  for (uint64_t word : words) count += static_cast<size_t>(std::popcount(word));
  return count;
}

}  // namespace tally

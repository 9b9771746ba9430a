#include "query/operators/word_table.h"

#include <algorithm>
#include <bit>

namespace tally {

void WordTable::find_or_add(const uint64_t* words, size_t count, uint32_t* numbers) {
  size_t i = 0;
  for (; is_direct_ && i < count; ++i) {
    const uint64_t word = words[i];
    if (word < direct_.size() && direct_[word] != 0) [[likely]]
      numbers[i] = direct_[word] - 1;
    else
      numbers[i] = add(word);
  }
  if (i < count) find_or_add_slots(words + i, count - i, numbers + i);
}

// Neighbours are often equal, as rows are sorted. The cache lines of the others are asked for before they are looked at.
void WordTable::find_or_add_slots(const uint64_t* words, size_t count, uint32_t* numbers) {
  constexpr size_t kAhead = 16;
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(&slots_[hash(words[i + kAhead]) & (slots_.size() - 1)]);
    numbers[i] = i > 0 && words[i] == words[i - 1] ? numbers[i - 1] : find_or_add_slot(words[i]);
  }
}

uint32_t WordTable::add(uint64_t word) {
  if (is_direct_ && word >= kDirectMax) leave_direct();
  if (!is_direct_) return find_or_add_slot(word);
  if (word >= direct_.size()) direct_.resize(std::max<size_t>(std::bit_ceil(word + 1), 1024));
  words_.push_back(word);
  direct_[word] = size();
  return size() - 1;
}

uint32_t WordTable::find_or_add_slot(uint64_t word) {
  if ((words_.size() + 1) * 4 > slots_.size() * 3) grow();
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash(word) & mask;; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.number == kNone) {
      slot = {word, size()};
      words_.push_back(word);
      return slot.number;
    }
    if (slot.word == word) return slot.number;
  }
}

void WordTable::leave_direct() {
  is_direct_ = false;
  direct_ = {};
  grow();
}

void WordTable::grow() {
  size_t wanted = std::max<size_t>(slots_.size() * 2, 4096);
  while ((words_.size() + 1) * 4 > wanted * 3) wanted *= 2;
  slots_.assign(wanted, {});
  for (uint32_t number = 0; number < words_.size(); ++number) {
    size_t at = hash(words_[number]) & (wanted - 1);
    while (slots_[at].number != kNone) at = (at + 1) & (wanted - 1);
    slots_[at] = {words_[number], number};
  }
}

}  // namespace tally

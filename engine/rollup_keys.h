// The key of a rollup row, packed into words: the codes of the rollup's dimensions in its order, then the number of the bucket
// within its day. Words compare, first to last, as rows are ordered in a segment. Each part stands whole within one word.
//
//   RollupKeys keys({5, 3}, Tier::kHour, day);     // two dimensions of 5 and 3 bits: one word of 13 bits
//
// Codes 2 and 3 at 04:00: 2 << 8 | 3 << 5 | 4 = 0x264. Values; threads: any.
#pragma once

#include <vector>

#include "base/clock.h"
#include "engine/schema.h"

namespace tally {

// The width of the largest code of a dictionary of that size.
uint32_t code_bits(uint32_t dictionary_size);

class RollupKeys {
 public:
  // `code_bits`, by dimension: no code is wider. `day`: every row lies in it.
  RollupKeys(std::vector<uint32_t> code_bits, Tier tier, int32_t day);

  struct Place {  // of a dimension, or the bucket, within a key
    uint32_t word = 0;
    uint32_t shift = 0;
    uint64_t mask = 0;
  };
  size_t words() const { return word_bits_.size(); }
  uint32_t bits(size_t word) const { return word_bits_[word]; }  // used, the lowest ones
  const Place& dimension(size_t d) const { return places_[d]; }
  const Place& bucket() const { return places_.back(); }

  TimeUs day_begin() const { return day_begin_; }
  uint64_t bucket_of(TimeUs time) const { return static_cast<uint64_t>(time - day_begin_) / bucket_us_; }

  // What a key says; `key` has words() words.
  uint32_t code_in(const uint64_t* key, size_t d) const { return static_cast<uint32_t>(part(key, places_[d])); }
  TimeUs time_in(const uint64_t* key) const {
    return day_begin_ + static_cast<TimeUs>(part(key, places_.back()) * bucket_us_);
  }

 private:
  static uint64_t part(const uint64_t* key, const Place& place) { return key[place.word] >> place.shift & place.mask; }

  TimeUs day_begin_;
  uint64_t bucket_us_;
  std::vector<Place> places_;  // by dimension, then of the bucket
  std::vector<uint32_t> word_bits_;
};

}  // namespace tally

#include "engine/rollup_keys.h"

#include <algorithm>
#include <bit>

#include "engine/dictionary.h"

namespace tally {
namespace {

uint32_t bucket_bits(Tier tier) {
  return static_cast<uint32_t>(std::bit_width(static_cast<uint64_t>(kMicrosPerDay / tier_us(tier) - 1)));
}

}  // namespace

uint32_t code_bits(uint32_t dictionary_size) {
  return static_cast<uint32_t>(std::bit_width(std::max(dictionary_size, kFirstValueCode) - 1));
}

RollupKeys::RollupKeys(std::vector<uint32_t> code_bits, Tier tier, int32_t day)
    : day_begin_(TimeUs{day} * kMicrosPerDay), bucket_us_(static_cast<uint64_t>(tier_us(tier))) {
  code_bits.push_back(bucket_bits(tier));
  // From the least significant part on; words are counted from there until all are known.
  word_bits_.assign(1, 0);
  for (size_t i = code_bits.size(); i-- > 0;) {
    const uint32_t bits = code_bits[i];
    if (word_bits_.back() + bits > 64) word_bits_.push_back(0);
    const uint64_t mask = bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    places_.push_back({static_cast<uint32_t>(word_bits_.size() - 1), word_bits_.back(), mask});
    word_bits_.back() += bits;
  }
  std::ranges::reverse(places_);
  std::ranges::reverse(word_bits_);
  for (Place& place : places_) place.word = static_cast<uint32_t>(word_bits_.size() - 1 - place.word);
}

}  // namespace tally

#include "engine/block_pairs.h"

#include <algorithm>
#include <numeric>

namespace tally {

void BlockPairs::add(uint32_t block, std::span<const uint32_t> codes) {
  if (codes.empty()) return;
  const uint32_t largest = *std::max_element(codes.begin(), codes.end());
  if (largest >= last_block_.size()) last_block_.resize(std::max<size_t>(largest + size_t{1}, last_block_.size() * 2));
  uint32_t before = largest + 1;
  for (uint32_t code : codes) {
    if (code == before) continue;  // sorted columns repeat themselves
    before = code;
    uint32_t& last = last_block_[code];
    if (last == block + 1) continue;
    codes_ += last == 0 ? 1 : 0;
    last = block + 1;
    pairs_.push_back({code, block});
  }
}

// Counting sort: pairs stand in order of blocks, so those of one code stay in it.
std::vector<BlockPairs::Pair> BlockPairs::sorted() const {
  std::vector<uint32_t> place(last_block_.size() + 1);
  for (const Pair& pair : pairs_) ++place[pair.code + 1];
  std::partial_sum(place.begin(), place.end(), place.begin());
  std::vector<Pair> sorted(pairs_.size());
  for (const Pair& pair : pairs_) sorted[place[pair.code]++] = pair;
  return sorted;
}

void BlockPairs::clear() {
  codes_ = 0;
  std::vector<Pair>().swap(pairs_);
  std::vector<uint32_t>().swap(last_block_);
}

}  // namespace tally

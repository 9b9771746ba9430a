#include "engine/block_pairs.h"

#include <algorithm>
#include <numeric>

namespace tally {

void BlockPairs::add(uint32_t block, std::span<const uint32_t> codes) {
  if (codes.empty()) return;
  const uint32_t largest = *std::max_element(codes.begin(), codes.end());
  if (largest >= last_block_.size()) last_block_.resize(std::max<size_t>(largest + size_t{1}, last_block_.size() * 2));
  // Without branches: whether a code is new to the block is as good as random where the order does not cluster it.
  size_t size = pairs_.size();
  pairs_.resize(size + codes.size());
  for (const uint32_t code : codes) {
    uint32_t& last = last_block_[code];
    codes_ += last == 0 ? 1 : 0;
    pairs_[size] = {code, block};
    size += last != block + 1 ? 1 : 0;
    last = block + 1;
  }
  pairs_.resize(size);
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

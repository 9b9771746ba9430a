// In which blocks each code of a dimension occurs, gathered block by block: what a block index is made of, and what one is
// checked against. Memory: 8 bytes a pair, 4 bytes for each code up to the largest. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tally {

class BlockPairs {
 public:
  struct Pair {
    uint32_t code = 0;
    uint32_t block = 0;
    friend auto operator<=>(const Pair&, const Pair&) = default;
  };

  // The codes of the rows of one block; blocks ascend.
  void add(uint32_t block, std::span<const uint32_t> codes);
  uint32_t codes() const { return codes_; }  // distinct ones
  uint64_t size() const { return pairs_.size(); }
  uint64_t memory_bytes() const { return pairs_.capacity() * sizeof(Pair) + last_block_.capacity() * sizeof(uint32_t); }
  // Each pair once, ascending.
  std::vector<Pair> sorted() const;
  void clear();  // gives the memory back

 private:
  uint32_t codes_ = 0;
  std::vector<Pair> pairs_;           // each once, in order of blocks
  std::vector<uint32_t> last_block_;  // by code: the last block that had it, counted from 1
};

}  // namespace tally

// Which of k sorted sequences has the lowest key next: a tournament whose inner nodes keep the loser of their match, so that replacing
// the winner's key plays one match a level, without a branch that depends on keys.
// Knuth, The Art of Computer Programming, volume 3, 5.4.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/status.h"

namespace tally {

template <class Key>
class LoserTree {
 public:
  // The first key of each sequence, one at least. A sequence that has ended does not take part: begin() without it.
  void begin(std::span<const Key> firsts) {
    TALLY_CHECK(!firsts.empty());
    keys_.assign(firsts.begin(), firsts.end());
    losers_.assign(keys_.size(), 0);
    std::vector<uint32_t> winners(2 * keys_.size());
    for (size_t i = 0; i < keys_.size(); ++i) winners[keys_.size() + i] = static_cast<uint32_t>(i);
    for (size_t node = keys_.size() - 1; node >= 1; --node) {
      uint32_t winner = winners[2 * node], loser = winners[2 * node + 1];
      if (keys_[loser] < keys_[winner]) std::swap(winner, loser);
      winners[node] = winner;
      losers_[node] = loser;
    }
    winner_ = winners[1];
  }
  size_t winner() const { return winner_; }  // the place of the sequence with the lowest key
  // The winner's sequence has gone on to this key, which is not below the one before.
  void replace(const Key& next) {
    uint32_t winner = winner_;
    keys_[winner] = next;
    for (size_t node = (keys_.size() + winner) / 2; node >= 1; node /= 2) {
      const uint32_t loser = losers_[node];
      const bool less = keys_[loser] < keys_[winner];
      losers_[node] = less ? winner : loser;
      winner = less ? loser : winner;
    }
    winner_ = winner;
  }

 private:
  std::vector<Key> keys_;
  std::vector<uint32_t> losers_;  // by node; the root is 1, leaves come behind the last
  uint32_t winner_ = 0;
};

}  // namespace tally

// The tournament against a plain look at every sequence.
#include "engine/loser_tree.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"
#include "tests/support/engine/seed.h"

namespace tally {

TEST_CASE("loser tree: sequences of any number and length come out in order, equal keys too") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::vector<uint64_t>> sequences(random.between(1, 40));
    std::vector<uint64_t> all;
    for (auto& sequence : sequences) {
      sequence.resize(random.between(1, 30));
      for (uint64_t& key : sequence) key = random.chance(0.1) ? UINT64_MAX : random.below(100);
      std::ranges::sort(sequence);
      all.insert(all.end(), sequence.begin(), sequence.end());
    }
    std::ranges::sort(all);

    std::vector<uint64_t> merged;
    LoserTree<uint64_t> tree;
    std::vector<size_t> at(sequences.size());
    const auto begin = [&] {
      std::vector<uint64_t> firsts;
      for (size_t i = 0; i < sequences.size();) {
        if (at[i] < sequences[i].size()) {
          firsts.push_back(sequences[i][at[i]]);
          ++i;
        } else {
          sequences.erase(sequences.begin() + static_cast<ptrdiff_t>(i));
          at.erase(at.begin() + static_cast<ptrdiff_t>(i));
        }
      }
      if (!firsts.empty()) tree.begin(firsts);
    };
    begin();
    while (!sequences.empty()) {
      const size_t winner = tree.winner();
      merged.push_back(sequences[winner][at[winner]++]);
      if (at[winner] == sequences[winner].size()) {
        begin();
      } else {
        tree.replace(sequences[winner][at[winner]]);
      }
    }
    REQUIRE(merged == all);
  }
}

}  // namespace tally

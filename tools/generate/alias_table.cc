#include "tools/generate/alias_table.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/status.h"

namespace tally {

AliasTable::AliasTable(std::span<const double> weights) : slots_(weights.size()) {
  double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  TALLY_CHECK(!weights.empty() && total > 0);
  std::vector<double> share(weights.size());
  std::vector<uint32_t> small, large;
  for (uint32_t i = 0; i < weights.size(); ++i) {
    TALLY_CHECK(weights[i] >= 0);
    share[i] = weights[i] / total * static_cast<double>(weights.size());
    (share[i] < 1 ? small : large).push_back(i);
    slots_[i].alias = i;
  }
  while (!small.empty() && !large.empty()) {
    uint32_t poor = small.back(), rich = large.back();
    small.pop_back();
    slots_[poor] = {static_cast<uint32_t>(share[poor] * 0x1.0p32), rich};
    share[rich] -= 1 - share[poor];
    if (share[rich] < 1) {
      large.pop_back();
      small.push_back(rich);
    }
  }
  // What is left on either side holds its whole slot, up to rounding: it is its own alias.
}

std::vector<double> zipf_weights(uint32_t count, double exponent) {
  std::vector<double> weights(count);
  for (uint32_t i = 0; i < count; ++i) weights[i] = std::pow(i + 1.0, -exponent);
  return weights;
}

}  // namespace tally

// Puts rows in the order of ORDER BY by their positions, before anything is made of them.
#pragma once

#include <span>
#include <vector>

#include "query/bound.h"
#include "query/vector.h"

namespace tally {

// The positions of the first `keep` of `size` rows, in order; rows whose keys are equal stay in theirs. keys[k]: the values of
// order_by[k], of all rows; without keys the rows are in order already. O(size) and O(keep log keep), or less where rows come in
// order.
std::vector<uint32_t> order_positions(std::span<const OrderKey> order_by, std::span<const Vector> keys, uint32_t size,
                                      uint64_t keep);

}  // namespace tally

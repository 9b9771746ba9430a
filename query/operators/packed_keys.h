// Group keys in one word: see group_keys.h.
#pragma once

#include <optional>

#include "query/operators/group_keys.h"

namespace tally {

// Whether the keys of GROUP BY fit one word: columns that are keys as they stand may then come in runs (BlockColumn::runs).
bool packs_keys(const BoundSelect& select);
// nullptr: they do not.
std::unique_ptr<GroupKeys> make_packed_keys(const BoundSelect& select);

}  // namespace tally

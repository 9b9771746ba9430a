// Group keys in one word: see group_keys.h.
#pragma once

#include <optional>

#include "query/operators/group_keys.h"

namespace tally {

// nullptr: the keys do not fit one word.
std::unique_ptr<GroupKeys> make_packed_keys(const BoundSelect& select);

}  // namespace tally

// Group keys of any type, in words of their own: see group_keys.h.
#pragma once

#include "query/operators/group_keys.h"

namespace tally {

std::unique_ptr<GroupKeys> make_word_keys(const BoundSelect& select);

}  // namespace tally

#include "query/operators/group_keys.h"

#include "query/operators/packed_keys.h"
#include "query/operators/word_keys.h"

namespace tally {

bool GroupKeys::covers(TimeUs, TimeUs, const std::function<bool(uint32_t)>&) { return false; }

std::unique_ptr<GroupKeys> make_group_keys(const BoundSelect& select) {
  if (std::unique_ptr<GroupKeys> packed = make_packed_keys(select)) return packed;
  return make_word_keys(select);
}

}  // namespace tally

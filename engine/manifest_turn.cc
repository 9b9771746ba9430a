#include "engine/manifest_turn.h"

#include <algorithm>

namespace tally {

uint64_t ManifestTurn::take_number() {
  std::lock_guard lock(mutex_);
  next_number_ = std::max(next_number_, manifest_.state()->next_file_number);
  return next_number_++;
}

Status ManifestTurn::commit(ManifestEdit& edit,
                            const std::function<Status(const ManifestState&, ManifestEdit&)>& complete) {
  std::lock_guard lock(mutex_);
  const std::shared_ptr<const ManifestState> state = manifest_.state();
  if (complete) TALLY_TRY(complete(*state, edit));
  edit.next_file_number = std::max(next_number_, state->next_file_number);
  return manifest_.commit(edit);
}

}  // namespace tally

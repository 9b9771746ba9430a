// What the background does while the disk is short of room (engine/space_watch.h): what frees room first, then folds that fit,
// since retention waits for them; joins not at all. Pure functions, as engine/fold_plan.h, and in its order.
#pragma once

#include "engine/fold_plan.h"

namespace tally {

// At most this much is written by it: a fold, or a join, makes no more of its inputs than they are.
uint64_t bytes_at_most(const ManifestState& state, const FoldTask& task);

// `room_bytes`: what may be written.
std::optional<BackgroundJob> plan_short_of_room(const ManifestState& state, TimeUs wall_us,
                                                const BackgroundPolicy& policy, uint64_t room_bytes);
// Folds and joins that are due.
uint64_t waiting_for_room(const ManifestState& state, TimeUs wall_us, const BackgroundPolicy& policy);

}  // namespace tally

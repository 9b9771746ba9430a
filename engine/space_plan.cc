#include "engine/space_plan.h"

#include <algorithm>

namespace tally {
uint64_t bytes_at_most(const ManifestState& state, const FoldTask& task) {
  uint64_t bytes = 0;
  for (uint64_t number : task.inputs) {
    const auto segment = state.segments.find(number);
    if (segment != state.segments.end()) bytes += segment->second.size;
  }
  return bytes;
}

namespace {

// For as many rollups as there is room.
std::optional<RawPass> plan_pass_that_fits(const ManifestState& state, const BackgroundPolicy& policy,
                                           uint64_t room_bytes) {
  std::optional<RawPass> pass = plan_raw_pass(state, policy);
  if (!pass) return std::nullopt;
  const uint64_t each = std::max<uint64_t>(1, bytes_at_most(state, pass->tasks.front()));  // their inputs are the same
  const auto fitting = std::min<uint64_t>(pass->tasks.size(), room_bytes / each);
  if (fitting == 0) return std::nullopt;
  pass->tasks.resize(fitting);
  return pass;
}

}  // namespace

std::optional<BackgroundJob> plan_short_of_room(const ManifestState& state, TimeUs wall_us,
                                                const BackgroundPolicy& policy, uint64_t room_bytes) {
  if (auto end = plan_end(state)) return *std::move(end);
  if (auto drop = plan_drop(state, wall_us)) return *std::move(drop);
  if (auto pass = plan_pass_that_fits(state, policy, room_bytes)) return *std::move(pass);
  for (FoldTask& fold : plan_tier_folds(state, wall_us, policy)) {
    if (bytes_at_most(state, fold) <= room_bytes) return std::move(fold);
  }
  return std::nullopt;
}

uint64_t waiting_for_room(const ManifestState& state, TimeUs wall_us, const BackgroundPolicy& policy) {
  return plan_raw_folds(state, policy).size() + plan_tier_folds(state, wall_us, policy).size() +
         plan_joins(state, policy).size() + plan_raw_joins(state, policy).size();
}

}  // namespace tally

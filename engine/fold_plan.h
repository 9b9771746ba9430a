// What the background should do next for a table: a pure function of the manifest, the clock and the policy, so that tables of
// cases can test it. One job at a time is asked for; when it is done, or the manifest has changed, ask again.
//
// In this order:
//   0 end the tiers of rollups that were dropped: their segments and their progress go;
//   1 fold raw into the finest tier of each rollup, everything that is flushed: rollups that stand at the same place in one pass;
//   2 fold a tier into the next coarser one, a day at a time, once the day is closed: first as a whole, then whenever
//     policy.late_files segments lie above what was folded, or the finer tier is about to drop the day;
//   3 join segments of one tier (policy.join_files of about the same size) so that few face a query; of a tier that is kept two
//     weeks or less only small ones, and others where as many hold rows of one day; and raw ones: those of one
//     version of the schema that arrived within the same seventh of raw retention, once every rollup has folded them, when
//     more than 2 * policy.join_files hold rows of one day; more than policy.join_files when nothing will come to them any more;
//   4 drop what retention says, in whole UTC days, once the next tier has folded it (raw: every rollup).
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "engine/background_policy.h"
#include "engine/fold.h"

namespace tally {

struct DropTask {
  TierProgressMap tiers;
  std::map<uint32_t, uint64_t> dropped_events;  // as the manifest is to have them
  std::vector<TierDay> ended;                   // of rollups that are no more
  std::vector<uint64_t> segments;               // of which nothing is left
  uint64_t events = 0;                          // that leave their last tier
  friend bool operator==(const DropTask&, const DropTask&) = default;
};

// Folds of raw with the same inputs and days, of one rollup each: done together, and committed by one edit.
struct RawPass {
  std::vector<FoldTask> tasks;
};

using BackgroundJob = std::variant<RawPass, FoldTask, DropTask>;

// `wall_us`: INT64_MIN where the clock is not to be believed: then nothing is dropped.
std::optional<BackgroundJob> plan_job(const ManifestState& state, TimeUs wall_us, const BackgroundPolicy& policy);

// No record above it has a row in a section of raw; a join says so of each day, a flush of the file.
Lsn last_lsn_of(const SegmentInfo& raw, const SegmentDay& day);

// Parts of plan_job(), for those who show what is due.
std::optional<DropTask> plan_end(const ManifestState& state);
std::vector<FoldTask> plan_raw_folds(const ManifestState& state, const BackgroundPolicy& policy);
std::optional<RawPass> plan_raw_pass(const ManifestState& state, const BackgroundPolicy& policy);
std::vector<FoldTask> plan_tier_folds(const ManifestState& state, TimeUs wall_us, const BackgroundPolicy& policy);
std::vector<FoldTask> plan_joins(const ManifestState& state, const BackgroundPolicy& policy);
std::vector<FoldTask> plan_raw_joins(const ManifestState& state, const BackgroundPolicy& policy);
// `confirmed`: somebody has said that most of a history is to go.
std::optional<DropTask> plan_drop(const ManifestState& state, TimeUs wall_us, bool confirmed = false);

// Adds to the manifest edit what a task that was done changes. kNotFound: an input is no longer live, or the rollup was dropped meanwhile.
Status fold_edit(const ManifestState& state, const FoldTask& task, std::span<const SegmentInfo> outputs,
                 ManifestEdit& edit);
void drop_edit(const DropTask& task, ManifestEdit& edit);

}  // namespace tally

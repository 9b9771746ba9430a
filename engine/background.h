// Does what fold_plan.h plans: folds, joins, drops, one job after the other, each ending in one manifest edit that readers see
// at once. Nothing here is needed for an answer to be right: a job that fails for lack of space is tried again later, and one
// whose sums do not add up stops the background for good, keeps its inputs and says so (M6).
// Threads: run() on one; the rest from any.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <span>
#include <string>

#include "engine/flush.h"
#include "engine/fold_plan.h"
#include "engine/space_watch.h"

namespace tally {

class Background {
 public:
  struct Config {
    FlushContext files;
    StatePublisher* publisher = nullptr;
    Clock* clock = nullptr;
    BackgroundPolicy policy;
    std::function<TimeUs()> wall_us;  // INT64_MIN: not to be believed now
    std::function<SpaceStatus()> space;
    std::function<bool()> stopping;
    std::function<void()> publish;             // shows the manifest as it is now, if no flush is about to
    std::function<void(const Error&)> failed;  // the manifest is in doubt
    std::shared_ptr<UnlinkedFiles> unlinked;
  };
  explicit Background(Config config) : config_(std::move(config)) {}

  // Until nothing is due, or the table is being closed.
  void run();
  BackgroundStats stats() const;
  // `tally clock confirm`: the passes of retention that are held now need not wait any more. Done by the next run().
  void confirm_drops() { drops_confirmed_ = true; }

 private:
  std::optional<BackgroundJob> next_job(const ManifestState& state);
  void note_what_waits(const ManifestState& state);
  Status do_job(const ManifestState& state, const BackgroundJob& job);
  Status do_fold(const ManifestState& state, const FoldTask& task);
  Status do_pass(const ManifestState& state, const RawPass& pass);
  // One edit for all of them; files that no edit names are removed where that is certain.
  Status commit_folds(std::span<const FoldTask> tasks, std::span<const Folded> folded);
  Status do_drop(const DropTask& task);
  std::vector<uint64_t> take_unlinked();
  Status commit(ManifestEdit& edit, const std::function<Status(const ManifestState&, ManifestEdit&)>& complete);
  FoldContext fold_context(const ManifestState& state, const SegmentList& segments) const;
  void note(const std::function<void(BackgroundStats&)>& change);

  Config config_;
  std::atomic<bool> drops_confirmed_{false};
  mutable std::mutex mutex_;
  BackgroundStats stats_;  // guarded by mutex_
};

// "rollup by_campaign: raw into minutes, 2 days of 3 segments"
std::string describe_job(const Schema& schema, const BackgroundJob& job);

}  // namespace tally

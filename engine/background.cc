#include "engine/background.h"

#include "base/figures.h"
#include "base/processor_time.h"
#include "engine/fold_raw.h"
#include "engine/raw_join.h"
#include "engine/retention_preview.h"
#include "engine/space_plan.h"

namespace tally {

namespace {

std::string_view plural(Tier tier) {
  constexpr std::string_view kNames[] = {"raw", "minutes", "hours", "days"};
  return kNames[static_cast<size_t>(tier)];
}

}  // namespace

void Background::run() {
  while (!config_.stopping() && stats().stopped.empty()) {
    const std::shared_ptr<const ManifestState> state = config_.files.manifest->state();
    const std::optional<BackgroundJob> job = next_job(*state);
    if (!job) return note_what_waits(*state);
    note([&](BackgroundStats& stats) { stats.running = describe_job(*state->schema(), *job); });
    const TimeUs begin_us = config_.clock->boottime_us();
    const Status done = do_job(*state, *job);
    note([&](BackgroundStats& stats) {
      stats.running.clear();
      stats.busy_us += config_.clock->boottime_us() - begin_us;
      const bool for_now = !done && (done.error().code == Code::kNoSpace || done.error().code == Code::kCancelled ||
                                     done.error().code == Code::kNotFound);
      if (!done && !for_now) stats.stopped = done.error().message;
    });
    if (!done) return;
  }
}

std::optional<BackgroundJob> Background::next_job(const ManifestState& state) {
  const TimeUs wall_us = config_.wall_us();
  const SpaceStatus space = config_.space();
  const uint64_t room = space.level == SpaceLevel::kSoft ? space.spare_bytes() : 0;
  std::optional<BackgroundJob> job = space.level == SpaceLevel::kRoom
                                         ? plan_job(state, wall_us, config_.policy)
                                         : plan_short_of_room(state, wall_us, config_.policy, room);
  if (job || !drops_confirmed_) return job;
  // Behind all folds, so that what they make droppable goes with the rest.
  if (auto drop = plan_drop(state, wall_us, true)) return *std::move(drop);
  drops_confirmed_ = false;
  return std::nullopt;
}

void Background::note_what_waits(const ManifestState& state) {
  const TimeUs wall_us = config_.wall_us();
  const HeldDrops held = held_drops(state, wall_us);
  const uint64_t paused =
      config_.space().level == SpaceLevel::kRoom ? 0 : waiting_for_room(state, wall_us, config_.policy);
  note([&](BackgroundStats& stats) {
    stats.held_days = held.days;
    stats.held_events = held.events;
    stats.paused = paused == 0 ? "" : quantity(paused, "job");
  });
}

BackgroundStats Background::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

void Background::note(const std::function<void(BackgroundStats&)>& change) {
  std::lock_guard lock(mutex_);
  change(stats_);
}

Status Background::do_job(const ManifestState& state, const BackgroundJob& job) {
  if (const RawPass* pass = std::get_if<RawPass>(&job)) return do_pass(state, *pass);
  if (const FoldTask* task = std::get_if<FoldTask>(&job)) return do_fold(state, *task);
  return do_drop(std::get<DropTask>(job));
}

FoldContext Background::fold_context(const ManifestState& state, const SegmentList& segments) const {
  const FlushContext& files = config_.files;
  FoldContext context{.fs = files.fs,
                      .paths = files.paths,
                      .table_uuid = state.table_uuid,
                      .schema = state.schema(),
                      .dictionaries = {},
                      .dictionary_sizes = state.dictionary_sizes,
                      .segments = &segments,
                      .block_rows = std::min(files.segment_block_rows, limits::kRollupBlockRows),
                      .take_number = [&files] { return files.manifest->take_number(); },
                      .stopping = config_.stopping};
  for (const auto& [id, size] : files.dictionaries->sizes()) {
    context.dictionaries[id] = files.dictionaries->find(id).get();
  }
  return context;
}

Status Background::do_fold(const ManifestState& state, const FoldTask& task) {
  const FlushContext& files = config_.files;
  const std::shared_ptr<const SegmentList> segments =
      make_segment_list(*files.fs, files.paths, state, config_.publisher->get()->segments.get(), files.block_cache);
  const FoldContext context = fold_context(state, *segments);
  TALLY_ASSIGN_OR_RETURN(const Folded folded, task.rollup_id == 0 ? join_raw(context, task) : fold(context, task));
  return commit_folds({&task, 1}, {&folded, 1});
}

Status Background::do_pass(const ManifestState& state, const RawPass& pass) {
  const FlushContext& files = config_.files;
  const std::shared_ptr<const SegmentList> segments =
      make_segment_list(*files.fs, files.paths, state, config_.publisher->get()->segments.get(), files.block_cache);
  const TimeUs begin_us = config_.clock->boottime_us(), processor_begin_us = thread_processor_us();
  const FoldContext context = fold_context(state, *segments);
  TALLY_ASSIGN_OR_RETURN(const std::vector<Folded> folded, fold_raw(context, pass.tasks));
  const TimeUs folded_us = config_.clock->boottime_us(), processor_us = thread_processor_us();
  TALLY_TRY(commit_folds(pass.tasks, folded));
  note([&](BackgroundStats& stats) {
    stats.raw_rows_in += folded.front().rows_in;
    stats.raw_rollup_rows_in += folded.front().rows_in * folded.size();
    stats.raw_fold_us += folded_us - begin_us;
    stats.raw_fold_processor_us += processor_us - processor_begin_us;
  });
  return {};
}

Status Background::commit_folds(std::span<const FoldTask> tasks, std::span<const Folded> folded) {
  const FlushContext& files = config_.files;
  ManifestEdit edit;
  const Status committed = commit(edit, [&](const ManifestState& now, ManifestEdit& change) -> Status {
    for (size_t i = 0; i < tasks.size(); ++i) TALLY_TRY(fold_edit(now, tasks[i], folded[i].segments, change));
    return {};
  });
  if (!committed) {
    const Code code = committed.error().code;
    if (code != Code::kNoSpace && code != Code::kNotFound) return committed;
    for (const Folded& of_task : folded) {
      for (const SegmentInfo& segment : of_task.segments) (void)files.fs->unlink(files.paths.segment(segment.number));
    }
    return committed;
  }
  note([&](BackgroundStats& stats) {
    for (size_t i = 0; i < tasks.size(); ++i) {
      ++(tasks[i].joins() ? stats.joins : stats.folds);
      stats.rows_in += folded[i].rows_in;
      stats.rows_out += folded[i].rows_out;
      for (const SegmentInfo& segment : folded[i].segments) stats.bytes_written += segment.size;
    }
  });
  return {};
}

Status Background::do_drop(const DropTask& task) {
  ManifestEdit edit;
  TALLY_TRY(commit(edit, [&](const ManifestState&, ManifestEdit& change) {
    drop_edit(task, change);
    return Status{};
  }));
  note([&](BackgroundStats& stats) {
    ++stats.drops;
    stats.dropped_events += task.events;
  });
  return {};
}

// Segments that are gone for good: the manifest forgets their numbers only when no power failure brings them back.
std::vector<uint64_t> Background::take_unlinked() {
  std::vector<uint64_t> unlinked = config_.unlinked->take();
  if (unlinked.empty() || config_.files.fs->sync_directory(config_.files.paths.segment_directory())) return unlinked;
  config_.unlinked->give_back(unlinked);
  return {};
}

Status Background::commit(ManifestEdit& edit,
                          const std::function<Status(const ManifestState&, ManifestEdit&)>& complete) {
  std::vector<uint64_t> unlinked = take_unlinked();
  bool refused = false;
  const Status committed =
      config_.files.manifest->commit(edit, [&](const ManifestState& now, ManifestEdit& change) -> Status {
        const Status completed = complete(now, change);
        refused = !completed;
        for (uint64_t number : unlinked) {
          if (now.removed_segments.contains(number)) change.unlinked_segments.push_back(number);
        }
        return completed;
      });
  if (committed) {
    config_.publish();
    return {};
  }
  config_.unlinked->give_back(unlinked);
  if (!refused && committed.error().code != Code::kNoSpace) config_.failed(committed.error());
  return committed;
}

namespace {

std::string describe_task(const Schema& schema, const FoldTask& task) {
  const Rollup* rollup = schema.find_rollup(task.rollup_id);
  std::string text = "rollup " + (rollup != nullptr ? rollup->name : std::to_string(task.rollup_id)) + ": ";
  if (task.joins()) {
    text += "joining " + std::string(plural(task.tier));
  } else {
    text += std::string(plural(task.source)) + " into " + std::string(plural(task.tier));
  }
  return text + ", " + quantity(task.days.size(), "day") + " of " + quantity(task.inputs.size(), "segment");
}

std::string describe_pass(const Schema& schema, const RawPass& pass) {
  const FoldTask& first = pass.tasks.front();
  if (pass.tasks.size() == 1) return describe_task(schema, first);
  return "raw into " + quantity(pass.tasks.size(), "rollup") + ", " + quantity(first.days.size(), "day") + " of " +
         quantity(first.inputs.size(), "segment");
}

}  // namespace

std::string describe_job(const Schema& schema, const BackgroundJob& job) {
  if (const DropTask* drop = std::get_if<DropTask>(&job)) {
    if (!drop->ended.empty()) {
      return "a dropped rollup: " + std::to_string(drop->ended.size()) + " days of tiers, " +
             std::to_string(drop->segments.size()) + " segments";
    }
    return "retention: " + std::to_string(drop->tiers.size()) + " days of tiers, " +
           std::to_string(drop->segments.size()) + " segments";
  }
  if (const RawPass* pass = std::get_if<RawPass>(&job)) return describe_pass(schema, *pass);
  const FoldTask& task = std::get<FoldTask>(job);
  if (task.rollup_id == 0) return "joining raw, " + std::to_string(task.inputs.size()) + " segments";
  return describe_task(schema, task);
}

}  // namespace tally

#include "engine/fold_plan.h"

#include <algorithm>
#include <map>
#include <set>

namespace tally {
namespace {

using SegmentRefs = std::vector<const SegmentInfo*>;

TimeUs day_end(int32_t day) { return (TimeUs{day} + 1) * kMicrosPerDay; }

SegmentRefs segments_of(const ManifestState& state, uint32_t rollup_id, Tier tier) {
  SegmentRefs segments;
  for (const auto& [number, segment] : state.segments) {
    if (segment.rollup_id == rollup_id && segment.tier == tier) segments.push_back(&segment);
  }
  return segments;
}

// Sections whose rows the tier has not dropped.
bool is_live(const ManifestState& state, const SegmentInfo& segment, const SegmentDay& day) {
  return day.through_lsn > state.progress({segment.rollup_id, segment.tier, day.day}).dropped_lsn;
}

uint64_t share_of(uint64_t whole, uint64_t part, uint64_t parts) {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(whole) * part / std::max<uint64_t>(parts, 1));
}

// Where retention may drop: days that end at or before it.
TimeUs drop_before(TimeUs now_us, TimeUs retention_us) {
  const TimeUs limit = now_us - retention_us;
  return limit - (limit % kMicrosPerDay + kMicrosPerDay) % kMicrosPerDay;
}

// Days from the oldest on, until their raw is as large as one join may be: what a new rollup has to read is done piece by piece,
// and each piece is kept.
std::optional<FoldTask> raw_fold(const ManifestState& state, const BackgroundPolicy& policy, const Rollup& rollup,
                                 const SegmentRefs& raw) {
  const std::vector<Tier> tiers = kept_tiers(rollup);
  if (tiers.empty()) return std::nullopt;
  FoldTask task{.rollup_id = rollup.id, .tier = tiers.front(), .source = Tier::kRaw, .inputs = {}, .days = {}};
  struct Waiting {
    Lsn above = 0;
    uint64_t bytes = 0;
    std::vector<uint64_t> segments;
  };
  std::map<int32_t, Waiting> waiting;
  for (const SegmentInfo* segment : raw) {
    for (const SegmentDay& day : segment->days) {
      const Lsn folded = state.progress({rollup.id, task.tier, day.day}).folded_lsn;
      if (last_lsn_of(*segment, day) <= folded) continue;
      Waiting& of_day = waiting[day.day];
      of_day.above = folded;
      of_day.bytes += share_of(segment->size, day.rows, segment->rows);
      of_day.segments.push_back(segment->number);
    }
  }
  std::set<uint64_t> inputs;
  uint64_t bytes = 0;
  for (const auto& [day, of_day] : waiting) {
    if (!task.days.empty() && bytes + of_day.bytes > policy.join_bytes_max) break;
    bytes += of_day.bytes;
    inputs.insert(of_day.segments.begin(), of_day.segments.end());
    task.days.push_back({day, of_day.above, state.log.flushed_lsn});
  }
  if (inputs.empty()) return std::nullopt;
  task.inputs.assign(inputs.begin(), inputs.end());
  return task;
}

// Of one day, from `source` into `tier`.
class TierFold {
 public:
  TierFold(const ManifestState& state, TimeUs wall_us, const BackgroundPolicy& policy, const Rollup& rollup,
           Tier source, Tier tier)
      : state_(state), policy_(policy), rollup_(rollup), source_(source), tier_(tier) {
    const TimeUs now_us = std::min(wall_us, state.newest_event_us);
    const TimeUs retention_us = rollup.retention_us[static_cast<size_t>(source)];
    if (wall_us != INT64_MIN) drop_before_us_ = drop_before(now_us, retention_us);
    for (const SegmentInfo* segment : segments_of(state, rollup.id, source)) {
      for (const SegmentDay& day : segment->days) {
        const Lsn folded = state.progress({rollup.id, tier, day.day}).folded_lsn;
        if (is_live(state, *segment, day) && day.above_lsn >= folded) waiting_[day.day].push_back(segment->number);
      }
    }
  }

  std::vector<FoldTask> tasks() const {
    std::vector<FoldTask> tasks;
    for (const auto& [day, segments] : waiting_) {
      if (!due(day, segments.size())) continue;
      const TierProgress from = state_.progress({rollup_.id, source_, day});
      const TierProgress to = state_.progress({rollup_.id, tier_, day});
      tasks.push_back({.rollup_id = rollup_.id,
                       .tier = tier_,
                       .source = source_,
                       .inputs = segments,
                       .days = {{day, to.folded_lsn, from.folded_lsn}}});
    }
    return tasks;
  }

 private:
  bool due(int32_t day, size_t files) const {
    if (state_.newest_arrival_us < day_end(day) + policy_.close_after_us) return false;
    const bool first = state_.progress({rollup_.id, tier_, day}).folded_lsn == 0;
    return first || files >= policy_.late_files || day_end(day) <= drop_before_us_;
  }

  const ManifestState& state_;
  const BackgroundPolicy& policy_;
  const Rollup& rollup_;
  const Tier source_, tier_;
  TimeUs drop_before_us_ = INT64_MIN;
  std::map<int32_t, std::vector<uint64_t>> waiting_;  // by day
};

// What a join of `inputs` holds: of each day what the next tier has folded, and what it has not, apart.
FoldTask join_task(const ManifestState& state, const Rollup& rollup, Tier tier, const SegmentRefs& inputs) {
  FoldTask task{.rollup_id = rollup.id, .tier = tier, .source = tier, .inputs = {}, .days = {}};
  const Tier coarser = coarser_tier(rollup, tier);
  std::map<std::pair<int32_t, bool>, FoldTask::Day> days;
  for (const SegmentInfo* segment : inputs) {
    task.inputs.push_back(segment->number);
    for (const SegmentDay& day : segment->days) {
      if (!is_live(state, *segment, day)) continue;
      const Lsn folded = coarser == Tier::kRaw ? 0 : state.progress({rollup.id, coarser, day.day}).folded_lsn;
      const std::pair place(day.day, day.above_lsn >= folded);
      FoldTask::Day& of = days.try_emplace(place, FoldTask::Day{day.day, day.above_lsn, day.through_lsn}).first->second;
      of.above = std::min(of.above, day.above_lsn);
      of.through = std::max(of.through, day.through_lsn);
    }
  }
  for (const auto& [place, day] : days) task.days.push_back(day);
  return task;
}

// A day on both sides of what the next tier has folded makes two files.
bool leaves_fewer(const FoldTask& task) {
  auto same_day = [](const FoldTask::Day& a, const FoldTask::Day& b) { return a.day == b.day; };
  const size_t files = std::ranges::adjacent_find(task.days, same_day) == task.days.end() ? 1 : 2;
  return task.inputs.size() > files;
}

uint64_t size_class(uint64_t bytes, const BackgroundPolicy& policy) {
  uint64_t of = 0;
  for (uint64_t size = policy.join_bytes_min; size < bytes; size *= policy.join_ratio) ++of;
  return of;
}

// Days of one tier that may go, into `task`.
class TierDrop {
 public:
  TierDrop(const ManifestState& state, TimeUs now_us, const Rollup& rollup, Tier tier)
      : state_(state), rollup_(rollup), tier_(tier), coarser_(coarser_tier(rollup, tier)) {
    before_us_ = drop_before(now_us, rollup.retention_us[static_cast<size_t>(tier)]);
  }

  void plan(bool confirmed, DropTask& task) const {
    TierProgressMap moved;
    size_t days = 0;
    for (const auto& [of, progress] : state_.tiers) {
      if (of.rollup_id != rollup_.id || of.tier != tier_ || progress.dropped_lsn == progress.folded_lsn) continue;
      ++days;
      if (day_end(of.day) > before_us_ || !folded_on(of, progress)) continue;
      moved[of] = {progress.folded_lsn, progress.folded_lsn};
    }
    // Whoever wants most of the history gone says so (tally clock confirm): it may be a clock that is wrong.
    if (!confirmed && coarser_ == Tier::kRaw && moved.size() > 1 && moved.size() * 2 > days) return;
    if (moved.empty()) return;
    uint64_t events = 0;
    for (const SegmentInfo* segment : segments_of(state_, rollup_.id, tier_)) {
      bool left = false;
      for (const SegmentDay& day : segment->days) {
        const bool drops = moved.contains({rollup_.id, tier_, day.day});
        if (drops && is_live(state_, *segment, day)) events += day.events;
        left = left || (!drops && is_live(state_, *segment, day));
      }
      if (!left) task.segments.push_back(segment->number);
    }
    if (coarser_ == Tier::kRaw) {
      const auto known = state_.dropped_events.find(rollup_.id);
      task.dropped_events[rollup_.id] = events + (known == state_.dropped_events.end() ? 0 : known->second);
      task.events += events;
    }
    task.tiers.merge(moved);
  }

 private:
  bool folded_on(const TierDay& of, const TierProgress& progress) const {
    return coarser_ == Tier::kRaw ||
           state_.progress({of.rollup_id, coarser_, of.day}).folded_lsn >= progress.folded_lsn;
  }

  const ManifestState& state_;
  const Rollup& rollup_;
  const Tier tier_, coarser_;
  TimeUs before_us_ = 0;
};

// The files of the day that most of them have rows of; only days count which more than `most` share.
SegmentRefs most_crowded(const SegmentRefs& segments, size_t most) {
  std::map<int32_t, SegmentRefs> by_day;
  for (const SegmentInfo* segment : segments) {
    for (const SegmentDay& day : segment->days) by_day[day.day].push_back(segment);
  }
  SegmentRefs found;
  for (auto& [day, of_day] : by_day) {
    if (of_day.size() > std::max(most, found.size())) found = std::move(of_day);
  }
  return found;
}

// A tier that is kept for so long has few files at any time, and drops them soon: those of different days are left apart.
constexpr TimeUs kBriefUs = 14 * kMicrosPerDay;

SegmentRefs worth_joining(const SegmentRefs& of_one_size, TimeUs retention_us, bool small, size_t files) {
  if (small || retention_us > kBriefUs) return of_one_size.size() < files ? SegmentRefs() : of_one_size;
  return most_crowded(of_one_size, files - 1);
}

bool folded_everywhere(const ManifestState& state, const SegmentInfo& segment) {
  return std::ranges::all_of(state.schema()->rollups, [&](const Rollup& rollup) {
    const std::vector<Tier> tiers = kept_tiers(rollup);
    return tiers.empty() || std::ranges::all_of(segment.days, [&](const SegmentDay& day) {
             return state.progress({rollup.id, tiers.front(), day.day}).folded_lsn >= last_lsn_of(segment, day);
           });
  });
}

// Raw goes from its oldest records on, by arrival.
void plan_raw_drop(const ManifestState& state, TimeUs wall_us, DropTask& task) {
  const TimeUs before_us = drop_before(std::min(wall_us, state.newest_arrival_us), state.schema()->raw_retention_us);
  SegmentRefs raw = segments_of(state, 0, Tier::kRaw);
  std::ranges::sort(raw, {}, [](const SegmentInfo* segment) { return segment->max_lsn; });
  const auto stays = std::ranges::find_if(raw, [&](const SegmentInfo* segment) {
    return segment->newest_arrival_us == 0 || segment->newest_arrival_us >= before_us || segment->days.empty() ||
           !folded_everywhere(state, *segment);
  });
  Lsn first_left = UINT64_MAX;
  for (auto at = stays; at != raw.end(); ++at) first_left = std::min(first_left, (*at)->min_lsn);
  uint64_t events = 0;
  for (auto at = raw.begin(); at != stays && (*at)->max_lsn < first_left; ++at) {
    task.segments.push_back((*at)->number);
    events += (*at)->events;
    for (const SegmentDay& day : (*at)->days) {
      TierProgress& progress = task.tiers[{0, Tier::kRaw, day.day}];
      progress.dropped_lsn = progress.folded_lsn = std::max(progress.dropped_lsn, (*at)->max_lsn);
    }
  }
  if (events == 0) return;
  const auto known = state.dropped_events.find(0);
  task.dropped_events[0] = events + (known == state.dropped_events.end() ? 0 : known->second);
}

}  // namespace

Lsn last_lsn_of(const SegmentInfo& raw, const SegmentDay& day) {
  return day.through_lsn != 0 ? day.through_lsn : raw.max_lsn;
}

std::optional<DropTask> plan_end(const ManifestState& state) {
  auto is_no_more = [&](uint32_t id) { return id != 0 && state.schema()->find_rollup(id) == nullptr; };
  DropTask task;
  for (const auto& [of, progress] : state.tiers) {
    if (is_no_more(of.rollup_id)) task.ended.push_back(of);
  }
  for (const auto& [number, segment] : state.segments) {
    if (is_no_more(segment.rollup_id)) task.segments.push_back(number);
  }
  if (task.ended.empty()) return std::nullopt;
  return task;
}

std::vector<FoldTask> plan_raw_folds(const ManifestState& state, const BackgroundPolicy& policy) {
  std::vector<FoldTask> tasks;
  const SegmentRefs raw = segments_of(state, 0, Tier::kRaw);
  for (const Rollup& rollup : state.schema()->rollups) {
    if (std::optional<FoldTask> task = raw_fold(state, policy, rollup, raw)) tasks.push_back(*std::move(task));
  }
  return tasks;
}

std::optional<RawPass> plan_raw_pass(const ManifestState& state, const BackgroundPolicy& policy) {
  std::vector<FoldTask> tasks = plan_raw_folds(state, policy);
  if (tasks.empty()) return std::nullopt;
  std::erase_if(tasks, [first = tasks.front()](const FoldTask& task) {
    return task.inputs != first.inputs || task.days != first.days;
  });
  return RawPass{std::move(tasks)};
}

std::vector<FoldTask> plan_tier_folds(const ManifestState& state, TimeUs wall_us, const BackgroundPolicy& policy) {
  std::vector<FoldTask> tasks;
  for (const Rollup& rollup : state.schema()->rollups) {
    for (Tier tier : kept_tiers(rollup)) {
      const Tier source = finer_tier(rollup, tier);
      if (source == Tier::kRaw) continue;
      std::ranges::move(TierFold(state, wall_us, policy, rollup, source, tier).tasks(), std::back_inserter(tasks));
    }
  }
  return tasks;
}

std::vector<FoldTask> plan_joins(const ManifestState& state, const BackgroundPolicy& policy) {
  std::vector<FoldTask> tasks;
  for (const Rollup& rollup : state.schema()->rollups) {
    for (Tier tier : kept_tiers(rollup)) {
      std::map<uint64_t, SegmentRefs> by_size;
      for (const SegmentInfo* segment : segments_of(state, rollup.id, tier)) {
        if (segment->size < policy.join_bytes_max) by_size[size_class(segment->size, policy)].push_back(segment);
      }
      for (const auto& [of, of_one_size] : by_size) {
        const TimeUs retention_us = rollup.retention_us[static_cast<size_t>(tier)];
        const SegmentRefs segments = worth_joining(of_one_size, retention_us, of == 0, policy.join_files);
        if (segments.empty()) continue;
        FoldTask task = join_task(state, rollup, tier, segments);
        if (leaves_fewer(task)) tasks.push_back(std::move(task));
      }
    }
  }
  return tasks;
}

// What a question about a day has to open is what counts: files of different days are left apart. The smallest ones go first, so
// that large files are not written again and again.
std::vector<FoldTask> plan_raw_joins(const ManifestState& state, const BackgroundPolicy& policy) {
  const TimeUs width_us = std::max<TimeUs>(state.schema()->raw_retention_us / 7, 1);
  std::map<std::pair<uint32_t, TimeUs>, SegmentRefs> groups;  // by version and stretch of arrival
  for (const SegmentInfo* segment : segments_of(state, 0, Tier::kRaw)) {
    const bool known = segment->newest_arrival_us != 0 && !segment->days.empty();
    if (!known || segment->size >= policy.join_bytes_max || !folded_everywhere(state, *segment)) continue;
    groups[{segment->schema_version, segment->newest_arrival_us / width_us}].push_back(segment);
  }
  std::vector<FoldTask> tasks;
  for (const auto& [of, all] : groups) {
    const bool closed = of.second < state.newest_arrival_us / width_us;
    SegmentRefs segments = most_crowded(all, policy.join_files * (closed ? 1 : 2));
    std::ranges::stable_sort(segments, {}, &SegmentInfo::size);
    size_t count = 0;
    for (uint64_t bytes = 0; count < std::min(segments.size(), 2 * policy.join_files); ++count) {
      bytes += segments[count]->size;
      if (bytes > policy.join_bytes_max) break;
    }
    if (count < 2) continue;
    segments.resize(count);
    FoldTask task{.rollup_id = 0, .tier = Tier::kRaw, .source = Tier::kRaw, .inputs = {}, .days = {}};
    for (const SegmentInfo* segment : segments) task.inputs.push_back(segment->number);
    std::ranges::sort(task.inputs);
    tasks.push_back(std::move(task));
  }
  return tasks;
}

std::optional<DropTask> plan_drop(const ManifestState& state, TimeUs wall_us, bool confirmed) {
  if (wall_us == INT64_MIN || state.newest_event_us == 0) return std::nullopt;
  DropTask task;
  for (const Rollup& rollup : state.schema()->rollups) {
    for (Tier tier : kept_tiers(rollup)) {
      TierDrop(state, std::min(wall_us, state.newest_event_us), rollup, tier).plan(confirmed, task);
    }
  }
  plan_raw_drop(state, wall_us, task);
  if (task.tiers.empty() && task.segments.empty()) return std::nullopt;
  return task;
}

std::optional<BackgroundJob> plan_job(const ManifestState& state, TimeUs wall_us, const BackgroundPolicy& policy) {
  if (auto end = plan_end(state)) return *std::move(end);
  if (auto pass = plan_raw_pass(state, policy)) return *std::move(pass);
  if (auto folds = plan_tier_folds(state, wall_us, policy); !folds.empty()) return std::move(folds.front());
  if (auto joins = plan_joins(state, policy); !joins.empty()) return std::move(joins.front());
  if (auto drop = plan_drop(state, wall_us)) return *std::move(drop);
  if (auto joins = plan_raw_joins(state, policy); !joins.empty()) return std::move(joins.front());
  return std::nullopt;
}

Status fold_edit(const ManifestState& state, const FoldTask& task, std::span<const SegmentInfo> outputs,
                 ManifestEdit& edit) {
  for (uint64_t number : task.inputs) {
    if (!state.segments.contains(number)) {
      return fail(Code::kNotFound, "segment " + std::to_string(number) + " is no longer live");
    }
  }
  if (task.rollup_id != 0 && state.schema()->find_rollup(task.rollup_id) == nullptr) {
    return fail(Code::kNotFound, "rollup " + std::to_string(task.rollup_id) + " was dropped");
  }
  edit.add_segments.insert(edit.add_segments.end(), outputs.begin(), outputs.end());
  if (task.joins()) {
    edit.remove_segments = task.inputs;
    return {};
  }
  for (const FoldTask::Day& day : task.days) {
    const TierDay of{task.rollup_id, task.tier, day.day};
    TierProgress progress = state.progress(of);
    // A rollup that came later lacks what raw had dropped of the day by then, in every tier.
    if (progress.folded_lsn == 0) {
      const uint32_t source = task.source == Tier::kRaw ? 0 : task.rollup_id;
      progress.dropped_lsn = state.progress({source, task.source, day.day}).dropped_lsn;
    }
    progress.folded_lsn = day.through;
    edit.tiers[of] = progress;
  }
  return {};
}

void drop_edit(const DropTask& task, ManifestEdit& edit) {
  edit.tiers = task.tiers;
  edit.ended_tiers = task.ended;
  edit.dropped_events = task.dropped_events;
  edit.remove_segments = task.segments;
}

}  // namespace tally

#include "engine/retention_preview.h"

#include <algorithm>

namespace tally {
namespace {

void add_section(const SegmentInfo& info, const SegmentDay& day, RetentionLine& line) {
  ++line.files;
  line.rows += day.rows;
  line.events += day.events;
  line.bytes += static_cast<uint64_t>(static_cast<unsigned __int128>(info.size) * day.rows / info.rows);
}

// The day's sections that `task` drops.
RetentionLine line_of(const ManifestState& state, const DropTask& task, const TierDay& of) {
  RetentionLine line{.rollup_id = of.rollup_id, .tier = of.tier, .day = of.day};
  const Lsn dropped = state.progress(of).dropped_lsn;
  for (const auto& [number, info] : state.segments) {
    if (info.rollup_id != of.rollup_id || info.tier != of.tier) continue;
    const bool raw = of.tier == Tier::kRaw;
    if (raw && std::ranges::find(task.segments, number) == task.segments.end()) continue;
    for (const SegmentDay& day : info.days) {
      if (day.day == of.day && (raw || day.through_lsn > dropped)) add_section(info, day, line);
    }
  }
  return line;
}

}  // namespace

std::vector<RetentionLine> preview_retention(const ManifestState& state, const Schema& next, TimeUs wall_us) {
  ManifestState then = state;
  then.schemas.push_back(std::make_shared<const Schema>(next));
  const std::optional<DropTask> all = plan_drop(then, wall_us, true);
  const std::optional<DropTask> unasked = plan_drop(then, wall_us);
  std::vector<RetentionLine> lines;
  if (!all) return lines;
  for (const auto& [of, progress] : all->tiers) {
    RetentionLine line = line_of(state, *all, of);
    line.held = !unasked || !unasked->tiers.contains(of);
    lines.push_back(line);
  }
  return lines;
}

HeldDrops held_drops(const ManifestState& state, TimeUs wall_us) {
  const DropTask all = plan_drop(state, wall_us, true).value_or(DropTask{});
  const DropTask unasked = plan_drop(state, wall_us).value_or(DropTask{});
  return {.days = all.tiers.size() - unasked.tiers.size(), .events = all.events - unasked.events};
}

}  // namespace tally

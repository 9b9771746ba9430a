#include "engine/cover.h"

#include <algorithm>

#include "engine/fold_plan.h"
#include "engine/rollup_shape.h"

namespace tally {
namespace {

TimeUs floor_to(TimeUs time, TimeUs width) {
  const TimeUs rest = time % width;
  return time - (rest < 0 ? rest + width : rest);
}

TimeUs ceil_to(TimeUs time, TimeUs width) {
  const TimeUs floor = floor_to(time, width);
  return floor == time ? time : floor + width;
}

class CoverMaker {
 public:
  CoverMaker(const ManifestState& state, const CoverRequest& request) : state_(state), request_(request) {
    const Rollup* rollup = request.rollup_id == 0 ? nullptr : state.schema()->find_rollup(request.rollup_id);
    if (rollup != nullptr) {
      for (Tier tier : kept_tiers(*rollup)) {
        if (tier <= request.coarsest) tiers_.insert(tiers_.begin(), tier);
      }
      // A tier that is too coarse to be read still says nothing of what a finer one has: each is complete by itself.
    }
    tiers_.push_back(Tier::kRaw);
    for (const auto& [number, segment] : state.segments) {
      if (segment.rollup_id != 0 && segment.rollup_id != request.rollup_id) continue;
      for (const SegmentDay& day : segment.days) {
        if (is_asked_for(day.day)) sections_.push_back({segment.tier, day.day, &segment, &day});
      }
    }
    std::ranges::stable_sort(sections_, {}, &Section::place);
  }

  Cover run() {
    for (int32_t day : days()) {
      const TimeUs begin = TimeUs{day} * kMicrosPerDay;
      cover_range(day, std::max(begin, request_.from), std::min(begin + kMicrosPerDay, request_.to), 0);
    }
    join_parts();
    return std::move(cover_);
  }

 private:
  struct Section {
    Tier tier;
    int32_t number;  // of the day
    const SegmentInfo* segment;
    const SegmentDay* day;
    std::pair<Tier, int32_t> place() const { return {tier, number}; }
  };

  bool is_asked_for(int32_t day) const {
    const TimeUs begin = TimeUs{day} * kMicrosPerDay;
    return begin < request_.to && begin + kMicrosPerDay > request_.from;
  }

  uint32_t rollup_of(Tier tier) const { return tier == Tier::kRaw ? 0 : request_.rollup_id; }
  TierProgress progress(Tier tier, int32_t day) const { return state_.progress({rollup_of(tier), tier, day}); }

  // Of which anything is known, whether or not it is still there.
  std::vector<int32_t> days() const {
    std::vector<int32_t> days;
    const auto add = [&](int32_t day) {
      if (days.empty() || days.back() != day) days.push_back(day);
    };
    for (const Section& section : sections_) add(section.number);
    for (const auto& [of, known] : state_.tiers) {
      if ((of.rollup_id == 0 || of.rollup_id == request_.rollup_id) && is_asked_for(of.day)) add(of.day);
    }
    std::ranges::sort(days);
    days.erase(std::unique(days.begin(), days.end()), days.end());
    return days;
  }

  // [from, to) lies in the day. tiers_[first] is the coarsest that may be the base.
  void cover_range(int32_t day, TimeUs from, TimeUs to, size_t first) {
    for (size_t base = first; base < tiers_.size() && from < to; ++base) {
      const Tier tier = tiers_[base];
      const TierProgress known = progress(tier, day);
      if (known.dropped_lsn != 0) continue;
      if (tier != Tier::kRaw && known.folded_lsn == 0) continue;
      const TimeUs inner_from = ceil_to(from, tier_us(tier)), inner_to = floor_to(to, tier_us(tier));
      if (inner_from >= inner_to) continue;
      add_stack(day, inner_from, inner_to, base);
      cover_range(day, from, inner_from, base + 1);
      cover_range(day, inner_to, to, base + 1);
      return;
    }
    if (from >= to) return;
    if (!cover_.first_missing_day) cover_.first_missing_day = day;
    cover_.last_missing_day = day;
  }

  // The base up to what it has folded, and what is above from each finer source.
  void add_stack(int32_t day, TimeUs from, TimeUs to, size_t base) {
    Lsn above = 0;
    for (size_t at = base; at < tiers_.size(); ++at) {
      const Tier tier = tiers_[at];
      add_part(day, tier, from, to, above);
      above = std::max(above, progress(tier, day).folded_lsn);
    }
  }

  static uint64_t share_of_day(uint64_t rows, TimeUs length) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(rows) * static_cast<uint64_t>(length) / kMicrosPerDay);
  }

  void add_part(int32_t day, Tier tier, TimeUs from, TimeUs to, Lsn above) {
    uint64_t rows = 0;
    for (const Section& section : std::ranges::equal_range(sections_, std::pair(tier, day), {}, &Section::place)) {
      const bool taken =
          tier == Tier::kRaw ? last_lsn_of(*section.segment, *section.day) > above : section.day->above_lsn >= above;
      if (taken) rows += section.day->rows;
    }
    if (rows == 0) return;
    cover_.rows += std::max<uint64_t>(1, share_of_day(rows, to - from));
    cover_.parts.push_back({rollup_of(tier), tier, from, to, above});
  }

  // Neighbours in time of one source and LSN become one.
  void join_parts() {
    auto source = [](const CoverPart& part) { return std::tuple(part.tier, part.above, part.from); };
    std::ranges::sort(cover_.parts, std::greater(), source);
    std::ranges::reverse(cover_.parts);
    std::vector<CoverPart> joined;
    for (const CoverPart& part : cover_.parts) {
      const bool follows = !joined.empty() && joined.back().tier == part.tier && joined.back().above == part.above &&
                           joined.back().to == part.from;
      if (follows)
        joined.back().to = part.to;
      else
        joined.push_back(part);
    }
    cover_.parts = std::move(joined);
  }

  const ManifestState& state_;
  const CoverRequest& request_;
  std::vector<Tier> tiers_;        // from the coarsest on; raw is the last
  std::vector<Section> sections_;  // of the days asked for, by place
  Cover cover_;
};

}  // namespace

Cover make_cover(const ManifestState& state, const CoverRequest& request) { return CoverMaker(state, request).run(); }

}  // namespace tally

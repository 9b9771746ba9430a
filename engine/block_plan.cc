#include "engine/block_plan.h"

#include <algorithm>

#include "base/clock.h"
#include "engine/encoding/selection.h"
#include "engine/segment_indexes.h"

namespace tally {

using namespace segment_format;  // NOLINT: this file reads a part of the format

namespace {

bool zone_may_match(const IntPredicate& predicate, int64_t min, int64_t max) {
  if (max < predicate.first() || min > predicate.last() || predicate.first() > predicate.last()) return false;
  if (predicate.is_range()) return true;
  auto next = std::lower_bound(predicate.values().begin(), predicate.values().end(), min);
  return next != predicate.values().end() && *next <= max;
}

// The codes that match; empty: too many of them.
std::vector<uint32_t> codes_of(const IntPredicate& predicate) {
  std::vector<uint32_t> codes;
  if (!predicate.is_range()) {
    if (predicate.values().size() > kIndexCodesMax) return codes;
    for (int64_t value : predicate.values()) {
      if (value >= 0 && value <= UINT32_MAX) codes.push_back(static_cast<uint32_t>(value));
    }
    return codes;
  }
  int64_t first = std::max<int64_t>(predicate.first(), 0), last = std::min<int64_t>(predicate.last(), UINT32_MAX);
  if (first > last || static_cast<uint64_t>(last - first) >= kIndexCodesMax) return codes;
  for (int64_t code = first; code <= last; ++code) codes.push_back(static_cast<uint32_t>(code));
  return codes;
}

class Planner {
 public:
  Planner(const SegmentFile& segment, const ScanFilter& filter)
      : segment_(segment), footer_(segment.footer()), filter_(filter), alive_(footer_.blocks.size(), 1) {
    left_ = plan_.counts.all = footer_.blocks.size();
  }

  Result<BlockPlan> run() {
    ask_times();
    for (const ScanPredicate& predicate : filter_.predicates) ask_sort_order(predicate);
    for (const ScanPredicate& predicate : filter_.predicates) ask_zones(predicate);
    for (const ScanPredicate& predicate : filter_.predicates) TALLY_TRY(ask_index(predicate));
    for (const ScanPredicate& predicate : filter_.predicates) TALLY_TRY(ask_id_filter(predicate));
    plan_.blocks.reserve(left_);
    for_each_alive([this](uint32_t block) { plan_.blocks.push_back(block); });
    return std::move(plan_);
  }

 private:
  template <class May>
  void keep(uint64_t& counter, May may_match) {
    if (left_ == 0) return;
    for_each_alive([&](uint32_t block) {
      if (may_match(block)) return;
      alive_[block] = 0;
      --left_;
      ++counter;
    });
  }

  template <class Each>
  void for_each_alive(Each each) {
    for (const SegmentReader::Section* section : days_) {
      const uint32_t end = section->first_block + section->blocks;
      for (uint32_t block = section->first_block; block < end; ++block) {
        if (alive_[block] != 0) each(block);
      }
    }
  }

  // Of days that are not asked for no block is looked at.
  void ask_times() {
    const int32_t first = utc_day(filter_.from), last = utc_day(filter_.to);
    for (const SegmentReader::Section& section : footer_.sections) {
      if (section.day >= first && section.day <= last) {
        days_.push_back(&section);
      } else {
        left_ -= section.blocks;
        plan_.counts.by_time += section.blocks;
      }
    }
    keep(plan_.counts.by_time, [this](uint32_t block) {
      const SegmentReader::BlockInfo& info = footer_.blocks[block].info;
      return info.min_time < filter_.to && info.max_time >= filter_.from;
    });
  }

  // Within a day the rows are sorted by the first dimension, so that the zones of its blocks ascend.
  void ask_sort_order(const ScanPredicate& predicate) {
    const std::vector<uint32_t> dimensions = stored_dimensions(*footer_.schema, footer_.rollup_id);
    if (dimensions.empty() || dimensions.front() != predicate.column_id) return;
    const ColumnZones* zones = footer_.find_zones(predicate.column_id);
    const IntPredicate* codes = std::get_if<IntPredicate>(&predicate.matches);
    if (zones == nullptr || codes == nullptr) return;
    for (const SegmentReader::Section* section : days_) {
      uint32_t begin = section->first_block, end = begin + section->blocks;
      auto max_of = zones->max.begin(), min_of = zones->min.begin();
      auto first = std::lower_bound(max_of + begin, max_of + end, codes->first()) - max_of;
      auto last = std::upper_bound(min_of + begin, min_of + end, codes->last()) - min_of;
      drop(begin, std::min<uint32_t>(end, static_cast<uint32_t>(first)));
      drop(std::max<uint32_t>(begin, static_cast<uint32_t>(last)), end);
      for (uint32_t block = static_cast<uint32_t>(first); block < static_cast<uint32_t>(last); ++block) {
        if (!zone_may_match(*codes, zones->min[block], zones->max[block])) drop(block, block + 1);
      }
    }
  }

  void drop(uint32_t begin, uint32_t end) {
    for (uint32_t block = begin; block < end; ++block) {
      left_ -= alive_[block];
      plan_.counts.by_sort_order += alive_[block];
      alive_[block] = 0;
    }
  }

  void ask_zones(const ScanPredicate& predicate) {
    const IntPredicate* ints = std::get_if<IntPredicate>(&predicate.matches);
    const ColumnZones* zones = footer_.find_zones(predicate.column_id);
    if (zones != nullptr && ints != nullptr) {
      keep(plan_.counts.by_zone,
           [&](uint32_t block) { return zone_may_match(*ints, zones->min[block], zones->max[block]); });
      return;
    }
    if (has_column(predicate.column_id)) return;
    bool null_matches = predicate.is_dimension && ints != nullptr && ints->matches(kNullCode);
    keep(plan_.counts.by_zone, [&](uint32_t) { return null_matches; });
  }

  // Of the schema, or the engine's own.
  bool has_column(uint32_t column_id) const {
    return std::any_of(footer_.columns.begin(), footer_.columns.end(),
                       [column_id](const StoredColumn& column) { return column.id == column_id; });
  }

  Status ask_index(const ScanPredicate& predicate) {
    const IntPredicate* ints = std::get_if<IntPredicate>(&predicate.matches);
    if (ints == nullptr || left_ == 0) return {};
    std::vector<uint32_t> codes = codes_of(*ints);
    if (codes.empty()) return {};
    TALLY_ASSIGN_OR_RETURN(auto index, segment_.block_index(predicate.column_id));
    if (!index) return {};
    std::vector<uint64_t> words(selection_words(alive_.size()));
    if (Status asked = index->index.select_any(codes, words); !asked) {
      return std::unexpected(std::move(asked).error().with_context(segment_.path() + ": the block index of column \"" +
                                                                   column_name(*footer_.schema, predicate.column_id) +
                                                                   "\""));
    }
    keep(plan_.counts.by_index, [&](uint32_t block) { return is_selected(words, block); });
    return {};
  }

  // The filter is about the file as a whole.
  Status ask_id_filter(const ScanPredicate& predicate) {
    const IdPredicate* ids = std::get_if<IdPredicate>(&predicate.matches);
    if (ids == nullptr || left_ == 0) return {};
    TALLY_ASSIGN_OR_RETURN(auto loaded, segment_.id_filter());
    if (!loaded) return {};
    auto may_be_there = [&](const IdPredicate::Id& id) {
      return loaded->filter.may_contain(filter_hash(id.kind, id.slot));
    };
    const bool any = std::any_of(ids->ids().begin(), ids->ids().end(), may_be_there);
    keep(plan_.counts.by_id_filter, [&](uint32_t) { return any; });
    return {};
  }

  const SegmentFile& segment_;
  const Footer& footer_;
  const ScanFilter& filter_;
  std::vector<const SegmentReader::Section*> days_;  // with blocks whose rows may match; all others are not alive
  std::vector<uint8_t> alive_;
  uint64_t left_ = 0;
  BlockPlan plan_;
};

}  // namespace

Result<BlockPlan> plan_blocks(const SegmentFile& segment, const ScanFilter& filter) {
  return Planner(segment, filter).run();
}

}  // namespace tally

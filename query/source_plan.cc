#include "query/source_plan.h"

#include <algorithm>
#include <set>

#include "base/timestamp.h"
#include "engine/rollup_shape.h"
#include "engine/segment_format.h"

namespace tally {
namespace {

using namespace segment_format;  // NOLINT: the ids of the engine's measures

// What a query needs of a rollup; `raw_only`: none has it.
struct Needs {
  bool raw_only = false;
  std::set<uint32_t> dimensions;
  std::vector<const Bucketer*> buckets;  // over the event time
};

class NeedsOf {
 public:
  explicit NeedsOf(const BoundSelect& select) : select_(select) {}

  Needs run(const PushedDown& pushed) {
    needs_.raw_only = select_.source != BoundSelect::Source::kTable || !select_.aggregated || select_.from_raw;
    for (const ScanPredicate& predicate : pushed.filter.predicates) {
      if (predicate.is_dimension)
        needs_.dimensions.insert(predicate.column_id);
      else
        needs_.raw_only = true;
    }
    for (const BoundExpr* condition : pushed.rest) visit(*condition);
    for (const BoundExprPtr& key : select_.keys) visit(*key);
    return std::move(needs_);
  }

 private:
  void visit(const BoundExpr& expr) {
    if (expr.op == Op::kBucket && is_time(*expr.args[0]) && expr.bucketer != nullptr) {
      needs_.buckets.push_back(expr.bucketer.get());
      return;
    }
    if (expr.op == Op::kSlot) {
      const InputColumn& input = select_.inputs[expr.slot];
      if (input.source == InputColumn::Source::kDimension)
        needs_.dimensions.insert(input.column_id);
      else
        needs_.raw_only = true;
    }
    for (const BoundExprPtr& arg : expr.args) visit(*arg);
  }

  bool is_time(const BoundExpr& expr) const {
    return expr.op == Op::kSlot && select_.inputs[expr.slot].source == InputColumn::Source::kTime;
  }

  const BoundSelect& select_;
  Needs needs_;
};

std::optional<StoredMeasure> stored_measure(const BoundSelect& select, const Aggregate& aggregate) {
  const RowFilter& filter = select.filters[aggregate.filter];
  // A COUNT that came with a later version is none of the engine's own: it does not count the rows before it.
  const bool of_every_version = filter.since_version <= 1;
  if (aggregate.function == AggregateFunction::kCountRows && filter.condition == nullptr && of_every_version) {
    switch (filter.rows) {
      case RowClass::kEvents: return StoredMeasure{kEventsColumn};
      case RowClass::kDuplicates: return StoredMeasure{kDuplicatesColumn};
      case RowClass::kConflicts: return StoredMeasure{kConflictsColumn};
      case RowClass::kLate: return StoredMeasure{kLateColumn};
      case RowClass::kRetracted: return StoredMeasure{kRetractedColumn};
      case RowClass::kAdditive: return StoredMeasure{kEventsColumn, kRetractedColumn};
      case RowClass::kAll: return std::nullopt;
    }
  }
  if (aggregate.measure_id == 0) return std::nullopt;
  return StoredMeasure{aggregate.measure_id};
}

class Planner {
 public:
  Planner(const BoundSelect& select, const PushedDown& pushed)
      : select_(select),
        state_(select.snapshot->manifest()),
        schema_(*state_.schema()),
        needs_(NeedsOf(select).run(pushed)) {}

  Sql<SourcePlan> run() {
    find_measures();
    consider(0, Tier::kRaw);
    const Tier coarsest = needs_.raw_only ? Tier::kRaw : coarsest_tier();
    if (coarsest != Tier::kRaw) {
      for (const Rollup& rollup : schema_.rollups) {
        if (suffices(rollup)) consider(rollup.id, coarsest);
      }
    }
    SourcePlan plan;
    plan.rollup_id = best_rollup_;
    plan.measures = measures_;
    plan.rows = best_.rows;
    SQL_TRY(check_complete(coarsest, plan));
    add_parts(plan);
    return plan;
  }

 private:
  void find_measures() {
    if (needs_.raw_only) return;
    for (const Aggregate& aggregate : select_.aggregates) {
      const std::optional<StoredMeasure> stored = stored_measure(select_, aggregate);
      if (!stored) needs_.raw_only = true;
      measures_.push_back(stored.value_or(StoredMeasure{}));
    }
  }

  bool suffices(const Rollup& rollup) const {
    auto has = [](const std::vector<uint32_t>& ids, uint32_t id) { return std::ranges::find(ids, id) != ids.end(); };
    const bool dimensions =
        std::ranges::all_of(needs_.dimensions, [&](uint32_t id) { return has(rollup.dimension_ids, id); });
    return dimensions && std::ranges::all_of(measures_, [&](const StoredMeasure& measure) {
             return measure.column_id >= kEventsColumn || has(rollup.measure_ids, measure.column_id);
           });
  }

  // The coarsest buckets of which no bucket of the query cuts one.
  Tier coarsest_tier() const {
    const auto [from, to] = data_range();
    for (Tier tier : {Tier::kDay, Tier::kHour, Tier::kMinute}) {
      const bool whole = std::ranges::all_of(needs_.buckets, [&, begin = from, end = to](const Bucketer* bucketer) {
        return bucketer->cuts_only_at(tier_us(tier), begin, end);
      });
      if (whole) return tier;
    }
    return Tier::kRaw;
  }

  std::pair<TimeUs, TimeUs> data_range() const {
    TimeUs from = INT64_MAX, to = INT64_MIN;
    for (const auto& [number, segment] : state_.segments) {
      from = std::min(from, segment.min_time);
      to = std::max(to, segment.max_time);
    }
    return {std::max(from, select_.from), std::min(to, select_.to)};
  }

  void consider(uint32_t rollup_id, Tier coarsest) {
    Cover cover = make_cover(state_, {rollup_id, coarsest, select_.from, select_.to});
    const bool first = rollup_id == 0;
    const bool fewer_holes = cover.last_missing_day < best_.last_missing_day;  // nullopt is the least
    const bool cheaper = cover.last_missing_day == best_.last_missing_day && cover.rows < best_.rows;
    if (!first && !fewer_holes && !cheaper) return;
    best_ = std::move(cover);
    best_rollup_ = rollup_id;
  }

  // Without a lower bound a query over a table begins where what answers it begins.
  Sql<void> check_complete(Tier coarsest, SourcePlan& plan) const {
    if (!best_.last_missing_day || select_.source != BoundSelect::Source::kTable) return {};
    const TimeUs kept_from = (TimeUs{*best_.last_missing_day} + 1) * kMicrosPerDay;
    if (select_.from == INT64_MIN) {
      plan.complete_from = kept_from;
      return {};
    }
    std::string why =
        coarsest == Tier::kRaw ? "from its rows" : "in buckets this fine, by these dimensions and measures";
    return sql_fail(std::nullopt,
                    "table \"" + select_.table_name + "\" can answer this only from " + format_timestamp(kept_from) +
                        " on: " + "what came before is not kept " + why,
                    "; ask from there, or in coarser buckets with bounds that lie between them");
  }

  void add_parts(SourcePlan& plan) const {
    const TimeUs from = plan.complete_from.value_or(select_.from);
    for (const CoverPart& part : best_.parts) {
      SourcePart& out = plan.parts.emplace_back();
      out.source = {
          .segments = true, .memtable = false, .rollup_id = part.rollup_id, .tier = part.tier, .above = part.above};
      out.from = std::max(part.from, from);
      out.to = std::min(part.to, select_.to);
      if (out.from >= out.to) plan.parts.pop_back();
    }
    if (best_rollup_ == 0) plan.parts.clear();
    SourcePart& rest = plan.parts.emplace_back();
    rest.source = {.segments = best_rollup_ == 0, .memtable = true};
    rest.from = from;
    rest.to = select_.to;
  }

  const BoundSelect& select_;
  const ManifestState& state_;
  const Schema& schema_;
  Needs needs_;
  std::vector<StoredMeasure> measures_;
  Cover best_;
  uint32_t best_rollup_ = 0;
};

}  // namespace

Sql<SourcePlan> plan_source(const BoundSelect& select, const PushedDown& pushed) {
  return Planner(select, pushed).run();
}

}  // namespace tally

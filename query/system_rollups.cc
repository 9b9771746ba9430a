#include "query/system_rollups.h"

#include <algorithm>

#include "base/interval.h"
#include "engine/cover.h"
#include "engine/fold_plan.h"
#include "engine/rollup_shape.h"

namespace tally {
namespace {

Datum text_or_null(const std::string& text) { return text.empty() ? Datum() : Datum::of_text(text); }

std::string dimension_names(const Schema& schema, const Rollup& rollup) {
  std::string names;
  for (uint32_t id : rollup.dimension_ids) names += (names.empty() ? "" : ", ") + schema.find_column(id)->name;
  return names;
}

// What one tier holds of what it has folded and not dropped.
struct TierFigures {
  uint64_t segments = 0, rows = 0, bytes = 0, events = 0, days = 0, dropped_days = 0;
  std::optional<int32_t> first_day, last_day;
};

TierFigures figures_of(const ManifestState& state, uint32_t rollup_id, Tier tier) {
  TierFigures figures;
  for (const auto& [number, info] : state.segments) {
    if (info.rollup_id != rollup_id || info.tier != tier) continue;
    ++figures.segments;
    figures.bytes += info.size;
    for (const SegmentDay& day : info.days) {
      if (day.through_lsn <= state.progress({rollup_id, tier, day.day}).dropped_lsn) continue;
      figures.rows += day.rows;
      figures.events += day.events;
    }
  }
  for (const auto& [of, progress] : state.tiers) {
    if (of.rollup_id != rollup_id || of.tier != tier) continue;
    if (progress.dropped_lsn != 0) {
      ++figures.dropped_days;
      continue;
    }
    ++figures.days;
    if (!figures.first_day) figures.first_day = of.day;
    figures.last_day = of.day;
  }
  return figures;
}

// From when on questions in buckets of the tier find all they need, in it or in what is finer. NULL: nothing is missing.
Datum complete_from(const ManifestState& state, uint32_t rollup_id, Tier tier) {
  const Cover cover = make_cover(state, {.rollup_id = rollup_id, .coarsest = tier});
  if (!cover.last_missing_day) return {};
  return Datum::of_time((TimeUs{*cover.last_missing_day} + 1) * kMicrosPerDay);
}

Datum day_or_null(const std::optional<int32_t>& day) {
  return day ? Datum::of_time(TimeUs{*day} * kMicrosPerDay) : Datum();
}

}  // namespace

Sql<SystemRows> system_rollups(Catalog& catalog) {
  SystemRows result;
  result.add_columns(SqlType::kString, {"table", "rollup", "tier", "dimensions", "retention"});
  result.add_columns(SqlType::kInt64, {"segments", "rows", "bytes", "events", "days", "dropped_days"});
  result.add_columns(SqlType::kTimestamp, {"first_day", "last_day", "complete_from"});
  result.add_columns(SqlType::kInt64, {"waiting_folds"});
  for (const std::string& name : catalog.table_names()) {
    auto snapshot = catalog.snapshot(name);
    if (!snapshot) continue;  // system.tables says why
    const ManifestState& state = (*snapshot)->manifest();
    std::vector<FoldTask> waiting = plan_raw_folds(state, {});
    std::ranges::move(plan_tier_folds(state, INT64_MIN, {}), std::back_inserter(waiting));
    for (const Rollup& rollup : state.schema()->rollups) {
      for (Tier tier : kept_tiers(rollup)) {
        const TierFigures figures = figures_of(state, rollup.id, tier);
        const auto due = std::ranges::count_if(
            waiting, [&](const FoldTask& task) { return task.rollup_id == rollup.id && task.tier == tier; });
        result.rows.push_back(
            {Datum::of_text(name), Datum::of_text(rollup.name), Datum::of_text(std::string(tier_name(tier))),
             Datum::of_text(dimension_names(*state.schema(), rollup)),
             Datum::of_text(format_duration(rollup.retention_us[static_cast<size_t>(tier)])), number(figures.segments),
             number(figures.rows), number(figures.bytes), number(figures.events), number(figures.days),
             number(figures.dropped_days), day_or_null(figures.first_day), day_or_null(figures.last_day),
             complete_from(state, rollup.id, tier), number(static_cast<uint64_t>(due))});
      }
    }
  }
  return result;
}

Sql<SystemRows> system_compactions(Catalog& catalog) {
  SystemRows result;
  result.add_columns(SqlType::kString, {"table"});
  result.add_columns(SqlType::kInt64,
                     {"folds", "joins", "drops", "rows_in", "rows_out", "bytes_written", "dropped_events", "busy_us"});
  result.add_columns(SqlType::kString, {"running", "stopped"});
  for (const std::string& name : catalog.table_names()) {
    auto stats = catalog.background(name);
    if (!stats) continue;
    result.rows.push_back({Datum::of_text(name), number(stats->folds), number(stats->joins), number(stats->drops),
                           number(stats->rows_in), number(stats->rows_out), number(stats->bytes_written),
                           number(stats->dropped_events), number(static_cast<uint64_t>(stats->busy_us)),
                           text_or_null(stats->running), text_or_null(stats->stopped)});
  }
  return result;
}

}  // namespace tally

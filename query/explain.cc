#include "query/explain.h"

#include "base/figures.h"
#include "base/timestamp.h"
#include "query/pushdown.h"
#include "query/source_plan.h"

namespace tally {
namespace {

// Parts that are not zero, in a sentence: "; spared: 12 by time, 3 by index".
class Spared {
 public:
  void add(uint64_t number, std::string_view by) {
    if (number == 0) return;
    text_ += (text_.empty() ? "; spared: " : ", ") + with_thousands(number) + " by " + std::string(by);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string_view source_name(InputColumn::Source source) {
  switch (source) {
    case InputColumn::Source::kDimension: return "dimension";
    case InputColumn::Source::kField: return "field";
    default: return "";
  }
}

class Explanation {
 public:
  explicit Explanation(const BoundSelect& select) : select_(select) {
    result_.columns.push_back({"plan", SqlType::kString, 0});
  }

  Sql<void> plan() {
    const PushedDown pushed = push_down(select_);
    SQL_TRY(source(pushed));
    if (select_.from != INT64_MIN) line("  from " + format_timestamp(select_.from));
    if (select_.to != INT64_MAX) line("  to " + format_timestamp(select_.to) + " (exclusive)");
    for (const std::string& predicate : pushed.predicates) line("  where " + predicate + ", asked of blocks");
    if (!stored_) {
      for (const std::string& mark : pushed.marked) line("  measured where " + mark + ", asked of blocks");
    }
    columns(pushed);
    if (!pushed.rest.empty()) line("filter rows by " + quantity(pushed.rest.size(), "condition") + " of WHERE");
    if (select_.aggregated) aggregation();
    if (select_.fill) line("fill gaps of time");
    if (select_.having != nullptr) line("filter groups by HAVING");
    if (!select_.order_by.empty()) line("order by " + quantity(select_.order_by.size(), "key"));
    if (select_.offset != 0) line("skip " + quantity(select_.offset, "row"));
    if (select_.limit != UINT64_MAX) line("at most " + quantity(select_.limit, "row"));
    return {};
  }

  void figures(const QueryStats& stats, uint64_t returned, int64_t elapsed_us) {
    if (select_.snapshot != nullptr) {
      const ScanStats& scan = stats.scan;
      Spared segments, blocks;
      segments.add(scan.segments_by_time, "time");
      line("segments: " + with_thousands(scan.segments - scan.segments_by_time) + " opened of " +
           with_thousands(scan.segments) + segments.text());
      blocks.add(scan.blocks.by_time, "time");
      blocks.add(scan.blocks.by_sort_order, "sort order");
      blocks.add(scan.blocks.by_zone, "zones");
      blocks.add(scan.blocks.by_index, "index");
      blocks.add(scan.blocks.by_id_filter, "id filter");
      line("blocks: " + with_thousands(scan.blocks.read) + " read of " + with_thousands(scan.blocks.all) +
           blocks.text());
      line("rows: " + with_thousands(scan.rows_read) + " looked at, " + with_thousands(scan.memtable_rows) +
           " of them in memory; " + with_thousands(scan.rows_selected) + " selected, " +
           (scan.rows_unmarked > 0 ? with_thousands(scan.rows_unmarked) + " of them without what is measured, " : "") +
           with_thousands(returned) + " returned");
      Spared memory;
      memory.add(scan.memtable_by_time, "time");
      memory.add(scan.memtable_by_order, "order of chunks");
      const uint64_t rows_in_memory = scan.memtable_rows + scan.memtable_by_time + scan.memtable_by_order;
      if (!memory.text().empty()) {
        line("memory: " + with_thousands(scan.memtable_rows) + " of " + with_thousands(rows_in_memory) + " rows" +
             memory.text());
      }
    }
    line("time: " + with_thousands(static_cast<uint64_t>(elapsed_us)) + " us");
  }

  QueryResult take() { return std::move(result_); }

 private:
  void line(std::string text) { result_.rows.push_back({to_cell(Datum::of_text(std::move(text)))}); }

  Sql<void> source(const PushedDown& pushed) {
    if (select_.snapshot == nullptr) {
      line(select_.table_name.empty() ? "one row" : "read " + select_.table_name);
      return {};
    }
    SQL_ASSIGN(const SourcePlan plan, plan_source(select_, pushed));
    stored_ = plan.rollup_id != 0;
    const std::string end = "and the memtable, at LSN " + std::to_string(select_.snapshot->lsn());
    if (plan.rollup_id == 0) {
      raw(end);
      return {};
    }
    const Rollup* rollup = select_.snapshot->manifest().schema()->find_rollup(plan.rollup_id);
    line("read " + select_.table_name + " from rollup " + rollup->name + ", about " + quantity(plan.rows, "row") +
         ", " + end);
    if (plan.complete_from) line("  complete from " + format_timestamp(*plan.complete_from));
    for (const SourcePart& source : plan.parts) part(source);
    return {};
  }

  void raw(const std::string& end) {
    uint64_t segments = 0, rows = 0;
    for (const auto& [number, segment] : select_.snapshot->manifest().segments) {
      if (segment.tier != Tier::kRaw) continue;
      ++segments;
      rows += segment.rows;
    }
    line("read " + select_.table_name + " from raw: " + quantity(segments, "segment") + " with " +
         quantity(rows, "row") + ", " + end);
  }

  void part(const SourcePart& part) {
    if (!part.source.segments) return;
    std::string text = "  " + std::string(tier_name(part.source.tier)) + " rows from " + format_timestamp(part.from) +
                       " to " + format_timestamp(part.to);
    if (part.source.above != 0) text += ", of records above LSN " + std::to_string(part.source.above);
    line(std::move(text));
  }

  void columns(const PushedDown& pushed) {
    for (size_t i = 0; i < select_.inputs.size(); ++i) {
      if (select_.snapshot != nullptr && !pushed.used[i]) continue;
      const InputColumn& input = select_.inputs[i];
      if (stored_ && input.source == InputColumn::Source::kField) continue;  // its measures are there already
      std::string_view kind = source_name(input.source);
      line("  column " + input.name + (kind.empty() ? "" : " (" + std::string(kind) + ")"));
    }
  }

  void aggregation() {
    line("group by " + quantity(select_.keys.size(), "key"));
    for (const Aggregate& aggregate : select_.aggregates) line("  " + aggregate.name);
  }

  const BoundSelect& select_;
  bool stored_ = false;  // a rollup answers
  QueryResult result_;
};

// Of an answer that is only counted.
class NoRows final : public RowSink {
 public:
  Status begin(std::span<const ResultColumn>) override { return {}; }
  Status take(std::span<const std::vector<Cell>>) override { return {}; }
};

}  // namespace

Sql<QueryResult> explain(const BoundSelect& select) {
  Explanation explanation(select);
  SQL_TRY(explanation.plan());
  return explanation.take();
}

Sql<QueryResult> explain_analyze(const BoundSelect& select, const Catalog& catalog, const QueryLimits& query_limits) {
  Explanation explanation(select);
  SQL_TRY(explanation.plan());
  const TimeUs begun = catalog.boottime_us();
  QueryLimits counted = query_limits;
  NoRows no_rows;
  counted.rows = &no_rows;
  SQL_ASSIGN(QueryResult answer, execute(select, counted));
  explanation.figures(answer.stats, answer.stats.rows, catalog.boottime_us() - begun);
  QueryResult result = explanation.take();
  result.stats = answer.stats;
  return result;
}

}  // namespace tally

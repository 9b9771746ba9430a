#include "query/executor.h"

#include <algorithm>
#include <optional>

#include "query/operators/aggregation.h"
#include "query/operators/gap_filling.h"
#include "query/operators/row_set.h"
#include "query/operators/row_stream.h"
#include "query/operators/table_reads.h"
#include "query/pushdown.h"

namespace tally {
namespace {

constexpr size_t kGroupsAtATime = 32'768;  // what is computed of them stays within a few MiB

// How many rows may be evaluated at a time: before groups, or of groups where there are any.
size_t rows_at_a_time(const BoundSelect& select, bool of_groups) {
  const auto any = [](const auto& list, auto expr_of) {
    return std::ranges::any_of(list, [&](const auto& item) {
      const BoundExprPtr& expr = expr_of(item);
      return expr != nullptr && makes_text(*expr);
    });
  };
  bool text = false;
  if (select.aggregated && !of_groups) {
    text = any(select.keys, [](const BoundExprPtr& key) -> const BoundExprPtr& { return key; }) ||
           any(select.filters, [](const RowFilter& filter) -> const BoundExprPtr& { return filter.condition; }) ||
           any(select.aggregates, [](const Aggregate& one) -> const BoundExprPtr& { return one.argument; });
  } else {
    text = any(select.outputs, [](const OutputColumn& output) -> const BoundExprPtr& { return output.expr; }) ||
           any(select.order_by, [](const OrderKey& key) -> const BoundExprPtr& { return key.expr; });
  }
  return text ? kTextRows : SIZE_MAX;
}

// One thread's way through its share of the rows.
class Pipeline {
 public:
  Pipeline(const BoundSelect& select, const PushedDown& pushed, MemoryBudget& budget, const QueryControl& control)
      : pushed_(pushed), kinds_(select), rows_at_a_time_(rows_at_a_time(select, false)) {
    memory_.budget = &budget;
    if (select.aggregated) aggregation_.emplace(select, memory_, budget, control);
  }

  Sql<void> aggregate(BlockSource& source) {
    while (true) {
      SQL_ASSIGN(const Block* block, source.next());
      if (block == nullptr) return {};
      SQL_ASSIGN(const Selection selected, select_rows(*block));
      SQL_TRY(in_pieces(selected, rows_at_a_time_, [&](Selection piece) { return aggregation_->add(*block, piece); }));
    }
  }

  Sql<void> collect(BlockSource& source, AnswerRows& rows) {
    while (!rows.full()) {
      SQL_ASSIGN(const Block* block, source.next());
      if (block == nullptr) return {};
      SQL_ASSIGN(const Selection selected, select_rows(*block));
      SQL_TRY(in_pieces(selected, rows_at_a_time_, [&](Selection piece) -> Sql<void> {
        if (piece.empty() || rows.full()) return {};
        return rows.add(*block, piece);
      }));
    }
    return {};
  }

  Aggregation& aggregation() { return *aggregation_; }
  MarkedRows* marked() { return pushed_.marked_only ? &*aggregation_ : nullptr; }
  EvaluationMemory& memory() { return memory_; }

 private:
  // Rows of the block that the query looks at.
  Sql<Selection> select_rows(const Block& block) {
    Selection selected = kinds_.select_rows(block, rows_memory_);
    for (const BoundExpr* condition : pushed_.rest) {
      if (selected.empty()) break;
      SQL_ASSIGN(rows_memory_, filter_rows(*condition, block, selected, memory_));
      selected = rows_memory_;
    }
    return selected;
  }

  const PushedDown& pushed_;
  EvaluationMemory memory_;
  KindFilter kinds_;
  const size_t rows_at_a_time_;
  std::vector<uint32_t> rows_memory_;
  std::optional<Aggregation> aggregation_;
};

class Execution {
 public:
  Execution(const BoundSelect& select, const QueryLimits& query_limits)
      : select_(select),
        limits_(query_limits),
        pushed_(push_down(select)),
        budget_(query_limits.memory_bytes, query_limits.all_queries),
        pipeline_(select, pushed_, budget_, query_limits.control),
        set_(select, pipeline_.memory(), budget_) {}

  Sql<QueryResult> run() {
    SQL_TRY(limits_.control.proceed(0));
    SQL_TRY(plan());
    QueryResult result;
    describe_columns(result);
    if (limits_.rows != nullptr && select_.order_by.empty()) {
      stream_.emplace(select_, pipeline_.memory(), budget_, limits_.control, result.columns, *limits_.rows);
    }
    if (select_.limit != 0) SQL_TRY(select_.aggregated ? run_aggregated() : run_plain());
    if (stream_) SQL_TRY(stream_->finish());
    result.handed_over = stream_.has_value();
    result.stats = stats_;
    if (reads_ != nullptr) result.stats.scan += reads_->stats();
    result.rows = set_.finish();
    result.stats.rows = stream_ ? stream_->rows() : result.rows.size();
    find_scales(result);
    return result;
  }

 private:
  Sql<void> plan() {
    if (select_.snapshot == nullptr) return {};
    SQL_ASSIGN(source_, plan_source(select_, pushed_));
    SQL_ASSIGN(reads_, TableReads::plan(select_, pushed_, source_, limits_.control));
    return {};
  }

  AnswerRows& rows() { return stream_ ? static_cast<AnswerRows&>(*stream_) : set_; }

  std::unique_ptr<BlockSource> open(size_t share, size_t shares, MarkedRows* marked) const {
    return reads_ == nullptr ? open_given_rows(select_) : reads_->open(share, shares, marked);
  }

  Sql<void> run_plain() {
    const std::unique_ptr<BlockSource> source = open(0, 1, nullptr);
    SQL_TRY(pipeline_.collect(*source, rows()));
    stats_.scan += source->stats().scan;
    return {};
  }

  size_t shares() const {
    if (reads_ == nullptr || limits_.pool == nullptr) return 1;
    const uint64_t worth = reads_->rows() / std::max<uint64_t>(1, limits_.rows_a_thread);
    return static_cast<size_t>(std::clamp<uint64_t>(worth, 1, limits_.pool->helpers() + 1));
  }

  // Each thread aggregates a share of the rows; groups come in the order of the shares, however long each takes.
  Sql<void> aggregate() {
    const size_t count = shares();
    std::vector<std::unique_ptr<Pipeline>> others;
    for (size_t i = 1; i < count; ++i) {
      others.push_back(std::make_unique<Pipeline>(select_, pushed_, budget_, limits_.control));
    }
    std::vector<Sql<void>> outcomes(count);
    std::vector<QueryStats> stats(count);
    const auto run_share = [&](size_t share) {
      Pipeline& pipeline = share == 0 ? pipeline_ : *others[share - 1];
      const std::unique_ptr<BlockSource> source = open(share, count, pipeline.marked());
      outcomes[share] = pipeline.aggregate(*source);
      stats[share] = source->stats();
    };
    if (count == 1) {
      run_share(0);
    } else {
      limits_.pool->run(count, run_share);
    }
    for (size_t i = 0; i < count; ++i) {
      SQL_TRY(std::move(outcomes[i]));
      stats_.scan += stats[i].scan;
    }
    for (const auto& other : others) SQL_TRY(pipeline_.aggregation().combine(other->aggregation()));
    return {};
  }

  Sql<void> run_aggregated() {
    SQL_TRY(aggregate());
    SQL_ASSIGN(auto groups, pipeline_.aggregation().finish());
    if (select_.fill) SQL_TRY(fill_gaps(select_, limits_.filled_groups, limits_.memory_bytes, *groups));
    // Groups go on in pieces, so that what is computed from them stays small.
    const size_t size = std::min<size_t>(kGroupsAtATime, rows_at_a_time(select_, true));
    const bool all_at_once = groups->shown.size() <= size && !stream_;
    for (size_t at = 0; at < groups->shown.size() && !rows().full(); at += size) {
      SQL_TRY(limits_.control.proceed(0));
      size_t end = std::min(at + size, groups->shown.size());
      std::vector<uint32_t> piece(groups->shown.begin() + static_cast<ptrdiff_t>(at),
                                  groups->shown.begin() + static_cast<ptrdiff_t>(end));
      if (select_.having != nullptr) {
        SQL_ASSIGN(piece, filter_rows(*select_.having, groups->block, piece, pipeline_.memory()));
      }
      SQL_TRY(all_at_once ? set_.add_only(groups->block, piece) : rows().add(groups->block, piece));
    }
    return {};
  }

  void describe_columns(QueryResult& result) const {
    for (const OutputColumn& output : select_.outputs) {
      result.columns.push_back({output.name, output.expr->type, scale_before_rows(select_, *output.expr)});
    }
  }

  static void find_scales(QueryResult& result) {
    for (size_t i = 0; i < result.columns.size(); ++i) {
      for (const auto& row : result.rows) result.columns[i].scale = std::max(result.columns[i].scale, row[i].scale);
    }
  }

  const BoundSelect& select_;
  const QueryLimits& limits_;
  const PushedDown pushed_;
  MemoryBudget budget_;
  SourcePlan source_;
  std::unique_ptr<TableReads> reads_;  // nullptr: the rows are given
  Pipeline pipeline_;                  // of this thread
  RowSet set_;                         // of an answer that waits for its last row
  std::optional<RowStream> stream_;    // of one that does not
  QueryStats stats_;                   // of what is read
};

}  // namespace

Sql<QueryResult> execute(const BoundSelect& select, const QueryLimits& query_limits) {
  return Execution(select, query_limits).run();
}

}  // namespace tally

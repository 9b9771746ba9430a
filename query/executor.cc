#include "query/executor.h"

#include <algorithm>

#include "query/operators/aggregation.h"
#include "query/operators/block_source.h"
#include "query/operators/gap_filling.h"
#include "query/operators/row_set.h"
#include "query/pushdown.h"

namespace tally {
namespace {

class Execution {
 public:
  Execution(const BoundSelect& select, const QueryLimits& query_limits)
      : select_(select),
        limits_(query_limits),
        pushed_(push_down(select)),
        kinds_(select),
        rows_(select, memory_, query_limits.memory_bytes) {}

  Sql<QueryResult> run() {
    SQL_TRY(limits_.control.proceed(0));
    bool nothing = select_.limit == 0;
    SourcePlan plan;
    if (select_.snapshot != nullptr) {
      SQL_ASSIGN(plan, plan_source(select_, pushed_));
    }
    std::unique_ptr<BlockSource> source = open_source(select_, pushed_, plan);
    if (!nothing) SQL_TRY(select_.aggregated ? run_aggregated(*source) : run_plain(*source));
    QueryResult result;
    result.stats = source->stats();
    result.rows = rows_.finish();
    describe_columns(result);
    return result;
  }

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

  Sql<void> run_plain(BlockSource& source) {
    while (!rows_.full()) {
      SQL_ASSIGN(const Block* block, source.next());
      if (block == nullptr) break;
      SQL_TRY(limits_.control.proceed(block->rows));
      SQL_ASSIGN(const Selection selected, select_rows(*block));
      if (!selected.empty()) SQL_TRY(rows_.add(*block, selected));
    }
    return {};
  }

  Sql<void> run_aggregated(BlockSource& source) {
    Aggregation aggregation(select_, memory_, limits_.memory_bytes);
    while (true) {
      SQL_ASSIGN(const Block* block, source.next());
      if (block == nullptr) break;
      SQL_TRY(limits_.control.proceed(block->rows));
      SQL_ASSIGN(const Selection selected, select_rows(*block));
      SQL_TRY(aggregation.add(*block, selected));
    }
    SQL_ASSIGN(auto groups, aggregation.finish());
    if (select_.fill) SQL_TRY(fill_gaps(select_, limits_.filled_groups, limits_.memory_bytes, *groups));
    // Groups go on in pieces, so that what is computed from them stays small.
    constexpr size_t kPiece = 8'192;
    for (size_t at = 0; at < groups->shown.size() && !rows_.full(); at += kPiece) {
      SQL_TRY(limits_.control.proceed(0));
      size_t end = std::min(at + kPiece, groups->shown.size());
      std::vector<uint32_t> piece(groups->shown.begin() + static_cast<ptrdiff_t>(at),
                                  groups->shown.begin() + static_cast<ptrdiff_t>(end));
      if (select_.having != nullptr) {
        SQL_ASSIGN(piece, filter_rows(*select_.having, groups->block, piece, memory_));
      }
      SQL_TRY(rows_.add(groups->block, piece));
    }
    return {};
  }

  void describe_columns(QueryResult& result) const {
    for (size_t i = 0; i < select_.outputs.size(); ++i) {
      ResultColumn column{select_.outputs[i].name, select_.outputs[i].expr->type, 0};
      for (const auto& row : result.rows) column.scale = std::max(column.scale, row[i].scale);
      result.columns.push_back(std::move(column));
    }
  }

  const BoundSelect& select_;
  const QueryLimits limits_;
  const PushedDown pushed_;
  EvaluationMemory memory_;
  KindFilter kinds_;
  RowSet rows_;
  std::vector<uint32_t> rows_memory_;
};

}  // namespace

Sql<QueryResult> execute(const BoundSelect& select, const QueryLimits& query_limits) {
  return Execution(select, query_limits).run();
}

}  // namespace tally

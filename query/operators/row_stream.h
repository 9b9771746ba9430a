// The rows of an answer that needs no order, on their way to a RowSink while they are made: cut to OFFSET and LIMIT, made distinct.
// In memory are a piece of them (kRows, or about kBytes and a row) and, for DISTINCT, the keys of all rows before.
// Threads: one.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "query/operators/row_set.h"
#include "query/query_control.h"

namespace tally {

class RowStream final : public AnswerRows {
 public:
  static constexpr size_t kRows = 1'024;
  static constexpr uint64_t kBytes = 256 * limits::kKiB;

  // All must outlive it. `select` has no ORDER BY.
  RowStream(const BoundSelect& select, EvaluationMemory& memory, MemoryBudget& budget, const QueryControl& control,
            std::span<const ResultColumn> columns, RowSink& sink)
      : select_(select), memory_(memory), budget_(budget), control_(control), columns_(columns), sink_(sink) {}

  // Hands over what the block gives, the last of it too: a client does not wait for rows that are there.
  Sql<void> add(const Block& block, Selection rows) override;
  bool full() const override { return rows_ >= select_.limit; }
  // Of an answer without rows the sink has not heard yet.
  Sql<void> finish() { return begin(); }
  uint64_t rows() const { return rows_; }

 private:
  Sql<void> begin();
  Sql<bool> is_new(const std::vector<Vector>& outputs, uint32_t i);
  void append(const std::vector<Vector>& outputs, uint32_t i);
  Sql<void> hand_over();

  const BoundSelect& select_;
  EvaluationMemory& memory_;
  MemoryBudget& budget_;
  const QueryControl& control_;
  const std::span<const ResultColumn> columns_;
  RowSink& sink_;
  bool begun_ = false;
  std::vector<std::vector<Cell>> piece_;  // the first waiting_ of them; the others keep their memory
  size_t waiting_ = 0;
  uint64_t bytes_ = 0;    // of those
  uint64_t skipped_ = 0;  // of OFFSET
  uint64_t rows_ = 0;     // that entered the answer
  std::unordered_set<std::string> seen_;
  uint64_t seen_bytes_ = 0;
};

// Digits after the point, as far as the expression tells.
uint8_t scale_before_rows(const BoundSelect& select, const BoundExpr& expr);

}  // namespace tally

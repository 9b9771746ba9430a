// What becomes of the rows that a SELECT selects: in RowSet they wait for the last, in RowStream (row_stream.h) they leave as they
// are made. Threads: one.
//
// RowSet, the rows of an answer: ordered, cut to LIMIT and OFFSET, made distinct. With a LIMIT only about twice as many rows as it
// lets through are kept at any time.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "query/bound.h"
#include "query/evaluate.h"
#include "query/memory_budget.h"

namespace tally {

class AnswerRows {
 public:
  virtual ~AnswerRows() = default;
  virtual Sql<void> add(const Block& block, Selection rows) = 0;
  virtual bool full() const = 0;  // no further row can enter the answer
};

// Of a row a column more: the keys of rows are equal where DISTINCT takes the rows for one.
void add_to_key(const Vector& values, uint32_t i, std::string& key);
// What row i shows.
void fill_cell(const Vector& values, uint32_t i, Cell& cell);
inline constexpr uint64_t kDistinctKeyBytes = 64;  // of such a key in a set, beside its text
// The answer takes more memory than one, or all together, may.
std::unexpected<SqlError> answer_too_large(MemoryBudget::Verdict verdict, const MemoryBudget& budget, uint64_t rows);

class RowSet final : public AnswerRows {
 public:
  RowSet(const BoundSelect& select, EvaluationMemory& memory, MemoryBudget& budget);
  Sql<void> add(const Block& block, Selection rows) override;
  // Instead of add(), where these are all the rows there are: cells are made of those that enter the answer, in their order, and
  // no keys are kept.
  Sql<void> add_only(const Block& block, Selection rows);
  bool full() const override;
  std::vector<std::vector<Cell>> finish();

 private:
  struct Row {
    std::vector<Datum> keys;
    std::vector<Cell> cells;
    uint64_t number = 0;  // equal keys stay in the order in which they came
    uint64_t bytes = 0;
  };
  struct Output {
    Vector values;
    bool of_chosen = false;  // of the rows chosen alone; otherwise of all
  };
  Sql<std::vector<Vector>> keys_of(const Block& block, Selection rows);
  Sql<std::vector<Output>> outputs_of(const Block& block, Selection rows, Selection chosen);
  static std::string distinct_key(const std::vector<Output>& outputs, uint32_t i);
  bool is_new(const std::vector<Output>& outputs, uint32_t i);
  std::vector<uint32_t> candidates(const std::vector<Vector>& keys, uint32_t size) const;
  bool before(const Row& a, const Row& b) const;
  void cut();
  Sql<void> check_memory();

  const BoundSelect& select_;
  EvaluationMemory& memory_;
  MemoryBudget& budget_;
  uint64_t keep_;  // OFFSET + LIMIT rows
  std::vector<Row> rows_;
  std::vector<std::vector<Cell>> ordered_;  // of add_only(): the answer
  std::unordered_set<std::string> seen_;
  uint64_t next_number_ = 0;
  uint64_t bytes_ = 0;     // of rows_, ordered_ and seen_
  uint64_t budgeted_ = 0;  // of them
};

}  // namespace tally

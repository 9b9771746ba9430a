// Evaluates bound expressions over selected rows of a block, column at a time. Only the branch a CASE or COALESCE takes is
// evaluated, so that what it guards against cannot fail. Errors: overflow, a cast of text that does not fit.
#pragma once

#include <vector>

#include "query/bound.h"
#include "query/memory_budget.h"
#include "query/sql_error.h"
#include "query/vector.h"

namespace tally {

// What evaluation remembers during one query: conditions over one dimension, by code; and whose memory the strings that it
// computes take (nullptr: nobody counts). One thread.
struct EvaluationMemory {
  enum class Outcome : uint8_t { kUnknownYet, kFalse, kTrue, kNull };
  std::vector<std::vector<Outcome>> by_code;  // by BoundExpr::slot of a kByCode
  MemoryBudget* budget = nullptr;
};

// Whether strings are computed on the way. Rows are evaluated by so many then, as each of them may take much memory.
bool makes_text(const BoundExpr& expr);
inline constexpr size_t kTextRows = 512;
// each(rows) in pieces of at most `most` rows.
template <class Each>
Sql<void> in_pieces(Selection rows, size_t most, Each each) {
  if (rows.size() <= most) return each(rows);
  for (size_t at = 0; at < rows.size(); at += most) {
    const size_t count = rows.size() - at < most ? rows.size() - at : most;
    SQL_TRY(each(Selection(rows.data() + at, count)));
  }
  return {};
}

Sql<Vector> evaluate(const BoundExpr& expr, const Block& block, Selection rows, EvaluationMemory& memory);

// The rows of `rows` for which `condition` is true.
Sql<std::vector<uint32_t>> filter_rows(const BoundExpr& condition, const Block& block, Selection rows,
                                       EvaluationMemory& memory);

// The value of an expression without slots.
Sql<Datum> evaluate_constant(const BoundExpr& expr);

// --- kernels, over vectors of the same size ---
Sql<Vector> evaluate_arithmetic(const BoundExpr& expr, const std::vector<Vector>& args, uint32_t size);
Sql<Vector> evaluate_rounding(const BoundExpr& expr, const std::vector<Vector>& args, uint32_t size);
Vector evaluate_comparison(Op op, const Vector& a, const Vector& b, uint32_t size);
int compare_values(const Vector& a, uint32_t i, const Vector& b, uint32_t j);  // neither is NULL
// `budget`: of the strings that they compute; may be nullptr.
Sql<Vector> evaluate_cast(const BoundExpr& expr, const Vector& from, uint32_t size, MemoryBudget* budget);
Sql<Vector> evaluate_text(const BoundExpr& expr, const std::vector<Vector>& args, uint32_t size, MemoryBudget* budget);
// PostgreSQL prints a value as text like this.
std::string text_of(const Vector& vector, uint32_t i);

}  // namespace tally

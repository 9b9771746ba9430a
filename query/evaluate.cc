#include "query/evaluate.h"

#include <algorithm>
#include <numeric>

namespace tally {
namespace {

class Evaluator {
 public:
  Evaluator(const Block& block, EvaluationMemory& memory) : block_(block), memory_(memory) {}

  Sql<Vector> run(const BoundExpr& expr, Selection rows) {
    uint32_t size = static_cast<uint32_t>(rows.size());
    switch (expr.op) {
      case Op::kConstant: return Vector::of_constant(expr.constant, size);
      case Op::kSlot: return load(block_.columns[expr.slot], rows);
      case Op::kAnd:
      case Op::kOr: return logic(expr, rows);
      case Op::kCase: return case_of(expr, rows);
      case Op::kCoalesce: return coalesce(expr, rows);
      case Op::kByCode: return by_code(expr, rows);
      default: break;
    }
    std::vector<Vector> args;
    for (const BoundExprPtr& arg : expr.args) {
      SQL_ASSIGN(Vector value, run(*arg, rows));
      args.push_back(std::move(value));
    }
    return apply(expr, args, size);
  }

 private:
  Sql<Vector> apply(const BoundExpr& expr, std::vector<Vector>& args, uint32_t size) {
    switch (expr.op) {
      case Op::kNegate:
      case Op::kAdd:
      case Op::kSubtract:
      case Op::kMultiply:
      case Op::kDivide:
      case Op::kRemainder:
      case Op::kAbs: return evaluate_arithmetic(expr, args, size);
      case Op::kRound:
      case Op::kTrunc:
      case Op::kFloor:
      case Op::kCeil: return evaluate_rounding(expr, args, size);
      case Op::kConcat:
      case Op::kLower:
      case Op::kUpper:
      case Op::kLength:
      case Op::kLike: return evaluate_text(expr, args, size, memory_.budget);
      case Op::kNot: return negation(args[0], size);
      case Op::kIsNull:
      case Op::kIsTrue:
      case Op::kIsFalse: return test(expr, args[0], size);
      case Op::kIn: return in_set(expr, args[0], size);
      case Op::kNullIf: return null_if(expr, args, size);
      case Op::kGreatest:
      case Op::kLeast: return extreme(expr, args, size);
      case Op::kCast: return evaluate_cast(expr, args[0], size, memory_.budget);
      case Op::kBucket: return bucket(expr, args[0], size);
      default: return evaluate_comparison(expr.op, args[0], args[1], size);
    }
  }

  // Three-valued: an operand that decides (FALSE for AND, TRUE for OR) wins over NULL. Rows already decided are not
  // looked at again.
  Sql<Vector> logic(const BoundExpr& expr, Selection rows) {
    bool decides = expr.op == Op::kOr;
    uint32_t size = static_cast<uint32_t>(rows.size());
    Vector result = Vector::of(SqlType::kBool, size);
    std::fill(result.bools.begin(), result.bools.end(), decides ? 0 : 1);
    std::vector<uint32_t> open(size), open_rows(rows.begin(), rows.end());
    std::iota(open.begin(), open.end(), 0);
    for (const BoundExprPtr& arg : expr.args) {
      SQL_ASSIGN(Vector value, run(*arg, open_rows));
      size_t kept = 0;
      for (uint32_t i = 0; i < value.size; ++i) {
        uint32_t at = open[i];
        if (!value.is_null(i) && value.boolean(i) == decides) {
          result.bools[at] = decides ? 1 : 0;
          if (!result.nulls.empty()) result.nulls[at] = 0;
          continue;
        }
        if (value.is_null(i)) result.set_null(at);
        open[kept] = at;
        open_rows[kept++] = open_rows[i];
      }
      open.resize(kept);
      open_rows.resize(kept);
    }
    return result;
  }

  // Rows that have not found their branch yet: positions in the result, and rows of the block.
  struct Pending {
    std::vector<uint32_t> positions, rows;
    void add(uint32_t position, uint32_t row) {
      positions.push_back(position);
      rows.push_back(row);
    }
  };

  Sql<void> place(const BoundExpr& value_expr, const Pending& taken, Vector& result) {
    if (taken.rows.empty()) return {};
    SQL_ASSIGN(Vector value, run(value_expr, taken.rows));
    for (uint32_t i = 0; i < value.size; ++i) result.set(taken.positions[i], value, i);
    result.kept.insert(result.kept.end(), value.kept.begin(), value.kept.end());
    return {};
  }

  static Pending all_of(Selection rows) {
    Pending pending;
    for (uint32_t i = 0; i < rows.size(); ++i) pending.add(i, rows[i]);
    return pending;
  }

  static Vector result_of(const BoundExpr& expr, Selection rows) {
    Vector result = Vector::of(expr.type, static_cast<uint32_t>(rows.size()));
    // Branches fill rows out of order, so every number carries its own scale.
    if (is_numeric(expr.type)) result.scales.assign(rows.size(), 0);
    return result;
  }

  Sql<Vector> case_of(const BoundExpr& expr, Selection rows) {
    Vector result = result_of(expr, rows);
    Pending pending = all_of(rows);
    size_t pairs = expr.args.size() / 2;
    for (size_t pair = 0; pair < pairs && !pending.rows.empty(); ++pair) {
      SQL_ASSIGN(Vector condition, run(*expr.args[pair * 2], pending.rows));
      Pending taken, rest;
      for (uint32_t i = 0; i < condition.size; ++i) {
        (condition.is_true(i) ? taken : rest).add(pending.positions[i], pending.rows[i]);
      }
      SQL_TRY(place(*expr.args[pair * 2 + 1], taken, result));
      pending = std::move(rest);
    }
    if (expr.args.size() % 2 == 1) {
      SQL_TRY(place(*expr.args.back(), pending, result));
    } else {
      for (uint32_t position : pending.positions) result.set_null(position);
    }
    return result;
  }

  Sql<Vector> coalesce(const BoundExpr& expr, Selection rows) {
    Vector result = result_of(expr, rows);
    Pending pending = all_of(rows);
    for (const BoundExprPtr& arg : expr.args) {
      SQL_ASSIGN(Vector value, run(*arg, pending.rows));
      Pending rest;
      for (uint32_t i = 0; i < value.size; ++i) {
        if (value.is_null(i)) {
          rest.add(pending.positions[i], pending.rows[i]);
        } else {
          result.set(pending.positions[i], value, i);
        }
      }
      result.kept.insert(result.kept.end(), value.kept.begin(), value.kept.end());
      pending = std::move(rest);
    }
    for (uint32_t position : pending.positions) result.set_null(position);
    return result;
  }

  // The condition is evaluated once for each code that the block brings for the first time.
  Sql<Vector> by_code(const BoundExpr& expr, Selection rows) {
    using Outcome = EvaluationMemory::Outcome;
    const BlockColumn& column = block_.columns[expr.code_slot];
    if (column.codes == nullptr) return run(*expr.args[0], rows);
    if (memory_.by_code.size() <= expr.slot) memory_.by_code.resize(expr.slot + 1);
    auto& outcomes = memory_.by_code[expr.slot];
    std::vector<uint32_t> first_rows;
    std::vector<uint32_t> new_codes;
    for (uint32_t row : rows) {
      uint32_t code = column.codes[row];
      if (code >= outcomes.size()) outcomes.resize(std::max<size_t>(code + 1, outcomes.size() * 2));
      if (outcomes[code] != Outcome::kUnknownYet) continue;
      outcomes[code] = Outcome::kNull;  // so that it is listed once; set below
      first_rows.push_back(row);
      new_codes.push_back(code);
    }
    if (!new_codes.empty()) {
      SQL_ASSIGN(Vector value, run(*expr.args[0], first_rows));
      for (uint32_t i = 0; i < value.size; ++i) {
        if (!value.is_null(i)) outcomes[new_codes[i]] = value.boolean(i) ? Outcome::kTrue : Outcome::kFalse;
      }
    }
    Vector result = Vector::of(SqlType::kBool, static_cast<uint32_t>(rows.size()));
    for (uint32_t i = 0; i < result.size; ++i) {
      Outcome outcome = outcomes[column.codes[rows[i]]];
      if (outcome == Outcome::kNull) result.set_null(i);
      result.bools[i] = outcome == Outcome::kTrue ? 1 : 0;
    }
    return result;
  }

  static Vector negation(const Vector& value, uint32_t size) {
    Vector result = Vector::of(SqlType::kBool, size);
    for (uint32_t i = 0; i < size; ++i) {
      if (value.is_null(i)) {
        result.set_null(i);
      } else {
        result.bools[i] = value.boolean(i) ? 0 : 1;
      }
    }
    return result;
  }

  static Vector test(const BoundExpr& expr, const Vector& value, uint32_t size) {
    Vector result = Vector::of(SqlType::kBool, size);
    for (uint32_t i = 0; i < size; ++i) {
      bool holds =
          expr.op == Op::kIsNull ? value.is_null(i) : !value.is_null(i) && value.boolean(i) == (expr.op == Op::kIsTrue);
      result.bools[i] = holds != expr.negated ? 1 : 0;
    }
    return result;
  }

  static Vector in_set(const BoundExpr& expr, const Vector& value, uint32_t size) {
    Vector result = Vector::of(SqlType::kBool, size);
    for (uint32_t i = 0; i < size; ++i) {
      if (value.is_null(i)) {
        result.set_null(i);
        continue;
      }
      bool found = expr.set->keys.contains(datum_key(value.datum(i)));
      if (!found && expr.set->has_null) result.set_null(i);
      result.bools[i] = found != expr.negated ? 1 : 0;
    }
    return result;
  }

  static Vector null_if(const BoundExpr& expr, std::vector<Vector>& args, uint32_t size) {
    Vector result = Vector::of(expr.type, size);
    for (uint32_t i = 0; i < size; ++i) {
      bool equal = !args[0].is_null(i) && !args[1].is_null(i) && compare_values(args[0], i, args[1], i) == 0;
      if (equal) {
        result.set_null(i);
        if (is_numeric(expr.type)) result.set_number(i, args[0].number(i));
      } else {
        result.set(i, args[0], i);
      }
    }
    result.kept = args[0].kept;
    return result;
  }

  // GREATEST and LEAST leave NULLs out; only where all are NULL the result is.
  static Vector extreme(const BoundExpr& expr, std::vector<Vector>& args, uint32_t size) {
    Vector result = Vector::of(expr.type, size);
    if (is_numeric(expr.type)) result.scales.assign(size, 0);
    for (uint32_t i = 0; i < size; ++i) {
      const Vector* best = nullptr;
      for (const Vector& arg : args) {
        if (arg.is_null(i)) continue;
        int order = best == nullptr ? 0 : compare_values(arg, i, *best, i);
        if (best == nullptr || (expr.op == Op::kGreatest ? order > 0 : order < 0)) best = &arg;
      }
      if (best == nullptr) {
        result.set_null(i);
      } else {
        result.set(i, *best, i);
      }
    }
    for (const Vector& arg : args) result.kept.insert(result.kept.end(), arg.kept.begin(), arg.kept.end());
    return result;
  }

  static Vector bucket(const BoundExpr& expr, const Vector& times, uint32_t size) {
    if (times.all_null) return Vector::of_null(size);
    Vector result = Vector::of(SqlType::kTimestamp, size);
    result.nulls = times.constant ? std::vector<uint8_t>() : times.nulls;
    for (uint32_t i = 0; i < size; ++i) result.times[i] = expr.bucketer->begin(times.time(i));
    return result;
  }

  const Block& block_;
  EvaluationMemory& memory_;
};

}  // namespace

Sql<Vector> evaluate(const BoundExpr& expr, const Block& block, Selection rows, EvaluationMemory& memory) {
  return Evaluator(block, memory).run(expr, rows);
}

bool makes_text(const BoundExpr& expr) {
  const bool computes =
      expr.op == Op::kConcat || expr.op == Op::kLower || expr.op == Op::kUpper || expr.op == Op::kCast;
  if (computes && expr.type == SqlType::kString) return true;
  return std::ranges::any_of(expr.args, [](const BoundExprPtr& arg) { return makes_text(*arg); });
}

Sql<std::vector<uint32_t>> filter_rows(const BoundExpr& condition, const Block& block, Selection rows,
                                       EvaluationMemory& memory) {
  std::vector<uint32_t> kept(rows.begin(), rows.end());
  auto keep_true = [&](const BoundExpr& expr) -> Sql<void> {
    size_t count = 0;
    SQL_TRY(in_pieces(kept, makes_text(expr) ? kTextRows : kept.size(), [&](Selection piece) -> Sql<void> {
      SQL_ASSIGN(const Vector value, evaluate(expr, block, piece, memory));
      for (uint32_t i = 0; i < value.size; ++i) {
        if (value.is_true(i)) kept[count++] = piece[i];  // at or before where the piece stands
      }
      return {};
    }));
    kept.resize(count);
    return {};
  };
  if (condition.op != Op::kAnd) {
    SQL_TRY(keep_true(condition));
    return kept;
  }
  for (const BoundExprPtr& part : condition.args) {
    if (!kept.empty()) SQL_TRY(keep_true(*part));
  }
  return kept;
}

Sql<Datum> evaluate_constant(const BoundExpr& expr) {
  Block block;
  block.rows = 1;
  EvaluationMemory memory;
  const uint32_t row = 0;
  SQL_ASSIGN(Vector value, evaluate(expr, block, Selection(&row, 1), memory));
  return value.datum(0);
}

}  // namespace tally

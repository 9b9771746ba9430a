// Arithmetic and rounding, over numbers, timestamps and intervals.
#include "query/evaluate.h"

namespace tally {
namespace {

std::unexpected<SqlError> overflow(const BoundExpr& expr) {
  return sql_fail(expr.offset, "the result does not fit a number of 128 bits", {}, Code::kLimitExceeded);
}

std::unexpected<SqlError> time_overflow(const BoundExpr& expr) {
  return sql_fail(expr.offset, "the result lies outside the range of time", {}, Code::kLimitExceeded);
}

// Calls compute(i) for every row in which no operand is NULL.
template <class Compute>
Sql<void> for_each_row(const std::vector<Vector>& args, Vector& result, const Compute& compute) {
  for (uint32_t i = 0; i < result.size; ++i) {
    bool null = false;
    for (const Vector& arg : args) null = null || arg.is_null(i);
    if (null) {
      result.set_null(i);
    } else {
      SQL_TRY(compute(i));
    }
  }
  return {};
}

std::optional<Numeric> compute(Op op, Numeric a, Numeric b) {
  switch (op) {
    case Op::kAdd: return add(a, b);
    case Op::kSubtract: return subtract(a, b);
    case Op::kMultiply: return multiply(a, b);
    case Op::kDivide: return divide(a, b);
    default: return remainder(a, b);
  }
}

Sql<Vector> numeric_pair(const BoundExpr& expr, const std::vector<Vector>& args, uint32_t size) {
  Vector result = Vector::of(expr.type, size);
  bool divides = expr.op == Op::kDivide || expr.op == Op::kRemainder;
  SQL_TRY(for_each_row(args, result, [&](uint32_t i) -> Sql<void> {
    Numeric right = args[1].number(i);
    if (divides && right.value == 0) {
      result.set_null(i);
      return {};
    }
    auto value = compute(expr.op, args[0].number(i), right);
    if (!value) return overflow(expr);
    result.set_number(i, *value);
    return {};
  }));
  return result;
}

Sql<Vector> numeric_single(const BoundExpr& expr, const std::vector<Vector>& args, uint32_t size) {
  Vector result = Vector::of(expr.type, size);
  SQL_TRY(for_each_row(args, result, [&](uint32_t i) -> Sql<void> {
    Numeric value = args[0].number(i);
    if (value.value < -kInt128Max) return overflow(expr);
    bool negate = expr.op == Op::kNegate || value.value < 0;
    result.set_number(i, negate ? Numeric{-value.value, value.scale} : value);
    return {};
  }));
  return result;
}

Sql<Vector> time_and_interval(const BoundExpr& expr, const std::vector<Vector>& args, uint32_t size) {
  bool time_first = args[0].type == SqlType::kTimestamp;
  const Vector& times = args[time_first ? 0 : 1];
  const Vector& intervals = args[time_first ? 1 : 0];
  Vector result = Vector::of(SqlType::kTimestamp, size);
  SQL_TRY(for_each_row(args, result, [&](uint32_t i) -> Sql<void> {
    std::optional<Interval> interval = unpack_interval(intervals.number(i).value);
    if (expr.op == Op::kSubtract) interval = multiply(*interval, -1);
    auto value = interval ? add(times.time(i), *interval) : std::nullopt;
    if (!value) return time_overflow(expr);
    result.times[i] = *value;
    return {};
  }));
  return result;
}

Sql<Vector> time_difference(const BoundExpr& expr, const std::vector<Vector>& args, uint32_t size) {
  Vector result = Vector::of(SqlType::kInterval, size);
  SQL_TRY(for_each_row(args, result, [&](uint32_t i) -> Sql<void> {
    int64_t us;
    if (__builtin_sub_overflow(args[0].time(i), args[1].time(i), &us)) return time_overflow(expr);
    result.numbers[i] = pack({.months = 0, .us = us});
    return {};
  }));
  return result;
}

std::optional<int64_t> whole_number(Numeric value) {
  Numeric exact = normalized(value);
  if (exact.scale != 0 || exact.value > INT64_MAX || exact.value < INT64_MIN) return std::nullopt;
  return static_cast<int64_t>(exact.value);
}

std::optional<Interval> combine(Op op, const std::vector<Vector>& args, uint32_t i) {
  if (op == Op::kMultiply) {
    bool number_first = is_numeric(args[0].type);
    auto factor = whole_number(args[number_first ? 0 : 1].number(i));
    Interval interval = unpack_interval(args[number_first ? 1 : 0].number(i).value);
    return factor ? multiply(interval, *factor) : std::nullopt;
  }
  Interval first = unpack_interval(args[0].number(i).value);
  if (op == Op::kNegate) return multiply(first, -1);
  std::optional<Interval> second = unpack_interval(args[1].number(i).value);
  if (op == Op::kSubtract) second = multiply(*second, -1);
  return second ? add(first, *second) : std::nullopt;
}

Sql<Vector> interval_result(const BoundExpr& expr, const std::vector<Vector>& args, uint32_t size) {
  Vector result = Vector::of(SqlType::kInterval, size);
  SQL_TRY(for_each_row(args, result, [&](uint32_t i) -> Sql<void> {
    auto value = combine(expr.op, args, i);
    if (!value) {
      return sql_fail(expr.offset, "the interval is too long, or multiplied by what is no whole number");
    }
    result.numbers[i] = pack(*value);
    return {};
  }));
  return result;
}

}  // namespace

Sql<Vector> evaluate_arithmetic(const BoundExpr& expr, const std::vector<Vector>& args, uint32_t size) {
  for (const Vector& arg : args) {
    if (arg.all_null) return Vector::of_null(size);
  }
  if (expr.type == SqlType::kTimestamp) return time_and_interval(expr, args, size);
  if (expr.type == SqlType::kInterval) {
    bool times = args[0].type == SqlType::kTimestamp;
    return times ? time_difference(expr, args, size) : interval_result(expr, args, size);
  }
  return args.size() == 1 ? numeric_single(expr, args, size) : numeric_pair(expr, args, size);
}

Sql<Vector> evaluate_rounding(const BoundExpr& expr, const std::vector<Vector>& args, uint32_t size) {
  for (const Vector& arg : args) {
    if (arg.all_null) return Vector::of_null(size);
  }
  Vector result = Vector::of(expr.type, size);
  SQL_TRY(for_each_row(args, result, [&](uint32_t i) -> Sql<void> {
    Numeric value = args[0].number(i);
    int digits = 0;
    if (args.size() > 1) {
      auto wanted = whole_number(args[1].number(i));
      if (!wanted || *wanted > 38 || *wanted < -38) {
        return sql_fail(expr.offset, "the number of digits must be a whole number from -38 to 38");
      }
      digits = static_cast<int>(*wanted);
    }
    std::optional<Numeric> rounded;
    switch (expr.op) {
      case Op::kRound: rounded = round_to(value, digits); break;
      case Op::kTrunc: rounded = truncate_to(value, digits); break;
      case Op::kFloor: rounded = floor_of(value); break;
      default:
        rounded = floor_of(value);
        if (rounded && compare(*rounded, value) < 0) rounded->value += 1;
    }
    if (!rounded) return overflow(expr);
    result.set_number(i, *rounded);
    return {};
  }));
  return result;
}

}  // namespace tally

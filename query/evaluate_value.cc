// Comparisons, casts and text.
#include "base/timestamp.h"
#include "query/computed_text.h"
#include "query/evaluate.h"

namespace tally {
namespace {

bool holds(Op op, int order) {
  switch (op) {
    case Op::kEqual:
    case Op::kNotDistinctFrom: return order == 0;
    case Op::kNotEqual:
    case Op::kDistinctFrom: return order != 0;
    case Op::kLess: return order < 0;
    case Op::kLessEqual: return order <= 0;
    case Op::kGreater: return order > 0;
    default: return order >= 0;
  }
}

// IS [NOT] DISTINCT FROM: NULL is a value like another.
Vector evaluate_distinct(Op op, const Vector& a, const Vector& b, uint32_t size) {
  Vector result = Vector::of(SqlType::kBool, size);
  for (uint32_t i = 0; i < size; ++i) {
    bool a_null = a.is_null(i), b_null = b.is_null(i);
    int order = a_null || b_null ? (a_null == b_null ? 0 : 1) : compare_values(a, i, b, i);
    result.bools[i] = holds(op, order) ? 1 : 0;
  }
  return result;
}

size_t character_count(std::string_view text) {
  size_t count = 0;
  for (char c : text) count += (static_cast<uint8_t>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

std::unexpected<SqlError> bad_cast(const BoundExpr& expr, std::string_view text, std::string_view wanted) {
  return sql_fail(expr.offset, "'" + printable(text) + "' is no " + std::string(wanted));
}

Sql<Numeric> cast_number(const BoundExpr& expr, Numeric value) {
  std::optional<Numeric> result = value;
  if (expr.type == SqlType::kInt64) result = round_to(value, 0);
  if (expr.cast_precision > 0) {
    result = rescale(value, expr.cast_scale);
    Int128 limit = 1;
    for (int i = 0; i < expr.cast_precision; ++i) limit *= 10;
    if (result && (result->value >= limit || result->value <= -limit)) result.reset();
  }
  if (!result) return sql_fail(expr.offset, to_string(value) + " does not fit the type", {}, Code::kLimitExceeded);
  return *result;
}

Sql<void> set_computed(Vector& result, uint32_t i, std::string value, ComputedText& texts) {
  SQL_TRY(texts.expect(value.size()));
  result.strings[i] = texts.keep(std::move(value));
  return {};
}

// Not made where the memory does not last for it.
Sql<void> concatenate(const Vector& a, const Vector& b, uint32_t i, Vector& result, ComputedText& texts) {
  std::string made_a, made_b;
  const auto text = [i](const Vector& from, std::string& made) {
    return from.type == SqlType::kString ? from.text(i) : std::string_view(made = text_of(from, i));
  };
  const std::string_view left = text(a, made_a), right = text(b, made_b);
  SQL_TRY(texts.expect(left.size() + right.size()));
  std::string both;
  both.reserve(left.size() + right.size());
  both.append(left).append(right);
  result.strings[i] = texts.keep(std::move(both));
  return {};
}

Sql<void> cast_row(const BoundExpr& expr, const Vector& from, uint32_t i, Vector& result, ComputedText& texts) {
  const bool is_text = from.type == SqlType::kString;
  const bool of_text = expr.type == SqlType::kTimestamp || expr.type == SqlType::kBool;  // and of nothing else
  if (of_text && from.type == expr.type) {
    result.set(i, from, i);
    return {};
  }
  if (of_text && !is_text) {
    return sql_fail(expr.offset,
                    std::string(type_name(from.type)) + " cannot become " + std::string(type_name(expr.type)), {},
                    Code::kInternal);
  }
  switch (expr.type) {
    case SqlType::kString: return set_computed(result, i, text_of(from, i), texts);
    case SqlType::kTimestamp: {
      auto time = parse_iso_timestamp(from.text(i));
      if (!time) return bad_cast(expr, from.text(i), "timestamp");
      result.times[i] = *time;
      return {};
    }
    case SqlType::kBool: {
      std::string word = lower_case(from.text(i));
      if (word != "true" && word != "false") return bad_cast(expr, from.text(i), "BOOLEAN; TRUE and FALSE are");
      result.bools[i] = word == "true" ? 1 : 0;
      return {};
    }
    default: break;
  }
  Numeric value;
  if (from.type == SqlType::kBool) {
    value.value = from.boolean(i) ? 1 : 0;
  } else if (is_text) {
    auto parsed = parse_numeric(from.text(i));
    if (!parsed) return bad_cast(expr, from.text(i), "number");
    value = *parsed;
  } else {
    value = from.number(i);
  }
  SQL_ASSIGN(value, cast_number(expr, value));
  result.set_number(i, value);
  return {};
}

}  // namespace

int compare_values(const Vector& a, uint32_t i, const Vector& b, uint32_t j) {
  auto order = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  switch (a.type) {
    case SqlType::kBool: return order(a.boolean(i), b.boolean(j));
    case SqlType::kTimestamp: return order(a.time(i), b.time(j));
    case SqlType::kString: return order(a.text(i).compare(b.text(j)), 0);
    case SqlType::kInterval:
      return order(approximate_us(unpack_interval(a.number(i).value)),
                   approximate_us(unpack_interval(b.number(j).value)));
    default: return compare(a.number(i), b.number(j));
  }
}

// = and <> of strings: most differ in their length or first byte, and none has to be put in order.
static Vector evaluate_string_equality(Op op, const Vector& a, const Vector& b, uint32_t size) {
  Vector result = Vector::of(SqlType::kBool, size);
  const bool wanted = op == Op::kEqual;
  const bool nulls = a.may_have_nulls() || b.may_have_nulls();
  for (uint32_t i = 0; i < size; ++i) {
    if (nulls && (a.is_null(i) || b.is_null(i))) {
      result.set_null(i);
      continue;
    }
    const std::string_view x = a.text(i), y = b.text(i);
    const bool equal = x.size() == y.size() && (x.empty() || (x.front() == y.front() && x == y));
    result.bools[i] = equal == wanted ? 1 : 0;
  }
  return result;
}

Vector evaluate_comparison(Op op, const Vector& a, const Vector& b, uint32_t size) {
  if (op == Op::kDistinctFrom || op == Op::kNotDistinctFrom) return evaluate_distinct(op, a, b, size);
  if (a.all_null || b.all_null) return Vector::of_null(size);
  const bool equality = op == Op::kEqual || op == Op::kNotEqual;
  if (equality && a.type == SqlType::kString && b.type == SqlType::kString) {
    return evaluate_string_equality(op, a, b, size);
  }
  Vector result = Vector::of(SqlType::kBool, size);
  bool plain = is_numeric(a.type) && a.uniform_numbers() && b.uniform_numbers() && a.scale == b.scale;
  for (uint32_t i = 0; i < size; ++i) {
    if (a.is_null(i) || b.is_null(i)) {
      result.set_null(i);
    } else if (plain) {
      Int128 x = a.numbers[a.index(i)], y = b.numbers[b.index(i)];
      result.bools[i] = holds(op, x < y ? -1 : x > y ? 1 : 0) ? 1 : 0;
    } else {
      result.bools[i] = holds(op, compare_values(a, i, b, i)) ? 1 : 0;
    }
  }
  return result;
}

std::string text_of(const Vector& vector, uint32_t i) {
  switch (vector.type) {
    case SqlType::kString: return std::string(vector.text(i));
    case SqlType::kTimestamp: return format_timestamp(vector.time(i));
    case SqlType::kBool: return vector.boolean(i) ? "true" : "false";
    case SqlType::kInterval: return format_interval(unpack_interval(vector.number(i).value));
    case SqlType::kNull: return {};
    default: return to_string(vector.number(i));
  }
}

// The strings of a vector, which keeps them.
static ComputedText& texts_of(Vector& result, MemoryBudget* budget) {
  auto texts = std::make_shared<ComputedText>(budget);
  ComputedText& kept = *texts;
  result.kept.push_back(std::move(texts));
  return kept;
}

Sql<Vector> evaluate_cast(const BoundExpr& expr, const Vector& from, uint32_t size, MemoryBudget* budget) {
  if (from.all_null) return Vector::of_null(size);
  Vector result = Vector::of(expr.type, size);
  ComputedText& texts = texts_of(result, budget);
  for (uint32_t i = 0; i < size; ++i) {
    if (from.is_null(i)) {
      result.set_null(i);
    } else {
      SQL_TRY(cast_row(expr, from, i, result, texts));
    }
  }
  return result;
}

Sql<Vector> evaluate_text(const BoundExpr& expr, const std::vector<Vector>& args, uint32_t size, MemoryBudget* budget) {
  Vector result = Vector::of(expr.type, size);
  ComputedText& texts = texts_of(result, budget);
  for (const Vector& arg : args) {
    if (arg.all_null) return Vector::of_null(size);
  }
  for (uint32_t i = 0; i < size; ++i) {
    bool null = false;
    for (const Vector& arg : args) null = null || arg.is_null(i);
    if (null) {
      result.set_null(i);
      continue;
    }
    switch (expr.op) {
      case Op::kConcat: SQL_TRY(concatenate(args[0], args[1], i, result, texts)); break;
      case Op::kLower: SQL_TRY(set_computed(result, i, lower_case(args[0].text(i)), texts)); break;
      case Op::kUpper: SQL_TRY(set_computed(result, i, upper_case(args[0].text(i)), texts)); break;
      case Op::kLength: result.numbers[i] = static_cast<Int128>(character_count(args[0].text(i))); break;
      default: {
        bool matches = expr.pattern != nullptr ? expr.pattern->matches(args[0].text(i))
                                               : LikePattern(args[1].text(i), false).matches(args[0].text(i));
        result.bools[i] = matches != expr.negated ? 1 : 0;
      }
    }
  }
  return result;
}

}  // namespace tally

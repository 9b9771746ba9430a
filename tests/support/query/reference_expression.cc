#include "tests/support/query/reference_expression.h"

#include <algorithm>

#include "base/timestamp.h"
#include "tests/support/query/reference_time.h"

namespace tally::reference {
namespace {

std::unexpected<Failure> failed(std::string what) { return std::unexpected(Failure{std::move(what)}); }

Outcome<Value> number(const std::optional<Exact>& result) {
  if (!result) return failed("overflow");
  return Value(*result);
}

std::vector<std::string> characters(const std::string& text) {
  std::vector<std::string> result;
  for (char byte : text) {
    if ((static_cast<uint8_t>(byte) & 0xC0) == 0x80 && !result.empty()) {
      result.back() += byte;
    } else {
      result.emplace_back(1, byte);
    }
  }
  return result;
}

std::string folded(std::string text, char first, char to) {
  for (char& c : text) {
    if (c >= first && c < first + 26) c = static_cast<char>(c - first + to);
  }
  return text;
}

// By the book: tables of which prefix matches which prefix.
bool like(const std::string& text, const std::string& pattern) {
  struct Step {
    enum { kLiteral, kOne, kAny } kind;
    std::string character;
  };
  std::vector<Step> steps;
  const std::vector<std::string> letters = characters(pattern);
  for (size_t i = 0; i < letters.size(); ++i) {
    if (letters[i] == "%") {
      steps.push_back({Step::kAny, ""});
    } else if (letters[i] == "_") {
      steps.push_back({Step::kOne, ""});
    } else {
      if (letters[i] == "\\" && i + 1 < letters.size()) ++i;
      steps.push_back({Step::kLiteral, letters[i]});
    }
  }
  const std::vector<std::string> subject = characters(text);
  std::vector<bool> reach(subject.size() + 1, false);
  reach[0] = true;
  for (const Step& step : steps) {
    std::vector<bool> next(subject.size() + 1, false);
    bool any = false;
    for (size_t i = 0; i <= subject.size(); ++i) {
      any = any || reach[i];
      if (step.kind == Step::kAny) {
        next[i] = any;
      } else if (i > 0) {
        next[i] = reach[i - 1] && (step.kind == Step::kOne || subject[i - 1] == step.character);
      }
    }
    reach = std::move(next);
  }
  return reach.back();
}

std::optional<int64_t> whole(const Exact& value) {
  const BigInt& big = value.value;
  BigInt divisor = boost::multiprecision::pow(BigInt(10), static_cast<unsigned>(value.scale));
  if (big % divisor != 0) return std::nullopt;
  const BigInt result = big / divisor;
  if (result > INT64_MAX || result < INT64_MIN) return std::nullopt;
  return static_cast<int64_t>(result);
}

std::optional<Interval> times(const Interval& interval, int64_t factor) {
  const BigInt months = BigInt(interval.months) * factor, us = BigInt(interval.us) * factor;
  auto fits = [](const BigInt& value) { return value <= INT64_MAX && value >= INT64_MIN; };
  if (!fits(months) || !fits(us)) return std::nullopt;
  return Interval{static_cast<int64_t>(months), static_cast<int64_t>(us)};
}

std::optional<Interval> plus(const Interval& a, const Interval& b) {
  const BigInt months = BigInt(a.months) + b.months, us = BigInt(a.us) + b.us;
  auto fits = [](const BigInt& value) { return value <= INT64_MAX && value >= INT64_MIN; };
  if (!fits(months) || !fits(us)) return std::nullopt;
  return Interval{static_cast<int64_t>(months), static_cast<int64_t>(us)};
}

Outcome<Value> interval(const std::optional<Interval>& result) {
  if (!result) return failed("interval");
  return Value(*result);
}

Outcome<Value> arithmetic_of_times(Op op, const Value& a, const Value& b) {
  const Time* left_time = std::get_if<Time>(&a);
  const Time* right_time = std::get_if<Time>(&b);
  if (left_time != nullptr && right_time != nullptr) {
    const BigInt us = BigInt(left_time->us) - right_time->us;
    if (us > INT64_MAX || us < INT64_MIN) return failed("time");
    return Value(Interval{0, static_cast<int64_t>(us)});
  }
  if (left_time != nullptr || right_time != nullptr) {
    std::optional<Interval> by = std::get<Interval>(left_time != nullptr ? b : a);
    if (op == Op::kSubtract) by = times(*by, -1);
    const std::optional<TimeUs> moved =
        by ? add_interval((left_time != nullptr ? left_time : right_time)->us, *by) : std::nullopt;
    if (!moved) return failed("time");
    return Value(Time{*moved});
  }
  const Interval* left = std::get_if<Interval>(&a);
  const Interval* right = std::get_if<Interval>(&b);
  if (op == Op::kMultiply) {
    const std::optional<int64_t> factor = whole(std::get<Exact>(left != nullptr ? b : a));
    return interval(factor ? times(left != nullptr ? *left : *right, *factor) : std::nullopt);
  }
  const std::optional<Interval> second = op == Op::kSubtract ? times(*right, -1) : *right;
  return interval(second ? plus(*left, *second) : std::nullopt);
}

Outcome<Value> arithmetic(Op op, const Value& a, const Value& b) {
  if (is_null(a) || is_null(b)) return Value(Null{});
  const Exact* left = std::get_if<Exact>(&a);
  const Exact* right = std::get_if<Exact>(&b);
  if (left == nullptr || right == nullptr) return arithmetic_of_times(op, a, b);
  const bool divides = op == Op::kDivide || op == Op::kRemainder;
  if (divides && right->value == 0) return Value(Null{});
  switch (op) {
    case Op::kAdd: return number(add(*left, *right));
    case Op::kSubtract: return number(subtract(*left, *right));
    case Op::kMultiply: return number(multiply(*left, *right));
    case Op::kDivide: return number(divide(*left, *right));
    default: return number(remainder(*left, *right));
  }
}

Outcome<Value> rounding(Op op, const Value& value, const Value* digits_value) {
  if (is_null(value) || (digits_value != nullptr && is_null(*digits_value))) return Value(Null{});
  int digits = 0;
  if (digits_value != nullptr) {
    const std::optional<int64_t> wanted = whole(std::get<Exact>(*digits_value));
    if (!wanted || *wanted > 38 || *wanted < -38) return failed("digits");
    digits = static_cast<int>(*wanted);
  }
  const Exact& exact = std::get<Exact>(value);
  switch (op) {
    case Op::kRound: return number(round(exact, digits, Rounding::kHalfAway));
    case Op::kTrunc: return number(round(exact, digits, Rounding::kToZero));
    case Op::kFloor: return number(round(exact, 0, Rounding::kDown));
    default: return number(round(exact, 0, Rounding::kUp));
  }
}

bool satisfies(Op op, int order) {
  switch (op) {
    case Op::kEqual: return order == 0;
    case Op::kNotEqual: return order != 0;
    case Op::kLess: return order < 0;
    case Op::kLessEqual: return order <= 0;
    case Op::kGreater: return order > 0;
    default: return order >= 0;
  }
}

Value comparison(Op op, const Value& a, const Value& b) {
  if (op == Op::kDistinctFrom || op == Op::kNotDistinctFrom) {
    const bool equal = is_null(a) || is_null(b) ? is_null(a) && is_null(b) : compare(a, b) == 0;
    return equal == (op == Op::kNotDistinctFrom);
  }
  if (is_null(a) || is_null(b)) return Null{};
  return satisfies(op, compare(a, b));
}

Outcome<Value> cast_to_number(const BoundExpr& expr, const Value& from) {
  Exact value;
  if (const bool* truth = std::get_if<bool>(&from)) {
    value.value = *truth ? 1 : 0;
  } else if (const std::string* text = std::get_if<std::string>(&from)) {
    const std::optional<Exact> parsed = parse_exact(*text);
    if (!parsed) return failed("no number");
    value = *parsed;
  } else {
    value = std::get<Exact>(from);
  }
  if (expr.type == SqlType::kInt64 && expr.cast_precision == 0) return number(round(value, 0, Rounding::kHalfAway));
  if (expr.cast_precision == 0) return Value(value);
  const std::optional<Exact> rounded = round(value, expr.cast_scale, Rounding::kHalfAway);
  const BigInt limit = boost::multiprecision::pow(BigInt(10), expr.cast_precision);
  if (!rounded || abs(rounded->value) >= limit) return failed("does not fit the type");
  return Value(*rounded);
}

Outcome<Value> cast(const BoundExpr& expr, const Value& from) {
  if (is_null(from)) return Value(Null{});
  switch (expr.type) {
    case SqlType::kString: return Value(to_text(from));
    case SqlType::kBool: {
      if (std::holds_alternative<bool>(from)) return from;
      const std::string word = folded(std::get<std::string>(from), 'A', 'a');
      if (word != "true" && word != "false") return failed("no boolean");
      return Value(word == "true");
    }
    case SqlType::kTimestamp: {
      if (std::holds_alternative<Time>(from)) return from;
      auto time = parse_iso_timestamp(std::get<std::string>(from));
      if (!time) return failed("no timestamp");
      return Value(Time{*time});
    }
    case SqlType::kInterval: return from;
    default: return cast_to_number(expr, from);
  }
}

class Evaluation {
 public:
  explicit Evaluation(const Slots& slots) : slots_(slots) {}

  Outcome<Value> run(const BoundExpr& expr) const {
    switch (expr.op) {
      case Op::kConstant: return value_of(expr.constant);
      case Op::kSlot: return slots_(expr.slot);
      case Op::kByCode: return run(*expr.args[0]);
      case Op::kAnd:
      case Op::kOr: return logic(expr);
      case Op::kCase: return case_of(expr);
      case Op::kCoalesce: return coalesce(expr);
      default: break;
    }
    std::vector<Value> args;
    for (const BoundExprPtr& arg : expr.args) {
      Outcome<Value> value = run(*arg);
      if (!value) return value;
      args.push_back(*std::move(value));
    }
    return apply(expr, args);
  }

 private:
  static Outcome<Value> apply(const BoundExpr& expr, const std::vector<Value>& args) {
    switch (expr.op) {
      case Op::kAdd:
      case Op::kSubtract:
      case Op::kMultiply:
      case Op::kDivide:
      case Op::kRemainder: return arithmetic(expr.op, args[0], args[1]);
      case Op::kNegate: return negated(args[0]);
      case Op::kAbs: {
        if (is_null(args[0])) return args[0];
        const Exact& exact = std::get<Exact>(args[0]);
        return Value(Exact{abs(exact.value), exact.scale});
      }
      case Op::kRound:
      case Op::kTrunc:
      case Op::kFloor:
      case Op::kCeil: return rounding(expr.op, args[0], args.size() > 1 ? &args[1] : nullptr);
      case Op::kNot: return is_null(args[0]) ? args[0] : Value(!std::get<bool>(args[0]));
      case Op::kIsNull: return Value(is_null(args[0]) != expr.negated);
      case Op::kIsTrue:
      case Op::kIsFalse: {
        const bool* truth = std::get_if<bool>(&args[0]);
        return Value((truth != nullptr && *truth == (expr.op == Op::kIsTrue)) != expr.negated);
      }
      case Op::kIn: return in(expr, args[0]);
      case Op::kNullIf: {
        const bool equal = !is_null(args[0]) && !is_null(args[1]) && compare(args[0], args[1]) == 0;
        return equal ? Value(Null{}) : args[0];
      }
      case Op::kGreatest:
      case Op::kLeast: return extreme(expr.op == Op::kGreatest, args);
      case Op::kCast: return cast(expr, args[0]);
      case Op::kBucket: return bucket(args);
      case Op::kConcat:
      case Op::kLower:
      case Op::kUpper:
      case Op::kLength:
      case Op::kLike: return text(expr, args);
      default: return comparison(expr.op, args[0], args[1]);
    }
  }

  static Outcome<Value> negated(const Value& value) {
    if (const Interval* length = std::get_if<Interval>(&value)) return interval(times(*length, -1));
    if (is_null(value)) return value;
    const Exact& exact = std::get<Exact>(value);
    return Value(Exact{-exact.value, exact.scale});
  }

  static Value in(const BoundExpr& expr, const Value& subject) {
    if (is_null(subject)) return Null{};
    for (const Datum& candidate : expr.set->values) {
      if (compare(subject, value_of(candidate)) == 0) return !expr.negated;
    }
    if (expr.set->has_null) return Null{};
    return expr.negated;
  }

  static Value extreme(bool greatest, const std::vector<Value>& args) {
    Value best = Null{};
    for (const Value& arg : args) {
      if (is_null(arg)) continue;
      const int order = is_null(best) ? 1 : compare(arg, best) * (greatest ? 1 : -1);
      if (order > 0) best = arg;
    }
    return best;
  }

  static Value text(const BoundExpr& expr, const std::vector<Value>& args) {
    for (const Value& arg : args) {
      if (is_null(arg)) return Null{};
    }
    if (expr.op == Op::kConcat) return to_text(args[0]) + to_text(args[1]);
    const std::string& subject = std::get<std::string>(args[0]);
    switch (expr.op) {
      case Op::kLower: return folded(subject, 'A', 'a');
      case Op::kUpper: return folded(subject, 'a', 'A');
      case Op::kLength: return Exact{static_cast<int64_t>(characters(subject).size()), 0};
      default: break;
    }
    const std::string& pattern = std::get<std::string>(args[1]);
    const bool ilike = expr.cast_scale == 1;
    const bool matches = ilike ? like(folded(subject, 'A', 'a'), folded(pattern, 'A', 'a')) : like(subject, pattern);
    return matches != expr.negated;
  }

  static Outcome<Value> bucket(const std::vector<Value>& args) {
    if (is_null(args[0])) return args[0];
    const std::string zone = args.size() > 2 ? std::get<std::string>(args[2]) : "";
    const std::string* unit = std::get_if<std::string>(&args[1]);
    const std::optional<Interval> width =
        unit != nullptr ? width_of_unit(folded(*unit, 'A', 'a')) : std::get<Interval>(args[1]);
    if (!width) return failed("unit");
    const bool utc = zone == "UTC" || zone == "utc" || zone == "Z";
    return Value(Time{bucket_begin(*width, utc ? "" : zone, std::get<Time>(args[0]).us)});
  }

  // NULL unless an operand decides; what stands behind that one is not asked.
  Outcome<Value> logic(const BoundExpr& expr) const {
    const bool decides = expr.op == Op::kOr;
    bool unknown = false;
    for (const BoundExprPtr& arg : expr.args) {
      Outcome<Value> value = run(*arg);
      if (!value) return value;
      if (is_null(*value)) {
        unknown = true;
      } else if (std::get<bool>(*value) == decides) {
        return Value(decides);
      }
    }
    return unknown ? Value(Null{}) : Value(!decides);
  }

  Outcome<Value> case_of(const BoundExpr& expr) const {
    size_t i = 0;
    for (; i + 1 < expr.args.size(); i += 2) {
      Outcome<Value> condition = run(*expr.args[i]);
      if (!condition) return condition;
      const bool* truth = std::get_if<bool>(&*condition);
      if (truth != nullptr && *truth) return run(*expr.args[i + 1]);
    }
    if (i < expr.args.size()) return run(*expr.args[i]);
    return Value(Null{});
  }

  Outcome<Value> coalesce(const BoundExpr& expr) const {
    for (const BoundExprPtr& arg : expr.args) {
      Outcome<Value> value = run(*arg);
      if (!value || !is_null(*value)) return value;
    }
    return Value(Null{});
  }

  const Slots& slots_;
};

}  // namespace

Outcome<Value> evaluate(const BoundExpr& expr, const Slots& slots) { return Evaluation(slots).run(expr); }

Outcome<bool> holds(const BoundExpr& condition, const Slots& slots, bool& maybe) {
  std::vector<const BoundExpr*> parts{&condition};
  for (size_t i = 0; i < parts.size(); ++i) {
    while (parts[i]->op == Op::kAnd) {
      const BoundExpr* both = parts[i];
      parts[i] = both->args[0].get();
      for (size_t arg = 1; arg < both->args.size(); ++arg) parts.push_back(both->args[arg].get());
    }
  }
  bool all = true;
  std::optional<Failure> failure;
  for (const BoundExpr* part : parts) {
    Outcome<Value> value = evaluate(*part, slots);
    if (!value) {
      failure = value.error();
    } else {
      const bool* truth = std::get_if<bool>(&*value);
      all = all && truth != nullptr && *truth;
    }
  }
  if (!failure) return all;
  if (all) return std::unexpected(*failure);
  maybe = true;
  return false;
}

}  // namespace tally::reference

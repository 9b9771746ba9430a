#include "query/pushdown.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/bytes.h"
#include "query/evaluate.h"

namespace tally {
namespace {

bool is_comparison(Op op) { return op >= Op::kEqual && op <= Op::kGreaterEqual && op != Op::kNotEqual; }

// slot op constant, turned round where the constant stands first.
struct Comparison {
  const BoundExpr* slot = nullptr;
  Op op = Op::kEqual;
  const Datum* constant = nullptr;
};

Op turned(Op op) {
  switch (op) {
    case Op::kLess: return Op::kGreater;
    case Op::kLessEqual: return Op::kGreaterEqual;
    case Op::kGreater: return Op::kLess;
    case Op::kGreaterEqual: return Op::kLessEqual;
    default: return op;
  }
}

std::optional<Comparison> as_comparison(const BoundExpr& expr) {
  if (!is_comparison(expr.op)) return std::nullopt;
  const BoundExpr &left = *expr.args[0], &right = *expr.args[1];
  if (left.op == Op::kSlot && is_constant(right)) return Comparison{&left, expr.op, &right.constant};
  if (right.op == Op::kSlot && is_constant(left)) return Comparison{&right, turned(expr.op), &left.constant};
  return std::nullopt;
}

int64_t clamped(Int128 value) { return static_cast<int64_t>(std::clamp<Int128>(value, INT64_MIN, INT64_MAX)); }

// Stored integers, scaled by 10^scale, for which `value op constant` holds. nullopt: the constant is too large to say.
std::optional<IntPredicate> stored_range(Op op, Numeric constant, uint8_t scale) {
  std::optional<Numeric> floor = constant.scale <= scale ? rescale(constant, scale) : std::nullopt;
  bool exact = true;
  if (constant.scale > scale) {
    // Digits that the column does not have: the nearest stored value below.
    Int128 divisor = 1;  // a Numeric has at most kNumericScaleMax digits, so 10^38 fits
    for (unsigned i = scale; i < constant.scale; ++i) divisor *= 10;
    Int128 quotient = constant.value / divisor, left = constant.value % divisor;
    exact = left == 0;
    floor = Numeric{left < 0 ? quotient - 1 : quotient, scale};
  }
  if (!floor) return std::nullopt;
  // The largest stored value at or below the constant, and the smallest at or above; beyond all that are stored it does not matter
  // by how much.
  const Int128 below = std::clamp<Int128>(floor->value, Int128{INT64_MIN} - 2, Int128{INT64_MAX} + 2);
  const Int128 above = exact ? below : below + 1;
  auto range = [](Int128 first, Int128 last) {
    if (first > INT64_MAX || last < INT64_MIN) return IntPredicate::range(1, 0);
    return IntPredicate::range(clamped(first), clamped(last));
  };
  switch (op) {
    case Op::kEqual: return exact ? range(below, below) : IntPredicate::range(1, 0);
    case Op::kLess: return range(INT64_MIN, above - 1);
    case Op::kLessEqual: return range(INT64_MIN, below);
    case Op::kGreater: return range(below + 1, INT64_MAX);
    case Op::kGreaterEqual: return range(above, INT64_MAX);
    default: return std::nullopt;
  }
}

class PushDown {
 public:
  explicit PushDown(const BoundSelect& select) : select_(select) {
    out_.filter.from = select.from;
    out_.filter.to = select.to;
  }

  PushedDown run() {
    if (select_.where != nullptr) visit(*select_.where);
    mark_filters();
    find_used();
    find_time_buckets();
    out_.marked_only = marked_rows_are_enough();
    return std::move(out_);
  }

 private:
  bool marked_rows_are_enough() const {
    const bool one_series = select_.keys.empty() || (select_.keys.size() == 1 && is_bucket_of_time(*select_.keys[0]));
    if (!select_.aggregated || !one_series || !out_.rest.empty()) return false;
    std::vector<bool> looked_at(select_.keys.size() + select_.aggregates.size());
    for (const OutputColumn& output : select_.outputs) look(*output.expr, looked_at);
    for (const OrderKey& key : select_.order_by) look(*key.expr, looked_at);
    if (select_.having != nullptr) look(*select_.having, looked_at);
    for (size_t i = 0; i < select_.aggregates.size(); ++i) {
      const bool for_appearance = std::ranges::find(select_.appears_when, i) != select_.appears_when.end() &&
                                  !looked_at[select_.keys.size() + i];
      if (!for_appearance && !out_.marks[select_.aggregates[i].filter]) return false;
    }
    return true;
  }

  // Slots of groups that an expression behind aggregation reads.
  static void look(const BoundExpr& expr, std::vector<bool>& at) {
    if (expr.op == Op::kSlot) at[expr.slot] = true;
    for (const BoundExprPtr& arg : expr.args) look(*arg, at);
  }

  // Before aggregation expressions stand over inputs, behind it over groups.
  void find_used() {
    out_.used.assign(select_.inputs.size(), false);
    use_beside_plain_keys();
    out_.key_alone.assign(select_.inputs.size(), false);
    for (const BoundExprPtr& key : select_.keys) {
      if (is_plain_key(*key)) out_.key_alone[key->slot] = !out_.used[key->slot];
    }
    for (const BoundExprPtr& key : select_.keys) {
      if (is_plain_key(*key)) use(*key);
    }
  }

  bool is_plain_key(const BoundExpr& key) const {
    return key.op == Op::kSlot && input(key).source == InputColumn::Source::kDimension;
  }

  void use_beside_plain_keys() {
    for (const BoundExpr* condition : out_.rest) use(*condition);
    for (const BoundExprPtr& key : select_.keys) {
      if (!is_plain_key(*key)) use(*key);
    }
    for (size_t i = 0; i < select_.filters.size(); ++i) {
      const RowFilter& rows = select_.filters[i];
      if (rows.condition != nullptr && !out_.marks[i]) use(*rows.condition);
      times_matter_ = times_matter_ || rows.rows == RowClass::kLate;
    }
    for (const Aggregate& aggregate : select_.aggregates) {
      if (aggregate.argument != nullptr) use(*aggregate.argument);
    }
    if (select_.aggregated) return;
    for (const OutputColumn& output : select_.outputs) use(*output.expr);
    for (const OrderKey& key : select_.order_by) use(*key.expr);
  }

  void use(const BoundExpr& expr) {
    if (is_bucket_of_time(expr)) {
      out_.used[expr.args[0]->slot] = true;
      buckets_.push_back(expr.bucketer.get());
      return;
    }
    if (expr.op == Op::kSlot) {
      out_.used[expr.slot] = true;
      times_matter_ = times_matter_ || input(expr).source == InputColumn::Source::kTime;
    }
    for (const BoundExprPtr& arg : expr.args) use(*arg);
  }

  bool is_bucket_of_time(const BoundExpr& expr) const {
    return expr.op == Op::kBucket && expr.bucketer != nullptr && expr.args[0]->op == Op::kSlot &&
           input(*expr.args[0]).source == InputColumn::Source::kTime;
  }

  void find_time_buckets() {
    if (times_matter_ || buckets_.empty()) return;
    const int64_t width = buckets_.front()->fixed_width();
    const bool same_width =
        std::ranges::all_of(buckets_, [width](const Bucketer* bucketer) { return bucketer->fixed_width() == width; });
    if (width > 0 && same_width) out_.time_buckets = buckets_.front();
  }

  // The time range of WHERE is not theirs: only what the scan says of columns goes down.
  void mark_filters() {
    for (const RowFilter& rows : select_.filters) {
      auto& mark = out_.marks.emplace_back();
      if (rows.condition == nullptr) continue;
      std::vector<ScanPredicate> predicates;
      target_ = &predicates;
      if (push_all(*rows.condition)) mark = std::move(predicates);
      target_ = nullptr;
    }
  }

  bool push_all(const BoundExpr& expr) {
    if (expr.op != Op::kAnd) return push(expr);
    return std::ranges::all_of(expr.args, [this](const BoundExprPtr& part) { return push_all(*part); });
  }

  void visit(const BoundExpr& expr) {
    if (expr.op == Op::kAnd) {
      for (const BoundExprPtr& part : expr.args) visit(*part);
    } else if (!is_in_time_range(expr) && !push(expr)) {
      out_.rest.push_back(&expr);
    }
  }

  const InputColumn& input(const BoundExpr& slot) const { return select_.inputs[slot.slot]; }

  // The binder has put these into [from, to).
  bool is_in_time_range(const BoundExpr& expr) const {
    std::optional<Comparison> comparison = as_comparison(expr);
    return comparison && input(*comparison->slot).source == InputColumn::Source::kTime &&
           comparison->constant->type == SqlType::kTimestamp;
  }

  bool push(const BoundExpr& expr) {
    if (expr.op == Op::kByCode) return push_dimension(expr);
    const bool in = expr.op == Op::kIn && !expr.negated && expr.args[0]->op == Op::kSlot;
    std::optional<Comparison> comparison = as_comparison(expr);
    if (!in && !comparison) return false;
    const InputColumn& column = input(in ? *expr.args[0] : *comparison->slot);
    if (column.source == InputColumn::Source::kId) return push_ids(column, expr, comparison);
    if (column.source != InputColumn::Source::kField) return false;
    if (column.type == SqlType::kString) return push_strings(column, expr, comparison);
    return in ? push_numbers_in(column, *expr.set) : push_number(column, *comparison);
  }

  // The strings of = and IN; nullopt: it is something else.
  static std::optional<std::vector<std::string_view>> strings_of(const BoundExpr& expr,
                                                                 const std::optional<Comparison>& comparison) {
    std::vector<std::string_view> values;
    if (comparison) {
      if (comparison->op != Op::kEqual || comparison->constant->type != SqlType::kString) return std::nullopt;
      values.push_back(comparison->constant->text);
      return values;
    }
    for (const Datum& value : expr.set->values) {
      if (value.type != SqlType::kString) return std::nullopt;
      values.push_back(value.text);
    }
    return values;
  }

  bool push_strings(const InputColumn& column, const BoundExpr& expr, const std::optional<Comparison>& comparison) {
    std::optional<std::vector<std::string_view>> values = strings_of(expr, comparison);
    if (!values) return false;
    const size_t count = values->size();
    add(column, false, StringPredicate::any_of(*std::move(values)), count, "value");
    return true;
  }

  bool push_ids(const InputColumn& column, const BoundExpr& expr, const std::optional<Comparison>& comparison) {
    std::optional<std::vector<std::string_view>> values = strings_of(expr, comparison);
    if (!values) return false;
    add(column, false, IdPredicate::any_of(*values), values->size(), "id");
    return true;
  }

  bool push_number(const InputColumn& column, const Comparison& comparison) {
    if (!is_numeric(column.type) || !is_numeric(comparison.constant->type)) return false;
    std::optional<IntPredicate> range = stored_range(comparison.op, comparison.constant->number, column.scale);
    if (!range) return false;
    add(column, false, *std::move(range), 1, comparison.op == Op::kEqual ? "value" : "range");
    return true;
  }

  bool push_numbers_in(const InputColumn& column, const InSet& set) {
    if (!is_numeric(column.type)) return false;
    std::vector<int64_t> values;
    for (const Datum& value : set.values) {
      if (!is_numeric(value.type)) return false;
      std::optional<IntPredicate> stored = stored_range(Op::kEqual, value.number, column.scale);
      if (!stored) return false;
      if (stored->first() <= stored->last()) values.push_back(stored->first());
    }
    const size_t count = values.size();
    add(column, false, IntPredicate::any_of(std::move(values)), count, "value");
    return true;
  }

  bool push_dimension(const BoundExpr& by_code) {
    const InputColumn& column = select_.inputs[by_code.code_slot];
    const Dictionary& dictionary = select_.snapshot->dictionary(column.position);
    std::optional<std::vector<int64_t>> codes = find_codes(*by_code.args[0], column, dictionary);
    if (!codes && dictionary.size() <= kPushDownCodesMax)
      codes = try_codes(*by_code.args[0], by_code, column, dictionary);
    if (!codes) return false;
    const size_t count = codes->size();
    add(column, true, IntPredicate::any_of(*std::move(codes)), count, "code");
    return true;
  }

  // The numbers of = and IN as a dictionary has them, 8 bytes little-endian; those that no INT64 is left out.
  static std::optional<std::vector<std::string>> stored_numbers_of(const BoundExpr& expr,
                                                                   const std::optional<Comparison>& comparison) {
    std::vector<std::string> stored;
    auto add_number = [&](const Datum& value) {
      std::optional<IntPredicate> range;
      if (is_numeric(value.type)) range = stored_range(Op::kEqual, value.number, 0);
      if (range && range->first() <= range->last()) {
        std::string bytes(sizeof(int64_t), 0);
        store_le(reinterpret_cast<uint8_t*>(bytes.data()), range->first());
        stored.push_back(std::move(bytes));
      }
      return range.has_value();
    };
    if (comparison) {
      if (comparison->op != Op::kEqual || !add_number(*comparison->constant)) return std::nullopt;
      return stored;
    }
    for (const Datum& value : expr.set->values) {
      if (!add_number(value)) return std::nullopt;
    }
    return stored;
  }

  // Of = and IN: the dictionary is asked for each value.
  static std::optional<std::vector<int64_t>> find_codes(const BoundExpr& expr, const InputColumn& column,
                                                        const Dictionary& dictionary) {
    std::optional<Comparison> comparison = as_comparison(expr);
    const bool in = expr.op == Op::kIn && !expr.negated && expr.args[0]->op == Op::kSlot;
    if (!comparison && !in) return std::nullopt;
    std::vector<std::string> numbers;
    std::vector<std::string_view> values;
    if (column.type == SqlType::kString) {
      std::optional<std::vector<std::string_view>> asked = strings_of(expr, comparison);
      if (!asked) return std::nullopt;
      values = *std::move(asked);
    } else {
      std::optional<std::vector<std::string>> asked = stored_numbers_of(expr, comparison);
      if (!asked) return std::nullopt;
      numbers = *std::move(asked);
      values.assign(numbers.begin(), numbers.end());
    }
    std::vector<uint32_t> found(values.size());
    dictionary.find_all(values, found);
    std::vector<int64_t> codes;
    for (size_t i = 0; i < values.size(); ++i) {
      if (found[i] != Dictionary::kNotFoundCode) codes.push_back(found[i]);
      if (column.type == SqlType::kString && values[i] == kOtherText) codes.push_back(kOtherCode);
    }
    return codes;
  }

  // Any other condition, tried on every code. One that fails for some code may never meet it: it stays with the executor.
  std::optional<std::vector<int64_t>> try_codes(const BoundExpr& expr, const BoundExpr& by_code,
                                                const InputColumn& column, const Dictionary& dictionary) const {
    std::vector<uint32_t> codes(dictionary.size());
    std::iota(codes.begin(), codes.end(), 0);
    Block block;
    block.rows = static_cast<uint32_t>(codes.size());
    block.columns.resize(select_.inputs.size());
    BlockColumn& view = block.columns[by_code.code_slot];
    view.kind = BlockColumn::Kind::kCodes;
    view.type = column.type;
    view.scale = column.scale;
    view.codes = codes.data();
    view.dictionary = &dictionary;
    EvaluationMemory memory;
    auto matching = filter_rows(expr, block, codes, memory);
    if (!matching) return std::nullopt;
    return std::vector<int64_t>(matching->begin(), matching->end());
  }

  void add(const InputColumn& column, bool is_dimension, decltype(ScanPredicate::matches) matches, size_t count,
           std::string_view unit) {
    ScanPredicate predicate{.column_id = column.column_id, .is_dimension = is_dimension, .matches = std::move(matches)};
    const bool is_mark = target_ != nullptr;
    (is_mark ? *target_ : out_.filter.predicates).push_back(std::move(predicate));
    std::string text =
        column.name + " (" + std::to_string(count) + " " + std::string(unit) + (count == 1 ? "" : "s") + ")";
    (is_mark ? out_.marked : out_.predicates).push_back(std::move(text));
  }

  const BoundSelect& select_;
  PushedDown out_;
  std::vector<ScanPredicate>* target_ = nullptr;  // of predicates, when not the filter's
  bool times_matter_ = false;                     // event times themselves, not their buckets
  std::vector<const Bucketer*> buckets_;          // of event times
};

}  // namespace

PushedDown push_down(const BoundSelect& select) {
  if (select.snapshot == nullptr) {
    PushedDown all;
    if (select.where != nullptr) all.rest.push_back(select.where.get());
    return all;
  }
  return PushDown(select).run();
}

}  // namespace tally

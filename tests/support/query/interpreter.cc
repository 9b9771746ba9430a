#include "tests/support/query/interpreter.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/hyperloglog.h"
#include "query/binder.h"
#include "tests/support/query/reference_time.h"

namespace tally::reference {
namespace {

std::unexpected<Failure> failed(std::string what) { return std::unexpected(Failure{std::move(what)}); }

std::string key_of_all(const std::vector<Value>& values) {
  std::string key;
  for (const Value& value : values) {
    const std::string part = key_of(value);
    key += std::to_string(part.size()) + ":" + part;
  }
  return key;
}

// One row of the source with the columns that the binder has given slots.
using SourceRow = std::vector<Value>;

struct Group {
  std::vector<Value> keys;
  std::vector<size_t> rows;  // of the source
};

class Interpretation {
 public:
  Interpretation(const BoundSelect& select, const Table& table) : select_(select), table_(table) {}

  Outcome<Answer> run() {
    if (select_.limit == 0) return std::move(answer_);  // nothing is asked, so nothing fails
    if (auto read = read_rows(); !read) return std::unexpected(read.error());
    auto computed = select_.aggregated ? aggregate() : project();
    if (!computed) return std::unexpected(computed.error());
    finish();
    return std::move(answer_);
  }

 private:
  // --- rows

  Outcome<void> read_rows() {
    if (select_.source == BoundSelect::Source::kOneRow) return take({}, nullptr);
    if (select_.source == BoundSelect::Source::kRows) {
      for (const std::vector<Datum>& given : select_.given_rows) {
        SourceRow row;
        for (const InputColumn& input : select_.inputs) row.push_back(value_of(given[input.position]));
        if (auto taken = take(std::move(row), nullptr); !taken) return taken;
      }
      return {};
    }
    for (const Row& row : table_.rows) {
      const bool counted = row.kind == RowKind::kEvent;
      if (select_.source == BoundSelect::Source::kRaw && !select_.every_kind && !counted) continue;
      SourceRow columns;
      for (const InputColumn& input : select_.inputs) columns.push_back(column(input, row));
      if (auto taken = take(std::move(columns), &row); !taken) return taken;
    }
    return {};
  }

  Value column(const InputColumn& input, const Row& row) const {
    switch (input.source) {
      case InputColumn::Source::kKind: return std::string(row_kind_name(row.kind));
      case InputColumn::Source::kLsn: return Exact{row.lsn, 0};
      case InputColumn::Source::kArrival: return Time{row.arrival};
      default: break;
    }
    for (size_t i = 0; i < table_.schema.columns.size(); ++i) {
      if (table_.schema.columns[i].name == input.name) return row.columns[i];
    }
    return Null{};
  }

  Outcome<void> take(SourceRow row, const Row* from) {
    if (select_.where != nullptr) {
      auto held = holds(*select_.where, [&](uint32_t slot) { return row[slot]; }, answer_.may_fail);
      if (!held) {
        // Rows that no aggregate looks at may or may not be asked.
        if (from != nullptr && select_.source == BoundSelect::Source::kTable && from->kind != RowKind::kEvent) {
          answer_.may_fail = true;
          return {};
        }
        return std::unexpected(held.error());
      }
      if (!*held) return {};
    }
    rows_.push_back(std::move(row));
    from_.push_back(from);
    return {};
  }

  Slots slots_of(size_t row) const {
    return [this, row](uint32_t slot) { return rows_[row][slot]; };
  }

  // --- without groups

  Outcome<void> project() {
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (auto added = add_output(slots_of(i)); !added) return added;
    }
    return {};
  }

  Outcome<void> add_output(const Slots& slots) {
    std::vector<Value> outputs, order;
    for (const OutputColumn& output : select_.outputs) {
      auto value = evaluate(*output.expr, slots);
      if (!value) return std::unexpected(value.error());
      outputs.push_back(*std::move(value));
    }
    for (const OrderKey& key : select_.order_by) {
      auto value = evaluate(*key.expr, slots);
      if (!value) return std::unexpected(value.error());
      order.push_back(*std::move(value));
    }
    if (select_.distinct && !seen_.insert(key_of_all(outputs)).second) return {};
    outputs_.push_back({std::move(outputs), std::move(order)});
    return {};
  }

  // --- with groups

  Outcome<void> aggregate() {
    if (auto grouped = group(); !grouped) return grouped;
    std::vector<std::vector<Value>> results;
    for (const auto& [key, group] : groups_) {
      std::vector<Value> row = group.keys;
      for (const Aggregate& wanted : select_.aggregates) {
        auto value = aggregate_of(wanted, group.rows);
        if (!value) return std::unexpected(value.error());
        row.push_back(*std::move(value));
      }
      if (appears(row)) results.push_back(std::move(row));
    }
    if (select_.fill) {
      if (auto filled = fill(results); !filled) return filled;
    }
    for (const std::vector<Value>& row : results) {
      const Slots slots = [&row](uint32_t slot) { return row[slot]; };
      if (select_.having != nullptr) {
        auto held = holds(*select_.having, slots, answer_.may_fail);
        if (!held) return std::unexpected(held.error());
        if (!*held) continue;
      }
      if (auto added = add_output(slots); !added) return added;
    }
    return {};
  }

  Outcome<void> group() {
    if (select_.keys.empty()) groups_[""];  // one group, also of no rows
    for (size_t i = 0; i < rows_.size(); ++i) {
      std::vector<Value> keys;
      for (const BoundExprPtr& key : select_.keys) {
        auto value = evaluate(*key, slots_of(i));
        if (!value) {
          if (!counted_by_any(i)) {  // a row that nothing counts need not be grouped
            answer_.may_fail = true;
            continue;
          }
          return std::unexpected(value.error());
        }
        keys.push_back(*std::move(value));
      }
      if (keys.size() < select_.keys.size()) continue;
      Group& group = groups_[key_of_all(keys)];
      if (group.rows.empty()) group.keys = std::move(keys);
      group.rows.push_back(i);
    }
    return {};
  }

  bool counted_by_any(size_t row) const {
    return std::any_of(select_.filters.begin(), select_.filters.end(),
                       [&](const RowFilter& filter) { return sign_of(filter, row) != 0; });
  }

  bool appears(const std::vector<Value>& row) const {
    if (select_.appears_when.empty()) return true;
    return std::any_of(select_.appears_when.begin(), select_.appears_when.end(), [&](uint32_t aggregate) {
      return std::get<Exact>(row[select_.keys.size() + aggregate]).value > 0;
    });
  }

  int sign_of(const RowFilter& filter, size_t row) const {
    if (from_[row] != nullptr && from_[row]->version < filter.since_version) return 0;
    return sign_of(filter.rows, row);
  }

  int sign_of(RowClass rows, size_t row) const {
    if (rows == RowClass::kAll || from_[row] == nullptr) return 1;
    const RowKind kind = from_[row]->kind;
    switch (rows) {
      case RowClass::kAdditive: return kind == RowKind::kEvent ? 1 : kind == RowKind::kRetraction ? -1 : 0;
      case RowClass::kEvents: return kind == RowKind::kEvent ? 1 : 0;
      case RowClass::kDuplicates: return kind == RowKind::kDuplicate ? 1 : 0;
      case RowClass::kConflicts: return kind == RowKind::kConflict ? 1 : 0;
      case RowClass::kRetracted: return kind == RowKind::kRetraction ? 1 : 0;
      case RowClass::kLate: {
        const Value& time = from_[row]->columns[table_.schema.time_column()];
        return kind == RowKind::kEvent && from_[row]->arrival - std::get<Time>(time).us > select_.grace_us ? 1 : 0;
      }
      case RowClass::kAll: break;
    }
    return 1;
  }

  // The values of an aggregate's argument, with their signs; without an argument a value a row.
  Outcome<std::vector<std::pair<Value, int>>> values_of(const Aggregate& wanted, const std::vector<size_t>& rows) {
    std::vector<std::pair<Value, int>> values;
    const RowFilter& filter = select_.filters[wanted.filter];
    for (const size_t row : rows) {
      const int sign = sign_of(filter, row);
      if (sign == 0) continue;
      if (filter.condition != nullptr) {
        auto held = evaluate(*filter.condition, slots_of(row));
        if (!held) return std::unexpected(held.error());
        const bool* truth = std::get_if<bool>(&*held);
        if (truth == nullptr || !*truth) continue;
      }
      if (wanted.argument == nullptr) {
        values.emplace_back(true, sign);
        continue;
      }
      auto value = evaluate(*wanted.argument, slots_of(row));
      if (!value) return std::unexpected(value.error());
      if (!is_null(*value)) values.emplace_back(*std::move(value), sign);
    }
    return values;
  }

  Outcome<Value> aggregate_of(const Aggregate& wanted, const std::vector<size_t>& rows) {
    auto values = values_of(wanted, rows);
    if (!values) return std::unexpected(values.error());
    switch (wanted.function) {
      case AggregateFunction::kCountRows:
      case AggregateFunction::kCount: {
        int64_t count = 0;
        for (const auto& [value, sign] : *values) count += sign;
        return Value(Exact{count, 0});
      }
      case AggregateFunction::kSum:
      case AggregateFunction::kAverage: return sum(wanted, *values);
      case AggregateFunction::kMin:
      case AggregateFunction::kMax: return extreme(wanted.function == AggregateFunction::kMax, *values);
      case AggregateFunction::kCountDistinct: {
        std::set<std::string> distinct;
        for (const auto& [value, sign] : *values) distinct.insert(key_of(value));
        return Value(Exact{distinct.size(), 0});
      }
      case AggregateFunction::kApproxDistinct: return estimate(wanted, *values);
    }
    return failed("an aggregate that nobody knows");
  }

  // 0 with the digits of the column that is added up.
  Exact zero_of(const Aggregate& wanted) const {
    const BoundExpr* argument = wanted.argument.get();
    const bool column = argument != nullptr && argument->op == Op::kSlot;
    return {0, column ? select_.inputs[argument->slot].scale : 0};
  }

  // A sum for each number of digits behind the point, then all of them, from the most digits to the fewest.
  Outcome<Value> sum(const Aggregate& wanted, const std::vector<std::pair<Value, int>>& values) const {
    int64_t count = 0;
    std::map<int, Exact, std::greater<>> sums;
    sums.emplace(zero_of(wanted).scale, zero_of(wanted));
    for (const auto& [value, sign] : values) {
      const Exact& exact = std::get<Exact>(value);
      Exact& part = sums.emplace(exact.scale, Exact{0, exact.scale}).first->second;
      part.value += sign * exact.value;
      count += sign;
    }
    for (const auto& [scale, part] : sums) {
      const std::optional<Exact> fitted = fit(part.value, scale);
      if (!fitted || fitted->scale != scale) return failed("overflow");
    }
    Exact total = sums.begin()->second;
    for (auto part = std::next(sums.begin()); part != sums.end(); ++part) {
      const std::optional<Exact> next = add(total, part->second);
      if (!next) return failed("overflow");
      total = *next;
    }
    if (count == 0 && !wanted.zero_when_empty) return Value(Null{});
    if (wanted.function == AggregateFunction::kSum) return Value(total);
    const std::optional<Exact> mean = divide(total, {count, 0});
    if (!mean) return failed("overflow");
    return Value(*mean);
  }

  static Value extreme(bool greatest, const std::vector<std::pair<Value, int>>& values) {
    Value best = Null{};
    for (const auto& [value, sign] : values) {
      if (is_null(best) || compare(value, best) * (greatest ? 1 : -1) > 0) best = value;
    }
    return best;
  }

  static Outcome<Value> estimate(const Aggregate& wanted, const std::vector<std::pair<Value, int>>& values) {
    HyperLogLog sketch(wanted.precision);
    for (const auto& [value, sign] : values) {
      if (const std::string* text = std::get_if<std::string>(&value)) {
        sketch.add(unique_hash(as_bytes(*text)));
      } else if (const Time* time = std::get_if<Time>(&value)) {
        sketch.add(unique_hash(time->us));
      } else if (const bool* truth = std::get_if<bool>(&value)) {
        sketch.add(unique_hash(int64_t{*truth}));
      } else if (const Exact* exact = std::get_if<Exact>(&value)) {
        sketch.add(wanted.argument->op == Op::kSlot ? unique_hash(static_cast<int64_t>(exact->value))
                                                    : hash_of(*exact));
      }
    }
    return Value(Exact{sketch.estimate(), 0});
  }

  // Of what is computed: 16 bytes of the value without zeros at its end, and its digits after the point.
  static uint64_t hash_of(Exact exact) {
    while (exact.scale > 0 && exact.value % 10 == 0) {
      exact.value /= 10;
      --exact.scale;
    }
    const BigInt wrapped = exact.value < 0 ? BigInt(exact.value + (BigInt(1) << 128)) : exact.value;
    std::vector<uint8_t> bytes(17);
    for (unsigned i = 0; i < 16; ++i) bytes[i] = static_cast<uint8_t>((wrapped >> (8 * i)) & 0xFF);
    bytes[16] = static_cast<uint8_t>(exact.scale);
    return unique_hash(bytes);
  }

  // --- FILL

  // What WHERE says of the event time, by looking at its ANDs once more.
  void time_range(const BoundExpr& condition, TimeUs& from, TimeUs& to) const {
    if (condition.op == Op::kAnd) {
      for (const BoundExprPtr& part : condition.args) time_range(*part, from, to);
      return;
    }
    if (condition.op < Op::kEqual || condition.op > Op::kGreaterEqual || condition.op == Op::kNotEqual) return;
    auto is_time = [&](const BoundExpr& side) {
      return side.op == Op::kSlot && select_.inputs[side.slot].source == InputColumn::Source::kTime;
    };
    const bool turned = is_time(*condition.args[1]);
    if (is_time(*condition.args[0]) == turned) return;
    const BoundExpr& other = *condition.args[turned ? 0 : 1];
    if (uses_slots(other)) return;
    auto value = evaluate(other, [](uint32_t) { return Value(Null{}); });
    if (!value || is_null(*value)) return;
    const TimeUs time = std::get<Time>(*value).us;
    const bool lower = condition.op == Op::kGreater || condition.op == Op::kGreaterEqual;
    const bool inclusive = condition.op != Op::kGreater && condition.op != Op::kLess;
    const bool equal = condition.op == Op::kEqual;
    if (equal || lower != turned) from = std::max(from, inclusive ? time : time + 1);
    if (equal || lower == turned) to = std::min(to, inclusive ? time + 1 : time);
  }

  static bool uses_slots(const BoundExpr& expr) {
    return expr.op == Op::kSlot ||
           std::any_of(expr.args.begin(), expr.args.end(), [](const auto& arg) { return uses_slots(*arg); });
  }

  Outcome<void> fill(std::vector<std::vector<Value>>& results) {
    const uint32_t key = select_.fill->key;
    const BoundExpr& bucket = *select_.keys[key];
    auto unit = evaluate(*bucket.args[1], nullptr);
    const std::string* word = std::get_if<std::string>(&*unit);
    const Interval width = word != nullptr ? *width_of_unit(*word) : std::get<Interval>(*unit);
    std::string zone = bucket.args.size() > 2 ? bucket.args[2]->constant.text : "";
    if (zone == "UTC") zone.clear();
    TimeUs from = INT64_MIN, to = INT64_MAX;
    const bool of_time =
        bucket.args[0]->op == Op::kSlot && select_.inputs[bucket.args[0]->slot].source == InputColumn::Source::kTime;
    if (of_time && select_.where != nullptr) time_range(*select_.where, from, to);
    if (from >= to) return {};
    std::map<std::string, std::vector<Value>> series;  // a row that has the other keys
    std::set<std::string> there;
    std::optional<TimeUs> first, last;
    for (const std::vector<Value>& row : results) {
      if (is_null(row[key])) continue;
      std::vector<Value> keys(row.begin(), row.begin() + static_cast<ptrdiff_t>(select_.keys.size()));
      there.insert(key_of_all(keys));
      const TimeUs begin = std::get<Time>(row[key]).us;
      first = std::min(first.value_or(begin), begin);
      last = std::max(last.value_or(begin), begin);
      keys[key] = Null{};
      series.emplace(key_of_all(keys), keys);
    }
    if (series.empty() && select_.keys.size() == 1) series.emplace("", std::vector<Value>{Null{}});
    if (from != INT64_MIN) first = bucket_begin(width, zone, from);
    if (to != INT64_MAX) last = bucket_begin(width, zone, to - 1);
    if (series.empty() || !first || !last) return {};
    for (TimeUs begin = *first; begin <= *last; begin = next_bucket(width, zone, begin)) {
      for (auto& [name, keys] : series) {
        std::vector<Value> row = keys;
        row[key] = Time{begin};
        if (there.contains(key_of_all(row))) continue;
        for (const Aggregate& wanted : select_.aggregates) row.push_back(empty_value(wanted));
        results.push_back(std::move(row));
        if (results.size() > 1'000'000) return failed("too many groups");
      }
    }
    return {};
  }

  Value empty_value(const Aggregate& wanted) const {
    switch (wanted.function) {
      case AggregateFunction::kMin:
      case AggregateFunction::kMax:
      case AggregateFunction::kAverage: return Null{};
      case AggregateFunction::kSum: return wanted.type == SqlType::kNull ? Value(Null{}) : Value(zero_of(wanted));
      default: return Exact{};
    }
  }

  // --- order

  struct Output {
    std::vector<Value> cells, order;
  };

  bool before(const Output& a, const Output& b) const {
    for (size_t i = 0; i < select_.order_by.size(); ++i) {
      const OrderKey& key = select_.order_by[i];
      const bool a_null = is_null(a.order[i]), b_null = is_null(b.order[i]);
      if (a_null != b_null) return a_null == key.nulls_first;
      if (a_null) continue;
      const int order = compare(a.order[i], b.order[i]);
      if (order != 0) return key.descending ? order > 0 : order < 0;
    }
    return false;
  }

  void finish() {
    answer_.ordered = !select_.order_by.empty();
    std::stable_sort(outputs_.begin(), outputs_.end(),
                     [this](const Output& a, const Output& b) { return before(a, b); });
    for (uint64_t i = select_.offset; i < outputs_.size() && i - select_.offset < select_.limit; ++i) {
      answer_.rows.push_back(std::move(outputs_[i].cells));
    }
  }

  const BoundSelect& select_;
  const Table& table_;
  std::vector<SourceRow> rows_;
  std::vector<const Row*> from_;  // of rows_; nullptr: of no table
  std::map<std::string, Group> groups_;
  std::set<std::string> seen_;
  std::vector<Output> outputs_;
  Answer answer_;
};

}  // namespace

Outcome<Answer> interpret(const SelectStatement& select, Catalog& catalog, const std::vector<Cell>& parameters,
                          const Table& table) {
  auto bound = bind_select(select, catalog, parameters, Binding::kPlain);
  if (!bound) return failed(bound.error().message);
  return Interpretation(*bound, table).run();
}

}  // namespace tally::reference

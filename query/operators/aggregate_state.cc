#include "query/operators/aggregate_state.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <utility>

#include "base/bytes.h"
#include "engine/column_loops.h"
#include "engine/hyperloglog.h"
#include "engine/sketch_format.h"
#include "query/evaluate.h"
#include "query/operators/group_table.h"

namespace tally {
namespace {

std::unexpected<SqlError> overflow(std::optional<uint32_t> offset) {
  return sql_fail(offset, "the sum does not fit 128 bits", {}, Code::kLimitExceeded);
}

// add(group, value, minus) for every row that has a value.
template <class Add>
void for_each_int(const AggregateInput& input, Add add) {
  const int64_t* values = input.ints.values;
  const Selection rows = input.ints.rows;
  if (input.ints.nulls != nullptr || input.signs != nullptr) {
    for (uint32_t i = 0; i < input.size; ++i) {
      const uint32_t row = rows[i];
      if (input.ints.nulls != nullptr && input.ints.nulls[row] != 0) continue;
      add(input.group(i), values[row], input.signs != nullptr && input.signs[i] < 0);
    }
  } else if (input.groups == nullptr) {
    for (uint32_t i = 0; i < input.size; ++i) add(0, values[rows[i]], false);
  } else if (rows.is_all()) {
    for (uint32_t i = 0; i < input.size; ++i) add(input.groups[i], values[i], false);
  } else {
    for (uint32_t i = 0; i < input.size; ++i) add(input.groups[i], values[rows[i]], false);
  }
}

// Halves are added up apart, as no sum of so few can wrap.
Int128 sum_of(const int64_t* values, size_t count) {
  static_assert(Selection::kAllMax <= 1 << 16);
  int64_t high = 0;
  uint64_t low = 0;
  column_kernels().sum_halves(values, count, &high, &low);
  return (static_cast<Int128>(high) << 32) + static_cast<Int128>(low);
}

// Whether numbers are all taken, as they stand.
bool takes_all(const AggregateInput& input) {
  return input.ints.values != nullptr && input.signs == nullptr && input.ints.nulls == nullptr &&
         input.ints.rows.is_all();
}

// Whether that is in runs of one group, or all of one group.
bool in_runs(const AggregateInput& input) { return takes_all(input) && input.groups == nullptr; }

// add(group, sum, rows) for every run.
template <class Add>
void for_each_run(const AggregateInput& input, Add add) {
  const int64_t* values = input.ints.values;
  if (input.runs.empty()) return add(0, sum_of(values, input.size), input.size);
  uint32_t row = 0;
  for (const GroupRun& run : input.runs) {
    add(run.group, sum_of(values + row, run.end - row), run.end - row);
    row = run.end;
  }
}

class CountState final : public AggregateState {
 public:
  void resize(uint32_t groups) override { counts_.resize(groups); }
  bool takes_ints() const override { return true; }
  bool takes_runs(const AggregateInput& input) const override {
    const bool counts_rows = input.values == nullptr && input.ints.values == nullptr && input.signs == nullptr;
    return counts_rows || takes_all(input);
  }
  Sql<void> update(const AggregateInput& input) override {
    if (takes_all(input)) {
      count_rows(input);
    } else if (input.ints.values != nullptr) {
      for_each_int(input, [this](uint32_t group, int64_t, bool minus) { counts_[group] += minus ? -1 : 1; });
    } else if (input.values != nullptr) {
      for (uint32_t i = 0; i < input.size; ++i) {
        if (!input.values->is_null(i)) counts_[input.group(i)] += input.signs != nullptr ? input.signs[i] : 1;
      }
    } else {
      count_rows(input);
    }
    return {};
  }
  Sql<void> merge(const AggregateInput& input) override {
    if (in_runs(input)) {
      for_each_run(input,
                   [this](uint32_t group, Int128 sum, uint32_t) { counts_[group] += static_cast<int64_t>(sum); });
      return {};
    }
    for_each_int(input,
                 [this](uint32_t group, int64_t count, bool minus) { counts_[group] += minus ? -count : count; });
    return {};
  }
  Sql<void> combine(const AggregateState& from, std::span<const uint32_t> numbers) override {
    const auto& other = static_cast<const CountState&>(from);
    for (size_t i = 0; i < numbers.size(); ++i) counts_[numbers[i]] += other.counts_[i];
    return {};
  }
  Sql<Vector> finish(uint32_t groups) override {
    Vector result = Vector::of(SqlType::kInt64, groups);
    for (uint32_t i = 0; i < groups; ++i) result.numbers[i] = counts_[i];
    return result;
  }
  bool above_zero(uint32_t group) const override { return counts_[group] > 0; }
  uint64_t memory_bytes() const override { return counts_.capacity() * 8; }

 private:
  void count_rows(const AggregateInput& input) {
    if (input.signs != nullptr) {
      for (uint32_t i = 0; i < input.size; ++i) counts_[input.group(i)] += input.signs[i];
    } else if (!input.runs.empty()) {
      uint32_t row = 0;
      for (const GroupRun& run : input.runs) counts_[run.group] += run.end - std::exchange(row, run.end);
    } else if (input.groups == nullptr) {
      counts_[0] += input.size;
    } else {
      for (uint32_t i = 0; i < input.size; ++i) ++counts_[input.groups[i]];
    }
  }

  std::vector<int64_t> counts_;
};

// SUM and AVG. Numbers of one scale are added as integers; the sums of each scale at the end, from the most digits to the fewest,
// with the rules of numeric: a sum with more than 38 digits is rounded, and the order in which rows come must not show.
class SumState final : public AggregateState {
 public:
  SumState(const Aggregate& aggregate, uint8_t scale)
      : average_(aggregate.function == AggregateFunction::kAverage),
        zero_when_empty_(aggregate.zero_when_empty),
        type_(aggregate.type),
        offset_(aggregate.offset),
        scale_(scale) {}

  void resize(uint32_t groups) override {
    totals_.resize(groups);
    if (!others_.empty()) others_.resize(groups);
  }

  bool takes_ints() const override { return true; }
  bool takes_runs(const AggregateInput& input) const override { return takes_all(input) && input.ints.scale == scale_; }
  Sql<void> update(const AggregateInput& input) override {
    if (input.ints.values != nullptr) return add_ints(input);
    const Vector& values = *input.values;
    if (values.all_null) return {};
    const bool plain = values.uniform_numbers() && values.scale == scale_;
    for (uint32_t i = 0; i < values.size; ++i) {
      if (values.is_null(i)) continue;
      uint32_t group = input.group(i);
      bool minus = input.signs != nullptr && input.signs[i] < 0;
      totals_[group].count += minus ? -1 : 1;
      if (plain) {
        add_plain(group, values.numbers[values.index(i)], minus);
      } else {
        const Numeric value = values.number(i);
        add_scaled(group, value.value, value.scale, minus);
      }
    }
    return {};
  }

  Sql<void> merge(const AggregateInput& input) override { return update(input); }

  Sql<void> combine(const AggregateState& from, std::span<const uint32_t> numbers) override {
    const auto& other = static_cast<const SumState&>(from);
    for (uint32_t i = 0; i < numbers.size(); ++i) {
      const Total& from_group = other.totals_[i];
      Total& into = totals_[numbers[i]];
      into.count += from_group.count;
      into.carry += from_group.carry + add_to(into.low, from_group.low, false);
      if (other.others_.empty()) continue;
      for (const auto& [scale, sum] : other.others_[i]) {
        WideSum& mine = sum_of_scale(numbers[i], scale);
        mine.carry += sum.carry + add_to(mine.low, sum.low, false);
      }
    }
    return {};
  }

  Sql<Vector> finish(uint32_t groups) override {
    Vector result = Vector::of(average_ ? SqlType::kDecimal : type_, groups);
    if (type_ == SqlType::kNull) return result;
    for (uint32_t i = 0; i < groups; ++i) {
      if (totals_[i].count == 0 && !zero_when_empty_) {
        result.set_null(i);
        continue;
      }
      std::optional<Numeric> value = total(i);
      if (average_ && value) value = divide(*value, {totals_[i].count, 0});
      if (!value) return overflow(offset_);
      result.set_number(i, *value);
    }
    return result;
  }

  uint64_t memory_bytes() const override {
    return totals_.capacity() * sizeof(Total) + others_.capacity() * sizeof(Others);
  }

 private:
  // A sum of 192 bits: carry * 2^128 + low. What leaves 128 bits on the way may come back: only the total has to fit, and the
  // order in which rows come does not show.
  struct WideSum {
    Int128 low = 0;
    int64_t carry = 0;
  };
  using Others = std::map<uint8_t, WideSum, std::greater<>>;  // by scale
  // Of one group; within one cache line, as rows of many groups miss the cache for each.
  struct alignas(32) Total {
    Int128 low = 0;  // of numbers of scale_, as in a WideSum
    int64_t carry = 0;
    int64_t count = 0;  // of values
  };
  static_assert(sizeof(Total) == 32);

  Sql<void> add_ints(const AggregateInput& input) {
    if (input.ints.scale != scale_) {
      for_each_int(input, [&](uint32_t group, int64_t value, bool minus) {
        add_scaled(group, value, input.ints.scale, minus);
        totals_[group].count += minus ? -1 : 1;
      });
    } else if (in_runs(input)) {
      for_each_run(input, [&](uint32_t group, Int128 sum, uint32_t rows) {
        add_plain(group, sum, false);
        totals_[group].count += rows;
      });
    } else if (input.groups != nullptr && input.signs == nullptr && input.ints.nulls == nullptr) {
      add_groups(input);
    } else {
      for_each_int(input, [&](uint32_t group, int64_t value, bool minus) {
        add_plain(group, value, minus);
        totals_[group].count += minus ? -1 : 1;
      });
    }
    return {};
  }

  // Most blocks: numbers of one scale without NULL. The totals of the groups ahead are asked for in time.
  void add_groups(const AggregateInput& input) {
    constexpr uint32_t kAhead = 16;
    const int64_t* values = input.ints.values;
    const uint32_t* rows = input.ints.rows.data();
    Total* totals = totals_.data();
    for (uint32_t i = 0; i < input.size; ++i) {
      if (i + kAhead < input.size) __builtin_prefetch(&totals[input.groups[i + kAhead]], 1);
      Total& total = totals[input.groups[i]];
      total.carry += add_to(total.low, values[rows[i]], false);
      ++total.count;
    }
  }

  // Adds modulo 2^128, and says what is to be carried: -1, 0 or 1.
  static int64_t add_to(Int128& sum, Int128 value, bool minus) {
    const bool below = sum < 0;
    const bool over = minus ? __builtin_sub_overflow(sum, value, &sum) : __builtin_add_overflow(sum, value, &sum);
    if (!over) [[likely]]
      return 0;
    return below ? -1 : 1;  // a sum leaves its range on the side on which it was
  }

  // Sums of numbers of 64 bits never carry: a table has too few rows.
  void add_plain(uint32_t group, Int128 value, bool minus) {
    Total& total = totals_[group];
    total.carry += add_to(total.low, value, minus);
  }

  void add_scaled(uint32_t group, Int128 value, uint8_t scale, bool minus) {
    if (scale == scale_) return add_plain(group, value, minus);
    WideSum& sum = sum_of_scale(group, scale);
    sum.carry += add_to(sum.low, value, minus);
  }

  WideSum& sum_of_scale(uint32_t group, uint8_t scale) {
    if (others_.empty()) others_.resize(totals_.size());
    return others_[group][scale];
  }

  // nullopt: it does not fit.
  static std::optional<Numeric> narrow(WideSum sum, uint8_t scale) {
    if (sum.carry != 0 || sum.low < -kInt128Max) return std::nullopt;
    return Numeric{sum.low, scale};
  }

  std::optional<Numeric> total(uint32_t group) const {
    const WideSum plain{totals_[group].low, totals_[group].carry};
    if (others_.empty() || others_[group].empty()) return narrow(plain, scale_);
    Others all = others_[group];
    all.emplace(scale_, plain);
    std::optional<Numeric> total;
    for (const auto& [scale, sum] : all) {
      const std::optional<Numeric> part = narrow(sum, scale);
      if (!part) return std::nullopt;
      total = total ? add(*total, *part) : part;
      if (!total) return std::nullopt;
    }
    return total;
  }

  const bool average_, zero_when_empty_;
  const SqlType type_;
  const std::optional<uint32_t> offset_;
  const uint8_t scale_;
  std::vector<Total> totals_;
  std::vector<Others> others_;  // of numbers of another scale than scale_; empty: there were none
};

class ExtremeState final : public AggregateState {
 public:
  ExtremeState(bool greatest, SqlType type) : greatest_(greatest), type_(type) {}

  void resize(uint32_t groups) override { best_.resize(groups); }

  Sql<void> update(const AggregateInput& input) override {
    const Vector& values = *input.values;
    for (uint32_t i = 0; i < values.size; ++i) {
      if (values.is_null(i)) continue;
      Datum& best = best_[input.group(i)];
      if (!best.is_null() && !better(values, i, best)) continue;
      text_bytes_ -= best.text.size();
      best = values.datum(i);
      text_bytes_ += best.text.size();
    }
    return {};
  }

  Sql<void> merge(const AggregateInput& input) override { return update(input); }

  Sql<void> combine(const AggregateState& from, std::span<const uint32_t> numbers) override {
    const auto& other = static_cast<const ExtremeState&>(from);
    for (size_t i = 0; i < numbers.size(); ++i) {
      const Datum& value = other.best_[i];
      Datum& best = best_[numbers[i]];
      if (value.is_null()) continue;
      const int order = best.is_null() ? 0 : compare_datums(value, best);
      if (!best.is_null() && (greatest_ ? order <= 0 : order >= 0)) continue;
      text_bytes_ += value.text.size() - best.text.size();
      best = value;
    }
    return {};
  }

  Sql<Vector> finish(uint32_t groups) override {
    Vector result = Vector::of(type_, groups);
    for (uint32_t i = 0; i < groups; ++i) result.set(i, best_[i]);
    return result;
  }

  uint64_t memory_bytes() const override { return best_.capacity() * sizeof(Datum) + text_bytes_; }

 private:
  bool better(const Vector& values, uint32_t i, const Datum& best) const {
    int order = 0;
    switch (values.type) {
      case SqlType::kString: order = values.text(i).compare(best.text); break;
      case SqlType::kTimestamp: order = values.time(i) < best.time ? -1 : values.time(i) > best.time ? 1 : 0; break;
      case SqlType::kBool: order = values.boolean(i) - best.boolean; break;
      default: {
        Vector other = Vector::of_constant(best, 1);
        order = is_numeric(values.type) ? compare(values.number(i), best.number) : compare_values(values, i, other, 0);
      }
    }
    return greatest_ ? order > 0 : order < 0;
  }

  const bool greatest_;
  const SqlType type_;
  std::vector<Datum> best_;
  uint64_t text_bytes_ = 0;
};

class CountDistinctState final : public AggregateState {
 public:
  CountDistinctState() : seen_(3) {}
  void resize(uint32_t groups) override { counts_.resize(groups); }

  Sql<void> update(const AggregateInput& input) override {
    const Vector& values = *input.values;
    constexpr size_t kWords = 3;  // group, NULL or not, value
    words_.assign(values.size * kWords, 0);
    column_.encode(values, words_.data() + 2, words_.data() + 1, 1, kWords);
    for (uint32_t i = 0; i < values.size; ++i) {
      if (values.is_null(i)) continue;
      words_[i * kWords] = input.group(i);
      uint32_t before = seen_.size(), number;
      seen_.find_or_add(words_.data() + i * kWords, 1, &number);
      counts_[input.group(i)] += seen_.size() - before;
    }
    return {};
  }

  Sql<void> merge(const AggregateInput&) override {
    return sql_fail(std::nullopt, "no rollup stores distinct values", {}, Code::kInternal);
  }

  Sql<void> combine(const AggregateState& from, std::span<const uint32_t> numbers) override {
    const auto& other = static_cast<const CountDistinctState&>(from);
    const uint32_t pairs = other.seen_.size();
    std::vector<uint32_t> groups(pairs);
    std::vector<uint64_t> words(pairs);
    for (uint32_t i = 0; i < pairs; ++i) {
      groups[i] = numbers[other.seen_.key(i)[0]];
      words[i] = other.seen_.key(i)[2];
    }
    const Vector values = other.column_.decode_all(words);
    return update({.size = pairs, .groups = groups.data(), .values = &values, .ints = {}});
  }

  Sql<Vector> finish(uint32_t groups) override {
    Vector result = Vector::of(SqlType::kInt64, groups);
    for (uint32_t i = 0; i < groups; ++i) result.numbers[i] = counts_[i];
    return result;
  }
  uint64_t memory_bytes() const override {
    return counts_.capacity() * 8 + seen_.memory_bytes() + column_.memory_bytes();
  }

 private:
  KeyColumn column_;
  GroupTable seen_;
  std::vector<uint64_t> words_;
  std::vector<int64_t> counts_;
};

class ApproxDistinctState final : public AggregateState {
 public:
  ApproxDistinctState(uint8_t precision, bool stored) : precision_(precision), stored_(stored) {}
  void resize(uint32_t groups) override {
    while (sketches_.size() < groups) sketches_.emplace_back(precision_);
  }

  Sql<void> update(const AggregateInput& input) override {
    const Vector& values = *input.values;
    for (uint32_t i = 0; i < values.size; ++i) {
      if (values.is_null(i)) continue;
      HyperLogLog& sketch = sketches_[input.group(i)];
      uint64_t before = sketch.memory_bytes();
      sketch.add(hash_of(values, i));
      sketch_bytes_ += sketch.memory_bytes() - before;
    }
    return {};
  }

  Sql<void> merge(const AggregateInput& input) override {
    if (!stored_) return sql_fail(std::nullopt, "no rollup stores sketches of what is computed", {}, Code::kInternal);
    const Vector& values = *input.values;
    for (uint32_t i = 0; i < values.size; ++i) {
      if (values.is_null(i)) continue;
      HyperLogLog& sketch = sketches_[input.group(i)];
      const uint64_t before = sketch.memory_bytes();
      if (Status merged = merge_stored_sketch(as_bytes(values.text(i)), sketch); !merged) {
        return sql_fail(std::nullopt, merged.error().message, {}, merged.error().code);
      }
      sketch_bytes_ += sketch.memory_bytes() - before;
    }
    return {};
  }

  Sql<void> combine(const AggregateState& from, std::span<const uint32_t> numbers) override {
    const auto& other = static_cast<const ApproxDistinctState&>(from);
    for (size_t i = 0; i < numbers.size(); ++i) {
      HyperLogLog& sketch = sketches_[numbers[i]];
      const uint64_t before = sketch.memory_bytes();
      sketch.merge(other.sketches_[i]);
      sketch_bytes_ += sketch.memory_bytes() - before;
    }
    return {};
  }

  Sql<Vector> finish(uint32_t groups) override {
    Vector result = Vector::of(SqlType::kInt64, groups);
    for (uint32_t i = 0; i < groups; ++i) result.numbers[i] = static_cast<Int128>(sketches_[i].estimate());
    return result;
  }
  uint64_t memory_bytes() const override { return sketches_.capacity() * sizeof(HyperLogLog) + sketch_bytes_; }

 private:
  uint64_t hash_of(const Vector& values, uint32_t i) {
    if (values.dictionary != nullptr) return code_hash(values, i);
    switch (values.type) {
      case SqlType::kString: return unique_hash(as_bytes(values.text(i)));
      case SqlType::kTimestamp: return unique_hash(values.time(i));
      case SqlType::kBool: return unique_hash(int64_t{values.boolean(i)});
      case SqlType::kInterval: return wide_hash({values.number(i).value, 0});
      default: break;
    }
    return stored_ ? unique_hash(static_cast<int64_t>(values.number(i).value))
                   : wide_hash(normalized(values.number(i)));
  }

  // Of what is computed: 1 and 1.0 are one value, 1 and 0.1 are two, and numbers may have more than 64 bits. Nothing that is
  // stored is hashed so; an aggregate has one argument, so no sketch holds hashes of both kinds.
  static uint64_t wide_hash(Numeric value) {
    std::array<uint8_t, 17> bytes{};
    store_le(bytes.data(), static_cast<uint64_t>(value.value));
    store_le(bytes.data() + 8, static_cast<uint64_t>(static_cast<Uint128>(value.value) >> 64));
    bytes[16] = value.scale;
    return unique_hash(bytes);
  }

  // Hashed once a code; a hash of 0 is simply computed again.
  uint64_t code_hash(const Vector& values, uint32_t i) {
    uint32_t code = values.codes[values.index(i)];
    if (code >= code_hashes_.size()) code_hashes_.resize(std::max<size_t>(code + 1, code_hashes_.size() * 2));
    uint64_t& hash = code_hashes_[code];
    if (hash == 0) {
      hash = values.type == SqlType::kString ? unique_hash(as_bytes(values.text(i)))
                                             : unique_hash(static_cast<int64_t>(values.number(i).value));
    }
    return hash;
  }

  const uint8_t precision_;
  const bool stored_;  // the argument is a column: hashed as rollups do, whose sketches are merged into these
  std::vector<HyperLogLog> sketches_;
  std::vector<uint64_t> code_hashes_;
  uint64_t sketch_bytes_ = 0;
};

bool is_stored_argument(const Aggregate& aggregate) {
  return aggregate.argument != nullptr && aggregate.argument->op == Op::kSlot;
}

}  // namespace

std::unique_ptr<AggregateState> make_aggregate_state(const Aggregate& aggregate, uint8_t scale) {
  switch (aggregate.function) {
    case AggregateFunction::kCountRows:
    case AggregateFunction::kCount: return std::make_unique<CountState>();
    case AggregateFunction::kSum:
    case AggregateFunction::kAverage: return std::make_unique<SumState>(aggregate, scale);
    case AggregateFunction::kMin: return std::make_unique<ExtremeState>(false, aggregate.type);
    case AggregateFunction::kMax: return std::make_unique<ExtremeState>(true, aggregate.type);
    case AggregateFunction::kCountDistinct: return std::make_unique<CountDistinctState>();
    case AggregateFunction::kApproxDistinct:
      return std::make_unique<ApproxDistinctState>(aggregate.precision, is_stored_argument(aggregate));
  }
  return nullptr;
}

}  // namespace tally

#include "engine/condition_eval.h"

#include <doctest/doctest.h>

#include "tests/support/engine/sample_schemas.h"
#include "tests/support/engine/seed.h"
#include "tests/support/engine/small_rows.h"

using namespace tally;
using Op = Condition::Op;

namespace {

enum class Three : uint8_t { kNo, kYes, kUnknown };

Three three(bool value) { return value ? Three::kYes : Three::kNo; }

Value cell(const Schema& schema, const PreparedBatch& batch, uint32_t column_id, uint32_t row) {
  size_t dimension = 0;
  size_t field = 0;
  for (const Column& column : schema.columns) {
    bool here = column.id == column_id;
    bool string = column.type == ColumnType::kString;
    if (column.role == ColumnRole::kEventTime && here) return batch.times[row];
    if (column.role == ColumnRole::kDimension) {
      const auto& data = batch.dimensions[dimension++];
      uint32_t code = data.local_codes[row];
      if (!here) continue;
      if (code == 0) return {};
      if (string) return std::string(data.local_values[code - 1]);
      return load_le<int64_t>(as_bytes(data.local_values[code - 1]).data());
    }
    if (column.role == ColumnRole::kField) {
      const auto& data = batch.fields[field++];
      if (!here) continue;
      if (string) {
        return data.strings[row].is_null() ? Value() : std::string(data.strings[row].view());
      }
      return !data.nulls.empty() && data.nulls[row] != 0 ? Value() : data.ints[row];
    }
  }
  return {};
}

// A row-at-a-time interpreter, as SQL's definition reads.
Three compare(Op op, const Value& a, const Value& b) {
  if (is_null(a) || is_null(b) || a.index() != b.index()) return Three::kUnknown;
  switch (op) {
    case Op::kEq: return three(a == b);
    case Op::kNe: return three(a != b);
    case Op::kLt: return three(a < b);
    case Op::kLe: return three(a <= b);
    case Op::kGt: return three(a > b);
    default: return three(a >= b);
  }
}

// The first of `parts` that is `decisive` decides; else one that is unknown leaves the whole unknown.
template <class Parts, class Judge>
Three any_of(const Parts& parts, Three decisive, Judge judge) {
  Three result = decisive == Three::kYes ? Three::kNo : Three::kYes;
  for (const auto& part : parts) {
    const Three one = judge(part);
    if (one == decisive) return decisive;
    if (one == Three::kUnknown) result = Three::kUnknown;
  }
  return result;
}

Three interpret(const Condition& node, const Schema& schema, const PreparedBatch& batch, uint32_t row) {
  auto child = [&](const Condition& condition) { return interpret(condition, schema, batch, row); };
  if (node.op == Op::kNot) {
    const Three inner = child(node.children[0]);
    return inner == Three::kUnknown ? inner : three(inner == Three::kNo);
  }
  if (node.op == Op::kOr) return any_of(node.children, Three::kYes, child);
  if (node.op == Op::kAnd) return any_of(node.children, Three::kNo, child);
  const Value value = cell(schema, batch, node.column_id, row);
  if (node.op == Op::kIsNull) return three(is_null(value));
  if (node.op == Op::kIsNotNull) return three(!is_null(value));
  if (node.op != Op::kIn) return compare(node.op, value, node.values[0]);
  return any_of(node.values, Three::kYes, [&](const Value& one) { return compare(Op::kEq, value, one); });
}

Value random_value(const Column& column, Random& random) {
  if (random.chance(0.1)) return {};
  if (column.role == ColumnRole::kEventTime) {
    return 1'700'000'000 * kMicrosPerSecond + static_cast<TimeUs>(random.below(1000));
  }
  if (column.type != ColumnType::kString) return static_cast<int64_t>(random.below(11)) - 5;
  return std::string(random.below(6) * 6, static_cast<char>('c' + random.below(2) * 2));
}

Condition random_condition(const Schema& schema, Random& random, unsigned depth) {
  Condition node;
  if (depth > 0 && random.chance(0.6)) {
    node.op = static_cast<Op>(random.between(1, 3));
    size_t children = node.op == Op::kNot ? 1 : random.between(1, 3);
    for (size_t i = 0; i < children; ++i) {
      node.children.push_back(random_condition(schema, random, depth - 1));
    }
    return node;
  }
  node.op = static_cast<Op>(random.between(4, 12));
  size_t position = random.below(schema.columns.size() - 1);
  const Column& column = schema.columns[position == 1 ? 6 : position];  // not the id
  node.column_id = random.chance(0.05) ? 999 : column.id;
  size_t values = node.op == Op::kIn ? random.between(1, 4) : node.op < Op::kIn ? 1 : 0;
  for (size_t i = 0; i < values; ++i) node.values.push_back(random_value(column, random));
  return node;
}

}  // namespace

TEST_CASE("conditions over columns agree with a row-at-a-time interpreter") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  Schema schema = small_schema();
  uint64_t held = 0;
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    auto batch = small_batch(schema, random, 40);
    Condition condition = random_condition(schema, random, 3);
    std::vector<uint8_t> mask;
    evaluate_condition(condition, schema, *batch, mask);
    REQUIRE(mask.size() == batch->rows);
    for (uint32_t row = 0; row < batch->rows; ++row) {
      CAPTURE(row);
      bool want = interpret(condition, schema, *batch, row) == Three::kYes;
      REQUIRE(mask[row] == (want ? 1 : 0));
      held += want;
    }
  }
  CHECK(held > 1'000);  // the test is not about conditions that never hold
}

TEST_CASE("the first lateness class that takes a row is its class") {
  Schema schema = small_schema();
  auto by_country = [&](int letters) {
    return column_equals(schema, "country", std::string(static_cast<size_t>(letters), 'c'));
  };
  schema.lateness.push_back({.lateness_us = 5, .condition = by_country(6), .condition_text = ""});
  Condition any_country;
  any_country.op = Op::kIsNotNull;
  any_country.column_id = schema.find_column("country")->id;
  schema.lateness.push_back({.lateness_us = 9, .condition = any_country, .condition_text = ""});
  Random random(4);
  auto batch = small_batch(schema, random, 500);
  std::vector<uint8_t> classes;
  classify_lateness(schema, *batch, classes);
  uint32_t counts[3] = {};
  for (uint32_t row = 0; row < batch->rows; ++row) {
    Value country = cell(schema, *batch, any_country.column_id, row);
    uint8_t want = country == Value(std::string(6, 'c')) ? 0 : is_null(country) ? 2 : 1;
    REQUIRE(classes[row] == want);
    ++counts[want];
  }
  for (uint32_t count : counts) CHECK(count > 0);
}

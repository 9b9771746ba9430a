#include "engine/condition.h"

#include <doctest/doctest.h>

using namespace tally;
using Op = Condition::Op;

namespace {

Condition leaf(Op op, uint32_t column, std::vector<Value> values) {
  return {.op = op, .column_id = column, .values = std::move(values), .children = {}};
}
Condition branch(Op op, std::vector<Condition> children) {
  return {.op = op, .column_id = 0, .values = {}, .children = std::move(children)};
}
Condition sample() {
  return branch(Op::kOr, {branch(Op::kNot, {leaf(Op::kIsNull, 3, {})}),
                          leaf(Op::kIn, 7, {Value(std::string("de")), Value(), Value(int64_t{-5})})});
}
Bytes encoded(const Condition& condition) {
  Bytes bytes;
  ByteWriter out(bytes);
  encode_condition(condition, out);
  return bytes;
}

}  // namespace

TEST_CASE("a condition reads back as it was written") {
  Bytes bytes = encoded(sample());
  ByteReader in(bytes);
  auto decoded = decode_condition(in);
  REQUIRE(decoded.has_value());
  CHECK(*decoded == sample());
  CHECK(in.at_end());
}

TEST_CASE("condition: worked example of the layout") {
  Bytes bytes = encoded(leaf(Op::kEq, 3, {Value(std::string("click"))}));
  CHECK(hex(bytes) ==
        "04"
        "03000000"
        "01000000"
        "02"
        "05000000"
        "636c69636b"
        "00000000");
}

TEST_CASE("every truncation and every flipped bit of a condition gives an error or a condition") {
  Bytes bytes = encoded(sample());
  for (size_t size = 0; size < bytes.size(); ++size) {
    ByteReader in(ByteSpan(bytes).first(size));
    CHECK_FALSE(decode_condition(in).has_value());
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes damaged = bytes;
    damaged[bit / 8] = static_cast<uint8_t>(damaged[bit / 8] ^ (1u << (bit % 8)));
    ByteReader in(damaged);
    auto decoded = decode_condition(in);
    if (!decoded) continue;
    CHECK(check_condition(*decoded).has_value());
    CHECK(encoded(*decoded).size() <= damaged.size());
  }
}

TEST_CASE("conditions: shape and limits") {
  CHECK(check_condition(leaf(Op::kEq, 1, {Value(int64_t{1})})).has_value());
  CHECK_FALSE(check_condition(leaf(Op::kEq, 1, {})).has_value());
  CHECK_FALSE(check_condition(leaf(Op::kIn, 1, {})).has_value());
  CHECK_FALSE(check_condition(leaf(Op::kIsNull, 1, {Value()})).has_value());
  CHECK_FALSE(check_condition(branch(Op::kAnd, {})).has_value());
  CHECK_FALSE(check_condition(branch(Op::kNot, {})).has_value());
  CHECK_FALSE(check_condition(leaf(static_cast<Op>(99), 1, {})).has_value());

  Condition deep = leaf(Op::kIsNull, 1, {});
  for (unsigned i = 1; i < kConditionDepthMax; ++i) deep = branch(Op::kNot, {deep});
  CHECK(check_condition(deep).has_value());
  CHECK(check_condition(branch(Op::kNot, {deep})).error().code == Code::kLimitExceeded);

  auto wide = [](size_t values) { return leaf(Op::kIn, 1, std::vector<Value>(values, int64_t{1})); };
  CHECK(check_condition(wide(kConditionNodesMax - 1)).has_value());
  CHECK(check_condition(wide(kConditionNodesMax)).error().code == Code::kLimitExceeded);
}

TEST_CASE("a condition that nests far too deep in its bytes is refused, not followed") {
  Bytes bytes;
  ByteWriter out(bytes);
  for (int i = 0; i < 100'000; ++i) {
    out.u8(static_cast<uint8_t>(Op::kNot));
    out.u32(0);
    out.u32(0);
    out.u32(1);
  }
  ByteReader in(bytes);
  CHECK(decode_condition(in).error().code == Code::kCorruption);
}

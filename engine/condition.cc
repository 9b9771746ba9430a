#include "engine/condition.h"

#include <algorithm>

#include "base/limits.h"

namespace tally {
namespace {

using Op = Condition::Op;

enum class ValueTag : uint8_t { kNull = 0, kInt = 1, kString = 2 };

void encode_value(const Value& value, ByteWriter& out) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    out.u8(static_cast<uint8_t>(ValueTag::kInt));
    out.i64(*number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    out.u8(static_cast<uint8_t>(ValueTag::kString));
    out.string(*text);
  } else {
    out.u8(static_cast<uint8_t>(ValueTag::kNull));
  }
}

Result<Value> decode_value(ByteReader& in) {
  TALLY_ASSIGN_OR_RETURN(uint8_t tag, in.u8("value tag"));
  switch (static_cast<ValueTag>(tag)) {
    case ValueTag::kNull: return Value();
    case ValueTag::kInt: {
      TALLY_ASSIGN_OR_RETURN(int64_t number, in.i64("integer value"));
      return Value(number);
    }
    case ValueTag::kString: {
      TALLY_ASSIGN_OR_RETURN(auto text, in.string(limits::kStringBytesMax, "string value"));
      return Value(std::string(text));
    }
  }
  return fail(Code::kCorruption, "condition: unknown value tag " + std::to_string(tag));
}

// What one node may carry, its children apart.
Status check_shape(const Condition& node) {
  size_t values = node.values.size();
  size_t children = node.children.size();
  bool leaf = children == 0;
  switch (node.op) {
    case Op::kAnd:
    case Op::kOr:
      if (!leaf && values == 0 && node.column_id == 0) return {};
      break;
    case Op::kNot:
      if (children == 1 && values == 0 && node.column_id == 0) return {};
      break;
    case Op::kEq:
    case Op::kNe:
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
      if (leaf && values == 1) return {};
      break;
    case Op::kIn:
      if (leaf && values > 0) return {};
      break;
    case Op::kIsNull:
    case Op::kIsNotNull:
      if (leaf && values == 0) return {};
      break;
    default:
      return fail(Code::kInvalidArgument,
                  "condition: unknown operator " + std::to_string(static_cast<unsigned>(node.op)));
  }
  return fail(Code::kInvalidArgument, "condition: operator " + std::to_string(static_cast<unsigned>(node.op)) +
                                          " with " + std::to_string(values) + " values and " +
                                          std::to_string(children) + " children");
}

// Nodes and values of the whole tree count against one limit, so that no nesting multiplies it.
Status check_tree(const Condition& node, unsigned depth, size_t& budget) {
  if (depth > kConditionDepthMax) {
    return fail(Code::kLimitExceeded, "condition: nested deeper than " + std::to_string(kConditionDepthMax));
  }
  size_t cost = 1 + node.values.size();
  if (cost > budget) {
    return fail(Code::kLimitExceeded,
                "condition: more than " + std::to_string(kConditionNodesMax) + " operators and values");
  }
  budget -= cost;
  TALLY_TRY(check_shape(node));
  for (const Value& value : node.values) {
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && text->size() > limits::kStringBytesMax) {
      return fail(Code::kLimitExceeded,
                  "condition: a string value above " + std::to_string(limits::kStringBytesMax) + " bytes");
    }
  }
  for (const Condition& child : node.children) TALLY_TRY(check_tree(child, depth + 1, budget));
  return {};
}

Result<uint32_t> decode_count(ByteReader& in, size_t& budget, std::string_view what) {
  TALLY_ASSIGN_OR_RETURN(uint32_t count, in.u32(what));
  if (count > budget) {
    return fail(Code::kCorruption, "condition: " + std::to_string(count) + " " + std::string(what) + " is too many");
  }
  return count;
}

Result<Condition> decode_node(ByteReader& in, unsigned depth, size_t& budget) {
  if (depth > kConditionDepthMax) {
    return fail(Code::kCorruption, "condition: nested deeper than " + std::to_string(kConditionDepthMax));
  }
  if (budget == 0) return fail(Code::kCorruption, "condition: too many nodes");
  --budget;
  Condition node;
  TALLY_ASSIGN_OR_RETURN(uint8_t op, in.u8("condition operator"));
  node.op = static_cast<Op>(op);
  TALLY_ASSIGN_OR_RETURN(node.column_id, in.u32("condition column"));
  TALLY_ASSIGN_OR_RETURN(uint32_t values, decode_count(in, budget, "condition values"));
  budget -= values;
  for (uint32_t i = 0; i < values; ++i) {
    TALLY_ASSIGN_OR_RETURN(Value value, decode_value(in));
    node.values.push_back(std::move(value));
  }
  TALLY_ASSIGN_OR_RETURN(uint32_t children, decode_count(in, budget, "condition children"));
  for (uint32_t i = 0; i < children; ++i) {
    TALLY_ASSIGN_OR_RETURN(Condition child, decode_node(in, depth + 1, budget));
    node.children.push_back(std::move(child));
  }
  return node;
}

}  // namespace

bool mentions_column(const Condition& condition, uint32_t column_id) {
  const bool leaf = condition.op != Op::kAnd && condition.op != Op::kOr && condition.op != Op::kNot;
  if (leaf) return condition.column_id == column_id;
  return std::any_of(condition.children.begin(), condition.children.end(),
                     [column_id](const Condition& child) { return mentions_column(child, column_id); });
}

Status check_condition(const Condition& condition) {
  size_t budget = kConditionNodesMax;
  return check_tree(condition, 1, budget);
}

void encode_condition(const Condition& condition, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(condition.op));
  out.u32(condition.column_id);
  out.u32(static_cast<uint32_t>(condition.values.size()));
  for (const Value& value : condition.values) encode_value(value, out);
  out.u32(static_cast<uint32_t>(condition.children.size()));
  for (const Condition& child : condition.children) encode_condition(child, out);
}

Result<Condition> decode_condition(ByteReader& in) {
  size_t budget = kConditionNodesMax;
  TALLY_ASSIGN_OR_RETURN(Condition condition, decode_node(in, 1, budget));
  if (Status valid = check_condition(condition); !valid) {
    return fail(Code::kCorruption, valid.error().message);
  }
  return condition;
}

}  // namespace tally

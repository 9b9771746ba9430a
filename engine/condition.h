// A condition on the columns of one row: what makes a measure count a row and a lateness class take it. The engine's own
// form, without text: the query layer makes it from SQL and prints it back. NULL makes a comparison unknown, and only a
// condition that is true holds (SQL's three-valued logic).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "engine/value.h"

namespace tally {

struct Condition {
  enum class Op : uint8_t {
    kAnd = 1,
    kOr = 2,
    kNot = 3,  // over children
    kEq = 4,
    kNe = 5,
    kLt = 6,
    kLe = 7,
    kGt = 8,
    kGe = 9,   // column against values[0]
    kIn = 10,  // column against any of values
    kIsNull = 11,
    kIsNotNull = 12,
  };
  Op op = Op::kAnd;
  uint32_t column_id = 0;
  std::vector<Value> values;
  std::vector<Condition> children;

  friend bool operator==(const Condition&, const Condition&) = default;
};

inline constexpr unsigned kConditionDepthMax = 32;
inline constexpr unsigned kConditionNodesMax = 4096;  // operators and values together

// The form alone: operators with the children and values they take, within the limits. That columns exist and types fit is
// validate_schema()'s (schema.h). decode_condition() returns nothing that fails here; encode_condition() wants it true.
Status check_condition(const Condition& condition);

bool mentions_column(const Condition& condition, uint32_t column_id);

//   OFFSET SIZE TYPE FIELD
//   0      1    u8   operator
//   1      4    u32  column id (0 for and, or, not)
//   5      4    u32  number of values, then each: u8 tag; 0 = NULL; 1 = i64; 2 = u32 length and bytes
//   ..     4    u32  number of children, then each child in this same form
void encode_condition(const Condition& condition, ByteWriter& out);
Result<Condition> decode_condition(ByteReader& in);

}  // namespace tally

// One value with its SQL type: literals, parameters, cells.
#pragma once

#include <string>

#include "base/clock.h"
#include "query/interval_math.h"
#include "query/numeric.h"
#include "query/query.h"

namespace tally {

struct Datum {
  SqlType type = SqlType::kNull;  // kNull: NULL; whole numbers are kInt64, others kDecimal
  bool boolean = false;
  Numeric number;  // kInt64, kDecimal; kInterval: packed in its value
  TimeUs time = 0;
  std::string text;

  bool is_null() const { return type == SqlType::kNull; }
  static Datum of_bool(bool value);
  static Datum of_number(Numeric value);
  static Datum of_integer(int64_t value) { return of_number({value, 0}); }
  static Datum of_time(TimeUs value);
  static Datum of_interval(const Interval& value);
  static Datum of_text(std::string value);
};

bool same(const Datum& a, const Datum& b);           // NULL is the same as NULL; 1.0 is not 1.00
int compare_datums(const Datum& a, const Datum& b);  // of one type, neither NULL: below 0, 0, above 0
// Of a parameter, which anybody may have made: kInvalidArgument where a number is none that can be counted with exactly, which
// is one of 127 bits and kNumericScaleMax digits after the point. A double counts as the shortest decimal that reads as it.
Result<Datum> to_datum(const Cell& cell);
Cell to_cell(const Datum& datum);          // intervals become text
std::string to_text(const Datum& datum);   // as a SQL literal, for EXPLAIN and messages
std::string_view type_name(SqlType type);  // "a number", "a string": for messages
inline bool is_numeric(SqlType type) { return type == SqlType::kInt64 || type == SqlType::kDecimal; }

}  // namespace tally

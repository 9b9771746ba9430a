// A value of the reference interpreter, and a row of the reference table.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/interval.h"
#include "engine/chunk.h"
#include "engine/schema.h"
#include "query/datum.h"
#include "tests/support/query/exact_number.h"

namespace tally::reference {

struct Null {};
struct Time {
  TimeUs us = 0;
};
using Value = std::variant<Null, bool, Exact, Time, Interval, std::string>;

inline bool is_null(const Value& value) { return std::holds_alternative<Null>(value); }

// One decided row: its columns in the order of the schema.
struct Row {
  RowKind kind = RowKind::kEvent;
  uint32_t version = 1;  // of the schema; of a retraction its original's
  uint64_t lsn = 0;
  TimeUs arrival = 0;
  std::vector<Value> columns;
};

struct Table {
  Schema schema;
  std::vector<Row> rows;
};

Value value_of(const Datum& datum);
// As an answer prints it; NULL is "NULL".
std::string to_text(const Value& value);
// The same for values that are equal, and for nothing else; of values of one type.
std::string key_of(const Value& value);
// -1, 0, 1; neither is NULL, both have one type.
int compare(const Value& a, const Value& b);

}  // namespace tally::reference

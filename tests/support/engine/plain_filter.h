// Random questions to rows that are kept as plain vectors, and their answers by a plain loop: what scans are compared with.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/scan_filter.h"
#include "tests/support/engine/segment_rows.h"

namespace tally {

// One of codes, ints and strings is filled.
struct PlainColumn {
  uint32_t id = 0;
  std::vector<uint32_t> codes;
  std::vector<std::optional<int64_t>> ints;
  std::vector<std::optional<std::string>> strings;
};

struct PlainRows {
  std::vector<TimeUs> times;
  std::vector<PlainColumn> columns;
};
PlainRows plain_rows(const SegmentRows& rows);  // dimensions and fields, and the LSNs as integers

struct PlainPredicate {
  uint32_t column_id = 0;
  bool is_dimension = false;
  bool of_strings = false;
  // Of integers and codes: a range where there is no set.
  int64_t first = 0, last = 0;
  std::optional<std::set<int64_t>> values;
  std::set<std::string> texts;

  bool matches(const std::optional<int64_t>& value) const;  // of a dimension NULL is 0
  std::string to_string() const;
};

struct PlainFilter {
  TimeUs from = INT64_MIN, to = INT64_MAX;
  std::vector<PlainPredicate> predicates;

  // Code sets and ranges with NULL and codes that do not exist, extremes of integers, strings there and not there, columns
  // that nobody has, time ranges down to a point and to nothing; none to three predicates.
  static PlainFilter random(Random& random, const PlainRows& rows);
  ScanFilter scan_filter() const;  // views the strings of this
  bool matches(const PlainRows& rows, size_t row) const;
  std::string to_string() const;
};

inline constexpr uint32_t kMissingColumn = 4000;  // in no schema of a test

}  // namespace tally

// What a scan leaves out before rows leave it: the part of a WHERE that segments answer from zones, indexes and packed
// codes. A value type.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "engine/encoding/id_predicate.h"
#include "engine/encoding/int_predicate.h"
#include "engine/encoding/string_dictionary.h"

namespace tally {

// About one column; NULL fields never match. A dimension is asked by its codes, where NULL is code 0. A column that a
// segment does not have is NULL in all its rows.
struct ScanPredicate {
  uint32_t column_id = 0;
  bool is_dimension = false;
  std::variant<IntPredicate, StringPredicate, IdPredicate> matches;
};

// Rows with an event time in [from, to) for which every predicate holds.
struct ScanFilter {
  TimeUs from = INT64_MIN;
  TimeUs to = INT64_MAX;
  std::vector<ScanPredicate> predicates;
};

// Of the blocks of one segment or of many: what was looked at, and what spared the rest, the cheapest means first.
struct BlockCounts {
  uint64_t all = 0;
  uint64_t by_time = 0;
  uint64_t by_sort_order = 0;  // the zones of the first dimension, which ascend within a day
  uint64_t by_zone = 0;        // of any other column
  uint64_t by_index = 0;
  uint64_t by_id_filter = 0;
  uint64_t read = 0;

  BlockCounts& operator+=(const BlockCounts& other) {
    all += other.all;
    by_time += other.by_time;
    by_sort_order += other.by_sort_order;
    by_zone += other.by_zone;
    by_index += other.by_index;
    by_id_filter += other.by_id_filter;
    read += other.read;
    return *this;
  }
  friend bool operator==(const BlockCounts&, const BlockCounts&) = default;
};

struct BlockPlan {
  std::vector<uint32_t> blocks;  // of one segment, ascending
  BlockCounts counts;            // `read` is for whoever reads them
};

}  // namespace tally

// Which conditions of a WHERE the scan answers by itself, from zones, indexes and packed codes; the rest stays with the
// executor. Conditions of measures go down too, as marks. A condition goes down only where the scan says exactly what the condition says; one that could fail on a value
// of no row that the query looks at stays.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/scan_filter.h"
#include "query/bound.h"

namespace tally {

struct PushedDown {
  ScanFilter filter;                    // its strings live in the select's constants
  std::vector<const BoundExpr*> rest;   // conditions that are left, all of which must hold
  std::vector<std::string> predicates;  // for EXPLAIN, as the filter has them: "campaign_id (1 code)"
  std::vector<std::string> marked;      // the same of the marks
  // By BoundSelect::filters: its condition as predicates that all must hold; nullopt: it has none, or it stays.
  std::vector<std::optional<std::vector<ScanPredicate>>> marks;
  // Rows that no condition of a measure marks change nothing but whether their group appears: every aggregate has a mark, or is
  // there for that alone, and there is one group, or one for each bucket of time.
  bool marked_only = false;
  std::vector<bool> used;       // by input: whether anything but filter and marks looks at it
  std::vector<bool> key_alone;  // by input: a dimension that stands in GROUP BY as it is, and nowhere else is looked at
  // Where event times are looked at only to be put into buckets of one width: what puts them there.
  const Bucketer* time_buckets = nullptr;
};

PushedDown push_down(const BoundSelect& select);  // `select` must outlive it

// Conditions over a dimension with more values than this go down only as = and IN.
inline constexpr uint32_t kPushDownCodesMax = 65'536;

}  // namespace tally

// SQL row by row, as a reference for everything that answers queries: slow, small, and on a path of its own.
//
// Shared with the real thing: parser and binder (asked for a plain tree: nothing computed beforehand, nothing marked for
// speed), text of timestamps and intervals from base/, and HyperLogLog. Not shared: evaluation, arithmetic (of integers of
// any size), LIKE, buckets of time, grouping, sorting, aggregation, FILL, and above all where rows come from: a reference
// table is made of what was sent, and knows no chunk, segment, dictionary, index or filter.
//
// It stands under tests/ and not in query/, because nothing that is shipped may come to need it, and because it takes
// liberties (Boost.Multiprecision, recursion, a map a group) that product code does not. Binder mistakes are not seen here;
// ./dev differential asks DuckDB about those.
#pragma once

#include <string>
#include <vector>

#include "query/ast.h"
#include "query/catalog.h"
#include "tests/support/query/reference_expression.h"

namespace tally::reference {

struct Answer {
  std::vector<std::vector<Value>> rows;
  bool ordered = false;   // there was an ORDER BY
  bool may_fail = false;  // in another order of asking conditions it could have failed
};

// Answers `select` over `table`, which the catalog's snapshot of the same name must stand for (the binder asks it for its
// schema). System tables are read from the catalog.
Outcome<Answer> interpret(const SelectStatement& select, Catalog& catalog, const std::vector<Cell>& parameters,
                          const Table& table);

}  // namespace tally::reference

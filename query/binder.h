// Gives the names of a SELECT their meaning (columns, measures, aliases), its expressions their types, and refuses what
// has no meaning with an error that says what to write instead. interfaces.md (Queries) has the rules of aggregates.
#pragma once

#include <vector>

#include "engine/condition.h"
#include "query/ast.h"
#include "query/bound.h"
#include "query/catalog.h"
#include "query/sql_error.h"

namespace tally {

// Expressions of constants are computed while binding, and conditions over one dimension are marked to be computed once a
// code. A reference that evaluates by itself asks to have them left as they stand (kPlain): then only what must be a constant
// (LIMIT, the width of a bucket, the pattern of LIKE) is computed here.
enum class Binding : uint8_t { kForSpeed, kPlain };

// The statement need not outlive the result. now() is asked of the catalog once.
Sql<BoundSelect> bind_select(const SelectStatement& select, Catalog& catalog, const std::vector<Cell>& parameters,
                             Binding binding = Binding::kForSpeed);

// Whether a derived measure's expression means something over the schema's other measures.
Sql<void> check_derived_measure(const Schema& schema, const Expr& expression);

}  // namespace tally

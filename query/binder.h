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

// The statement need not outlive the result. now() is asked of the catalog once.
Sql<BoundSelect> bind_select(const SelectStatement& select, Catalog& catalog, const std::vector<Cell>& parameters);

// Whether a derived measure's expression means something over the schema's other measures.
Sql<void> check_derived_measure(const Schema& schema, const Expr& expression);

}  // namespace tally

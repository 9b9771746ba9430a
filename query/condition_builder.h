// A condition as written (of a measure or lateness class) to the engine's own form: comparisons of a dimension or field
// with constants, IN, BETWEEN, IS [NOT] NULL, joined by AND, OR, NOT.
#pragma once

#include "engine/condition.h"
#include "engine/schema.h"
#include "query/ast.h"
#include "query/sql_error.h"

namespace tally {

Sql<Condition> build_condition(const Expr& expr, const Schema& schema);

}  // namespace tally

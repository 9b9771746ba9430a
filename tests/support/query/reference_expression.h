// One expression over one row, by recursion over the bound tree. Written to be believed.
#pragma once

#include <expected>
#include <functional>

#include "query/bound.h"
#include "tests/support/query/reference_value.h"

namespace tally::reference {

// What a query fails with; the executor's words are not repeated, that it fails is what is compared.
struct Failure {
  std::string what;
};
template <class T>
using Outcome = std::expected<T, Failure>;

using Slots = std::function<Value(uint32_t slot)>;

Outcome<Value> evaluate(const BoundExpr& expr, const Slots& slots);

// WHERE: AND does not say in which order its sides are asked, so a failure counts only where nothing else decides. `maybe` is
// set where another order of asking could have failed.
Outcome<bool> holds(const BoundExpr& condition, const Slots& slots, bool& maybe);

}  // namespace tally::reference

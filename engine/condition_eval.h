// Conditions over the rows of a batch, a column at a time: dictionary columns are decided once per value, not per row.
// SQL's logic of three values: a comparison with NULL is unknown, NOT unknown is unknown, IN a list with NULL is true or
// unknown; only true holds. Strings compare byte by byte. A column that the schema does not have (dropped) is NULL.
// Conditions have passed validate_schema(); a value of another type than its column makes the comparison unknown.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/batch.h"
#include "engine/condition.h"
#include "engine/schema.h"

namespace tally {

// mask[row] = 1 where the condition holds, else 0. `batch` was decoded for `schema`.
void evaluate_condition(const Condition& condition, const Schema& schema, const PreparedBatch& batch,
                        std::vector<uint8_t>& mask);

// The tree alone: `leaf` gives a Truth (condition_leaf.h) for each row; so does the result.
using LeafTruths = std::function<std::vector<uint8_t>(const Condition& node)>;
std::vector<uint8_t> evaluate_truths(const Condition& node, const LeafTruths& leaf);

// The lateness class of each row: the first of schema.lateness that takes it, schema.lateness.size() where none does
// (lateness_of() in schema.h knows both).
void classify_lateness(const Schema& schema, const PreparedBatch& batch, std::vector<uint8_t>& classes);

}  // namespace tally

// What one aggregate keeps for every group. One virtual call a block, loops inside.
#pragma once

#include <memory>
#include <span>

#include "query/bound.h"
#include "query/sql_error.h"
#include "query/vector.h"

namespace tally {

// The rows of a block that an aggregate takes.
struct AggregateInput {
  std::span<const uint32_t> groups;  // of each row
  const int8_t* signs = nullptr;     // of each row: -1 for a retraction; nullptr: all +1
  const Vector* values = nullptr;    // of each row; nullptr for COUNT(*)
};

class AggregateState {
 public:
  virtual ~AggregateState() = default;
  virtual void resize(uint32_t groups) = 0;  // new groups are empty
  virtual Sql<void> update(const AggregateInput& input) = 0;
  // The same with what a rollup has stored for this aggregate: counts and sums are added up, sketches merged.
  virtual Sql<void> merge(const AggregateInput& input) = 0;
  virtual Sql<Vector> finish(uint32_t groups) = 0;
  virtual uint64_t memory_bytes() const = 0;
};

// `scale`: of the argument, where it is a column.
std::unique_ptr<AggregateState> make_aggregate_state(const Aggregate& aggregate, uint8_t scale);

}  // namespace tally

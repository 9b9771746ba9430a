// What one aggregate keeps for every group. One virtual call a block, loops inside.
#pragma once

#include <memory>
#include <span>

#include "query/bound.h"
#include "query/operators/group_keys.h"
#include "query/sql_error.h"
#include "query/vector.h"

namespace tally {

// The rows of a block that an aggregate takes.
struct AggregateInput {
  uint32_t size = 0;
  const uint32_t* groups = nullptr;     // of each row; nullptr, and no runs: all are of group 0
  std::span<const GroupRun> runs = {};  // instead, where rows of a group stand in a row and the state takes_runs()
  const int8_t* signs = nullptr;        // of each row: -1 for a retraction; nullptr: all +1
  // The argument in each row, in one of two forms; in neither of COUNT(*).
  const Vector* values = nullptr;
  struct Ints {
    const int64_t* values = nullptr;
    const uint8_t* nulls = nullptr;  // 1 = NULL; nullptr: none is
    Selection rows;                  // that of the block; values and nulls are by row of it
    uint8_t scale = 0;
  } ints = {};

  uint32_t group(uint32_t i) const { return groups != nullptr ? groups[i] : 0; }
};

class AggregateState {
 public:
  virtual ~AggregateState() = default;
  virtual void resize(uint32_t groups) = 0;  // new groups are empty
  virtual bool takes_ints() const { return false; }
  // Whether update() and merge() of an input like this look at runs and not at groups.
  virtual bool takes_runs(const AggregateInput&) const { return false; }
  virtual Sql<void> update(const AggregateInput& input) = 0;
  // The same with what a rollup has stored for this aggregate: counts and sums are added up, sketches merged.
  virtual Sql<void> merge(const AggregateInput& input) = 0;
  // Takes over what `other`, made for the same aggregate, has in its group i into group numbers[i].
  virtual Sql<void> combine(const AggregateState& other, std::span<const uint32_t> numbers) = 0;
  virtual Sql<Vector> finish(uint32_t groups) = 0;
  virtual bool above_zero(uint32_t) const { return false; }  // of a count of rows: whether it is, in this group
  virtual uint64_t memory_bytes() const = 0;
};

// `scale`: of the argument, where it is a column.
std::unique_ptr<AggregateState> make_aggregate_state(const Aggregate& aggregate, uint8_t scale);

}  // namespace tally

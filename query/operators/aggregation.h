// Groups rows and aggregates them. The result is a block of groups: the keys, then the aggregates.
// A memory limit fails by name; nothing is dropped or approximated instead.
#pragma once

#include <memory>
#include <vector>

#include "query/bound.h"
#include "query/evaluate.h"
#include "query/operators/aggregate_state.h"
#include "query/operators/group_table.h"

namespace tally {

class Aggregation {
 public:
  Aggregation(const BoundSelect& select, EvaluationMemory& memory, uint64_t memory_bytes_max);
  Sql<void> add(const Block& block, Selection rows);
  // The groups, and which of them appear.
  struct Groups {
    std::vector<Vector> columns;
    std::vector<uint32_t> shown;
    Block block;               // views `columns`
    std::vector<Datum> empty;  // with FILL, by aggregate: its value in a group without rows
    void view_columns();       // makes `block` of `columns`
  };
  Sql<std::unique_ptr<Groups>> finish();

 private:
  // Rows taken by one filter: positions within the block's selection, with signs where some are retractions.
  struct Taken {
    std::vector<uint32_t> rows, groups;
    std::vector<int8_t> signs;  // empty: all are +1
  };
  Sql<void> number_groups(const Block& block, Selection rows);
  Sql<void> take(const RowFilter& filter, const Block& block, Selection rows, Taken& taken);
  void take_by_sign(RowClass wanted, const Block& block, Selection rows, Taken& taken) const;
  Sql<void> add_stored(const Block& block, Selection rows);
  Sql<void> check_memory() const;
  Sql<void> finish_states(uint32_t count, Groups& result);

  const BoundSelect& select_;
  EvaluationMemory& memory_;
  const uint64_t memory_bytes_max_;
  std::vector<KeyColumn> keys_;
  GroupTable table_;
  std::vector<std::unique_ptr<AggregateState>> states_;
  std::vector<uint64_t> words_;   // of the block: a word of NULL bits (one for 64 keys), then one a key
  std::vector<uint32_t> groups_;  // of the block's selected rows
  std::vector<Taken> taken_;      // by filter
  bool only_events_ = false;      // every selected row of the block is an event that counts
};

}  // namespace tally

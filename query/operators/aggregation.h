// Groups rows and aggregates them. The result is a block of groups: the keys, then the aggregates.
// A memory limit fails by name; nothing is dropped or approximated instead.
#pragma once

#include <memory>
#include <vector>

#include "engine/segment_reader.h"
#include "query/bound.h"
#include "query/evaluate.h"
#include "query/memory_budget.h"
#include "query/operators/aggregate_state.h"
#include "query/operators/group_keys.h"
#include "query/query_control.h"

namespace tally {

class Aggregation final : public MarkedRows {
 public:
  // `control` is asked before each aggregate of a block: hundreds of them take as long as many blocks.
  Aggregation(const BoundSelect& select, EvaluationMemory& memory, MemoryBudget& budget, const QueryControl& control);
  Sql<void> add(const Block& block, Selection rows);
  // Takes over what `other`, made for the same select over other rows, has; its groups come behind those that are here.
  Sql<void> combine(const Aggregation& other);
  // The groups, and which of them appear.
  struct Groups {
    std::vector<Vector> columns;
    std::vector<uint32_t> shown;
    Block block;               // views `columns`
    std::vector<Datum> empty;  // with FILL, by aggregate: its value in a group without rows
    void view_columns();       // makes `block` of `columns`
  };
  Sql<std::unique_ptr<Groups>> finish();
  // Of a select of which rows without a mark count for nothing but that their group appears (PushedDown::marked_only).
  bool suffice(TimeUs min_time, TimeUs max_time) override;

 private:
  // Rows taken by one filter: of the block, with their groups, and with signs where some are retractions.
  struct Taken {
    Selection rows;
    bool all = false;                            // they are all selected rows, and their groups are groups_of_rows()
    const uint32_t* groups = nullptr;            // else, unless there are no keys
    std::vector<int8_t> signs;                   // empty: all are +1
    std::vector<uint32_t> some, groups_of_some;  // what the two view where not all selected rows are taken
  };
  Sql<void> number_groups(const Block& block, Selection rows);
  const uint32_t* groups_of_rows();  // of all selected rows; nullptr: there are no keys
  void set_groups(AggregateInput& input, size_t aggregate, bool all, const uint32_t* groups);
  Sql<void> take(size_t filter, const Block& block, Selection rows, Taken& taken);
  template <class Each>
  void keep(Taken& taken, Each each);
  void keep_marked(std::span<const uint64_t> words, Taken& taken);
  void take_by_sign(RowClass wanted, const Block& block, Selection rows, Taken& taken);
  void keep_true(const Vector& holds, Taken& taken);
  Sql<void> update(size_t aggregate, const Block& block, const Taken& taken);
  Sql<void> merge(size_t aggregate, const BlockColumn& column, Selection rows, const int8_t* signs);
  Sql<void> add_stored(const Block& block, Selection rows);
  Sql<void> check_memory();
  Sql<void> finish_states(uint32_t count, Groups& result);
  uint32_t groups() const { return keys_ == nullptr ? 1 : keys_->size(); }

  const BoundSelect& select_;
  EvaluationMemory& memory_;
  MemoryBudget& budget_;
  const QueryControl& control_;
  uint64_t bytes_ = 0;               // of the budget
  std::unique_ptr<GroupKeys> keys_;  // nullptr: there are none, and one group
  std::vector<std::unique_ptr<AggregateState>> states_;
  std::vector<uint32_t> groups_;  // of the block's selected rows; empty without keys
  std::vector<GroupRun> runs_;    // instead, where not empty
  bool groups_known_ = false;     // groups_ too, where there are runs
  std::vector<Taken> taken_;      // by filter
  std::vector<int8_t> minus_;     // -1 for each selected row
  bool only_events_ = false;      // every selected row of the block is an event that counts
};

}  // namespace tally

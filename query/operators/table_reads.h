// What a query reads of a table: for each part of its source plan a scan, planned once and then gone through by as many threads
// as like to, each with a TableSource of its own.
#pragma once

#include <memory>
#include <vector>

#include "query/operators/block_source.h"
#include "query/query_control.h"

namespace tally {

class TableReads {
 public:
  // All three must outlive it.
  static Sql<std::unique_ptr<TableReads>> plan(const BoundSelect& select, const PushedDown& pushed,
                                               const SourcePlan& source, const QueryControl& control);

  uint64_t rows() const { return rows_; }  // of all blocks that are going to be read
  ScanStats stats() const;                 // what is spared
  // Share `share` of `shares` of every part. What it shows lives as long as this. `marked`, which outlives what is returned, or
  // nullptr: whom raw parts ask whether rows that no measure counts may be left out (PushedDown::marked_only).
  std::unique_ptr<BlockSource> open(size_t share, size_t shares, MarkedRows* marked) const;

 private:
  friend class TableSource;
  struct Part {
    bool stored = false;           // of a rollup
    std::vector<size_t> selected;  // by input: position in the scan's columns
    size_t first_measure = 0;      // position of what is stored for the first aggregate
    std::vector<size_t> mark_at;   // by filter: its mark; kNoMark
    std::shared_ptr<const ScanPlan> plan;
  };
  static constexpr size_t kNoMark = SIZE_MAX;

  TableReads(const BoundSelect& select, const PushedDown& pushed, const SourcePlan& source)
      : select_(select), pushed_(pushed), source_(source) {}
  Sql<void> add(const SourcePart& part, const QueryControl& control);
  bool reads(const InputColumn& input, size_t i, bool stored) const;
  void add_late(ColumnSelection& columns) const;
  void add_marks(Part& part, ColumnSelection& columns) const;
  void add_measures(ColumnSelection& columns) const;

  const BoundSelect& select_;
  const PushedDown& pushed_;
  const SourcePlan& source_;
  std::vector<Part> parts_;
  uint64_t rows_ = 0;
};

}  // namespace tally

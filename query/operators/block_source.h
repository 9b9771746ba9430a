// Where a query's rows come from, block by block: a table's decided rows, given rows of a system table, or the one row
// without columns of a SELECT without FROM. The slots of a block are BoundSelect::inputs.
#pragma once

#include <memory>

#include "query/bound.h"
#include "query/pushdown.h"
#include "query/source_plan.h"
#include "query/sql_error.h"
#include "query/vector.h"

namespace tally {

class BlockSource {
 public:
  virtual ~BlockSource() = default;
  virtual Sql<const Block*> next() = 0;  // nullptr at the end; valid until the next call
  virtual QueryStats stats() const = 0;
};

// The rows that a select has with it: of a system table, or the one row. `select` must outlive it.
std::unique_ptr<BlockSource> open_given_rows(const BoundSelect& select);

// The selected rows of a block whose kind the query looks at.
class KindFilter {
 public:
  explicit KindFilter(const BoundSelect& select);
  // Valid as long as `memory` stays as it is.
  Selection select_rows(const Block& block, std::vector<uint32_t>& memory) const;

 private:
  static bool wants_all(const Block& block);

  bool all_ = false;
  bool wanted_[256] = {};  // by RowKind
};

}  // namespace tally

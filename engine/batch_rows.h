// Rows of a decoded batch one by one: into another batch, or as values. The schema is the one that the batch was decoded with.
#pragma once

#include <vector>

#include "engine/batch.h"
#include "engine/schema.h"
#include "engine/value.h"

namespace tally {

class BatchRows {
 public:
  // Both must outlive it.
  BatchRows(const Schema& schema, const PreparedBatch& batch);
  // Sets the cells of `row` in `builder`, which is of the same schema: the row that end_row() makes of them has the same id and
  // values.
  void copy(uint32_t row, BatchBuilder& builder) const;
  // Of the column at `position` in the schema: event times and decimals (scaled) are integers, ids as format_id() has them.
  Value value(uint32_t row, size_t position) const;

 private:
  struct Place {
    const PreparedBatch::Dimension* dimension = nullptr;
    const PreparedBatch::Field* field = nullptr;
  };

  const Schema& schema_;
  const PreparedBatch& batch_;
  std::vector<Place> places_;  // by position
};

}  // namespace tally

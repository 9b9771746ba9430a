#include "engine/picked_rows.h"

#include <algorithm>

namespace tally {

void PickedRows::begin(const Chunk& chunk, std::span<const uint16_t> rows) {
  chunk_ = &chunk;
  rows_ = rows;
  ++turn_;
  dimensions_.resize(std::max(dimensions_.size(), chunk.schema().dimensions().size()));
  fields_.resize(std::max(fields_.size(), chunk.schema().fields().size()));
}

BlockColumns::Selected PickedRows::dimension(size_t dimension) {
  BlockColumns::Selected selected;
  selected.codes = copy(dimensions_[dimension], chunk_->codes(dimension));
  return selected;
}

BlockColumns::Selected PickedRows::field(size_t field) {
  BlockColumns::Selected selected;
  Field& column = fields_[field];
  if (const StringRef* strings = chunk_->strings(field)) selected.strings = copy(column.strings, strings);
  if (const int64_t* ints = chunk_->ints(field)) selected.ints = copy(column.ints, ints);
  if (const uint8_t* nulls = chunk_->nulls(field)) selected.nulls = copy(column.nulls, nulls);
  return selected;
}

}  // namespace tally

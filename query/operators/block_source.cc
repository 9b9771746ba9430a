#include "query/operators/block_source.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "engine/column_loops.h"

namespace tally {
namespace {

// Rows that are there already, as one block; without inputs, one row.
class GivenSource final : public BlockSource {
 public:
  explicit GivenSource(const BoundSelect& select) {
    bool given = select.source == BoundSelect::Source::kRows;
    block_.rows = given ? static_cast<uint32_t>(select.given_rows.size()) : 1;
    vectors_.reserve(select.inputs.size());
    for (const InputColumn& input : select.inputs) {
      Vector vector = Vector::of(input.type, block_.rows);
      for (uint32_t row = 0; row < block_.rows; ++row) vector.set(row, select.given_rows[row][input.position]);
      vectors_.push_back(std::move(vector));
      BlockColumn column;
      column.type = input.type;
      column.vector = &vectors_.back();
      block_.columns.push_back(column);
    }
  }
  Sql<const Block*> next() override { return std::exchange(given_, true) ? nullptr : &block_; }
  QueryStats stats() const override { return {}; }

 private:
  std::vector<Vector> vectors_;
  Block block_;
  bool given_ = false;
};

}  // namespace

std::unique_ptr<BlockSource> open_given_rows(const BoundSelect& select) {
  return std::make_unique<GivenSource>(select);
}

KindFilter::KindFilter(const BoundSelect& select) {
  auto want = [this](RowKind kind) { wanted_[static_cast<uint8_t>(kind)] = true; };
  all_ = select.snapshot == nullptr || (select.source == BoundSelect::Source::kRaw && select.every_kind);
  want(RowKind::kEvent);
  if (select.source != BoundSelect::Source::kTable) return;
  for (const RowFilter& filter : select.filters) {
    if (filter.rows == RowClass::kAdditive || filter.rows == RowClass::kRetracted) want(RowKind::kRetraction);
    if (filter.rows == RowClass::kDuplicates) want(RowKind::kDuplicate);
    if (filter.rows == RowClass::kConflicts) want(RowKind::kConflict);
  }
}

Selection KindFilter::select_rows(const Block& block, std::vector<uint32_t>& memory) const {
  const bool kinds_matter = !all_ && !block.is_stored;
  if (block.selected.empty() && block.rows <= Selection::kAllMax && (!kinds_matter || wants_all(block))) {
    return Selection::all(block.rows);
  }
  memory.resize(block.rows);
  size_t kept = 0;
  if (block.selected.empty()) {
    std::iota(memory.begin(), memory.end(), 0);
    kept = block.rows;
  }
  for (size_t word = 0; word < block.selected.size(); ++word) {
    for (uint64_t left = block.selected[word]; left != 0; left &= left - 1) {
      memory[kept++] = static_cast<uint32_t>(word * 64 + static_cast<size_t>(std::countr_zero(left)));
    }
  }
  const size_t selected = kept;
  if (kinds_matter) {
    kept = 0;
    for (size_t i = 0; i < selected; ++i) {
      const uint32_t row = memory[i];
      memory[kept] = row;
      kept += wanted_[static_cast<uint8_t>(block.kinds[row])] ? 1 : 0;
    }
  }
  return Selection(memory.data(), kept);
}

// Most blocks hold events alone, which every query wants.
bool KindFilter::wants_all(const Block& block) {
  static_assert(static_cast<uint8_t>(RowKind::kEvent) == 0);
  return column_kernels().max_byte(reinterpret_cast<const uint8_t*>(block.kinds), block.rows) == 0;
}

}  // namespace tally

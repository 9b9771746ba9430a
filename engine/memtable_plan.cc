#include "engine/memtable_plan.h"

#include <algorithm>
#include <array>

#include "engine/encoding/selection.h"

namespace tally {
namespace {

constexpr uint32_t kUsedBelow = 4;     // of so many rows an order must leave one at most
constexpr uint32_t kEnoughBelow = 64;  // and of so many, so that no other is asked

const IntPredicate* codes_asked(const ScanFilter& filter, uint32_t dimension_id) {
  for (const ScanPredicate& predicate : filter.predicates) {
    if (predicate.column_id != dimension_id) continue;
    const IntPredicate* codes = std::get_if<IntPredicate>(&predicate.matches);
    if (codes != nullptr && codes->values().size() <= MemtablePlan::kCodesMax) return codes;
  }
  return nullptr;
}

std::span<const uint16_t> rows_of(const RowOrder& order, int64_t first, int64_t last) {
  if (first > UINT32_MAX || last < 0) return {};
  return order.rows_of(static_cast<uint32_t>(std::max<int64_t>(first, 0)),
                       static_cast<uint32_t>(std::min<int64_t>(last, UINT32_MAX)));
}

bool ends_within(const Chunk& chunk, const ScanFilter& filter) {
  return chunk.min_time() < filter.from || chunk.max_time() >= filter.to;
}

}  // namespace

std::optional<MemtablePlan::Picked> MemtablePlan::fewest_rows(const Chunk& chunk, const ScanFilter& filter) {
  std::optional<Picked> fewest;
  const std::vector<size_t> dimensions = chunk.schema().dimensions();
  for (size_t d = 0; d < dimensions.size(); ++d) {
    const IntPredicate* codes = codes_asked(filter, chunk.schema().columns[dimensions[d]].id);
    const RowOrder* order = codes == nullptr ? nullptr : chunk.order(d);
    if (order == nullptr) continue;
    Picked picked;
    const auto take = [&](int64_t first, int64_t last) {
      picked.of_codes.push_back(tally::rows_of(*order, first, last));
      picked.count += picked.of_codes.back().size();
    };
    if (codes->is_range()) take(codes->first(), codes->last());
    for (const int64_t code : codes->values()) take(code, code);
    picked.one_code = codes->first() == codes->last();
    if (!fewest || picked.count < fewest->count) fewest = std::move(picked);
    if (fewest->count <= chunk.rows() / kEnoughBelow) break;
  }
  return fewest;
}

// Rows of one code are; those of several are put together by a bitmap.
MemtablePlan::Rows MemtablePlan::ascending(const Picked& picked) {
  if (picked.one_code) return picked.of_codes.front();
  std::array<uint64_t, kOrderedRowsMax / 64> words{};
  for (const Rows rows : picked.of_codes) {
    for (const uint16_t row : rows) words[row / 64] |= uint64_t{1} << row % 64;
  }
  std::vector<uint16_t>& merged = merged_.emplace_back();
  merged.reserve(picked.count);
  for_each_selected(words, [&](size_t row) { merged.push_back(static_cast<uint16_t>(row)); });
  return merged;
}

void MemtablePlan::add(const Chunk& chunk, uint32_t visible, const ScanFilter& filter, ScanStats& stats) {
  if (visible == 0) return;
  if (chunk.min_time() >= filter.to || chunk.max_time() < filter.from) {
    stats.memtable_by_time += visible;
    return;
  }
  const bool full = chunk.is_full();
  std::optional<Picked> picked = full ? fewest_rows(chunk, filter) : std::nullopt;
  if (picked && picked->count > chunk.rows() / kUsedBelow) picked.reset();
  Rows rows;
  if (picked) {
    rows = ascending(*picked);
    rows = rows.first(static_cast<size_t>(std::ranges::lower_bound(rows, visible) - rows.begin()));
    stats.memtable_by_order += visible - rows.size();
    if (rows.empty()) return;
  }
  const SliceZones* zones = full && ends_within(chunk, filter) ? chunk.slice_zones() : nullptr;
  const uint64_t before = rows_;
  if (zones == nullptr) {
    picked ? add_picked(chunk, rows) : add_slices(chunk, 0, visible);
  } else {
    for (uint32_t first = 0, slice = 0; first < visible; first += kMemtableStepRows, ++slice) {
      const SliceZone& zone = (*zones)[slice];
      if (zone.min >= filter.to || zone.max < filter.from) continue;
      const uint32_t last = std::min(first + kMemtableStepRows, visible);
      if (!picked) {
        add_slices(chunk, first, last);
        continue;
      }
      const auto begin = std::ranges::lower_bound(rows, first), end = std::lower_bound(begin, rows.end(), last);
      add_picked(chunk, Rows(begin, end));
    }
    stats.memtable_by_time += (picked ? rows.size() : visible) - (rows_ - before);
  }
}

void MemtablePlan::add_slices(const Chunk& chunk, uint32_t first, uint32_t last) {
  for (; first < last; first += kMemtableStepRows) {
    add_step({.chunk = &chunk, .first = first, .rows = std::min(kMemtableStepRows, last - first)});
  }
}

void MemtablePlan::add_picked(const Chunk& chunk, Rows rows) {
  for (; !rows.empty(); rows = rows.subspan(steps_.back().rows)) {
    const auto count = static_cast<uint32_t>(std::min<size_t>(kMemtableStepRows, rows.size()));
    add_step({.chunk = &chunk, .rows = count, .picked = rows.data()});
  }
}

void MemtablePlan::add_step(const MemtableStep& step) {
  steps_.push_back(step);
  rows_ += step.rows;
}

}  // namespace tally

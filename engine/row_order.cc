#include "engine/row_order.h"

#include <algorithm>
#include <bit>
#include <map>

namespace tally {
namespace {

// As much of the order as fits 128 bits, compared as two words; what does not fit is compared column by column, which only
// rows that are equal in all the leading dimensions pay for.
struct SortKey {
  uint64_t high = 0;
  uint64_t low = 0;
  RowRef row;
};

// How many bits of the key each dimension gets, and how many dimensions have found room.
struct KeyLayout {
  std::vector<unsigned> widths;
};

KeyLayout plan_key(const ChunkList& chunks, size_t dimensions) {
  KeyLayout layout;
  unsigned used = 0;
  for (size_t d = 0; d < dimensions; ++d) {
    uint32_t largest = 1;
    for (const auto& chunk : chunks) {
      const uint32_t* codes = chunk->codes(d);
      for (uint32_t row = 0, rows = chunk->rows(); row < rows; ++row) largest = std::max(largest, codes[row]);
    }
    const unsigned width = static_cast<unsigned>(std::bit_width(largest));
    if (used + width > 128) break;
    used += width;
    layout.widths.push_back(width);
  }
  return layout;
}

SortKey make_key(const Chunk& chunk, const KeyLayout& layout, RowRef row) {
  unsigned __int128 key = 0;
  for (size_t d = 0; d < layout.widths.size(); ++d) key = (key << layout.widths[d]) | chunk.codes(d)[row.row];
  return {static_cast<uint64_t>(key >> 64), static_cast<uint64_t>(key), row};
}

class RowLess {
 public:
  RowLess(const ChunkList& chunks, size_t first_dimension, size_t dimensions)
      : chunks_(chunks), first_dimension_(first_dimension), dimensions_(dimensions) {}

  bool operator()(const SortKey& a, const SortKey& b) const {
    if (a.high != b.high) return a.high < b.high;
    if (a.low != b.low) return a.low < b.low;
    const Chunk& left = *chunks_[a.row.chunk];
    const Chunk& right = *chunks_[b.row.chunk];
    for (size_t d = first_dimension_; d < dimensions_; ++d) {
      const uint32_t x = left.codes(d)[a.row.row], y = right.codes(d)[b.row.row];
      if (x != y) return x < y;
    }
    const TimeUs x = left.times()[a.row.row], y = right.times()[b.row.row];
    if (x != y) return x < y;
    return a.row.chunk != b.row.chunk ? a.row.chunk < b.row.chunk : a.row.row < b.row.row;
  }

 private:
  const ChunkList& chunks_;
  const size_t first_dimension_;
  const size_t dimensions_;
};

}  // namespace

std::vector<DayRows> order_rows(const ChunkList& chunks) {
  std::vector<DayRows> ordered;
  if (chunks.empty()) return ordered;
  TALLY_CHECK(chunks.size() <= 65'536);
  const size_t dimensions = chunks.front()->schema().dimensions().size();
  const KeyLayout layout = plan_key(chunks, dimensions);

  std::map<int32_t, std::vector<SortKey>> by_day;
  for (size_t c = 0; c < chunks.size(); ++c) {
    const Chunk& chunk = *chunks[c];
    std::vector<SortKey>* keys = nullptr;
    int32_t keys_day = 0;
    for (uint32_t r = 0, rows = chunk.rows(); r < rows; ++r) {
      const int32_t day = utc_day(chunk.times()[r]);
      if (keys == nullptr || day != keys_day) keys = &by_day[keys_day = day];  // days change rarely along a chunk
      keys->push_back(make_key(chunk, layout, {static_cast<uint16_t>(c), static_cast<uint16_t>(r)}));
    }
  }
  const RowLess less(chunks, layout.widths.size(), dimensions);
  for (auto& [day, keys] : by_day) {
    std::sort(keys.begin(), keys.end(), less);
    DayRows& rows = ordered.emplace_back(DayRows{day, {}});
    rows.rows.reserve(keys.size());
    for (const SortKey& key : keys) rows.rows.push_back(key.row);
    std::vector<SortKey>().swap(keys);
  }
  return ordered;
}

}  // namespace tally

#include "engine/row_order.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <span>
#include <utility>

namespace tally {
namespace {

// As much of the order as fits 128 bits; what does not fit is compared column by column, which only rows that are equal in
// all that does pay for.
struct SortKey {
  uint64_t high = 0;
  uint64_t low = 0;
  RowRef row;
};

// The key, from its highest bit on: the dimensions that find room, then the time, counted from the earliest, if all did and
// it does. Bits above the key are zero.
struct KeyLayout {
  std::vector<unsigned> widths;  // of the dimensions with room
  unsigned time_width = 0;
  unsigned width = 0;  // of all
  TimeUs earliest = 0;
};

uint32_t largest_code(const ChunkList& chunks, size_t dimension) {
  uint32_t largest = 1;
  for (const auto& chunk : chunks) {
    const uint32_t* codes = chunk->codes(dimension);
    for (uint32_t row = 0, rows = chunk->rows(); row < rows; ++row) largest = std::max(largest, codes[row]);
  }
  return largest;
}

KeyLayout plan_key(const ChunkList& chunks, size_t dimensions) {
  KeyLayout layout;
  for (size_t d = 0; d < dimensions; ++d) {
    const auto width = static_cast<unsigned>(std::bit_width(largest_code(chunks, d)));
    if (layout.width + width > 128) return layout;
    layout.width += width;
    layout.widths.push_back(width);
  }
  TimeUs first = INT64_MAX, last = INT64_MIN;
  for (const auto& chunk : chunks) {
    first = std::min(first, chunk->min_time());
    last = std::max(last, chunk->max_time());
  }
  if (first > last) return layout;
  const auto width = static_cast<unsigned>(std::bit_width(static_cast<uint64_t>(last) - static_cast<uint64_t>(first)));
  if (layout.width + width > 128) return layout;
  layout.earliest = first;
  layout.time_width = width;
  layout.width += width;
  return layout;
}

SortKey make_key(const Chunk& chunk, const KeyLayout& layout, RowRef row) {
  unsigned __int128 key = 0;
  for (size_t d = 0; d < layout.widths.size(); ++d) key = (key << layout.widths[d]) | chunk.codes(d)[row.row];
  if (layout.time_width > 0) {
    const uint64_t time = static_cast<uint64_t>(chunk.times()[row.row]) - static_cast<uint64_t>(layout.earliest);
    key = (key << layout.time_width) | time;
  }
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

// A radix sort from the highest digit down; parts that are small, or equal in all digits, are sorted by comparing. (MSD radix
// sort: McIlroy, Bostic and McIlroy, "Engineering Radix Sort", 1993; here with a second array instead of in place.)
class KeySorter {
 public:
  KeySorter(const RowLess& less, unsigned width) : less_(less), width_(width) {}

  void sort(std::vector<SortKey>& keys) {
    scratch_.resize(keys.size());
    sort(keys, scratch_, width_, false);
  }

 private:
  static constexpr unsigned kDigitBits = 8;
  static constexpr size_t kDigits = size_t{1} << kDigitBits;
  static constexpr size_t kCompareBelow = 192;  // less than a digit has values: counting them would take longer

  static size_t digit(const SortKey& key, unsigned shift, unsigned bits) {
    const auto all = (static_cast<unsigned __int128>(key.high) << 64) | key.low;
    return static_cast<size_t>(static_cast<uint64_t>(all >> shift) & ((uint64_t{1} << bits) - 1));
  }

  // Sorts the keys of `from`, which are equal above their lowest `width` bits; they end in `from`, or in `to` if `away`.
  void sort(std::span<SortKey> from, std::span<SortKey> to, unsigned width, bool away) {
    if (width == 0 || from.size() < kCompareBelow) {
      std::sort(from.begin(), from.end(), less_);
      if (away) std::copy(from.begin(), from.end(), to.begin());
      return;
    }
    const unsigned bits = std::min(width, kDigitBits), shift = width - bits;
    std::array<uint32_t, kDigits> ends{};
    for (const SortKey& key : from) ++ends[digit(key, shift, bits)];
    if (ends[digit(from.front(), shift, bits)] == from.size()) return sort(from, to, shift, away);
    uint32_t begin = 0;
    for (uint32_t& end : ends) begin += std::exchange(end, begin);  // ends: where each digit's keys begin, for now
    for (const SortKey& key : from) to[ends[digit(key, shift, bits)]++] = key;
    uint32_t first = 0;
    for (const uint32_t end : ends) {
      const size_t count = end - first;
      if (count > 0) sort(to.subspan(first, count), from.subspan(first, count), shift, !away);
      first = end;
    }
  }

  const RowLess& less_;
  const unsigned width_;
  std::vector<SortKey> scratch_;
};

std::map<int32_t, std::vector<SortKey>> keys_by_day(const ChunkList& chunks, const KeyLayout& layout) {
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
  return by_day;
}

}  // namespace

std::vector<DayRows> order_rows(const ChunkList& chunks) {
  std::vector<DayRows> ordered;
  if (chunks.empty()) return ordered;
  TALLY_CHECK(chunks.size() <= 65'536);
  const size_t dimensions = chunks.front()->schema().dimensions().size();
  const KeyLayout layout = plan_key(chunks, dimensions);
  const RowLess less(chunks, layout.widths.size(), dimensions);
  KeySorter sorter(less, layout.width);
  auto by_day = keys_by_day(chunks, layout);
  for (auto& [day, keys] : by_day) {
    sorter.sort(keys);
    DayRows& rows = ordered.emplace_back(DayRows{day, {}});
    rows.rows.reserve(keys.size());
    for (const SortKey& key : keys) rows.rows.push_back(key.row);
    std::vector<SortKey>().swap(keys);
  }
  return ordered;
}

}  // namespace tally

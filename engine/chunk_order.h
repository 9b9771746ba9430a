// Orders of a full chunk: the rows of each code of a dimension, so that a scan that asks for some codes looks at those rows alone;
// and the zones of its slices by time. The columns stay where they are: an order is a permutation, two bytes a row, made by
// whoever first asks for it (decision 0021), immutable from then on, freed with the chunk.
//
// Codes 7 5 7 5 9 of rows 0 to 4 make the order 1 3 0 2 4: rows_of(7, 7) is 0 2, rows_of(5, 7) is 1 3 0 2.
//
// Memory: 2 bytes a row and 4 for each kStretchRows of them, for each of at most kOrdersMax dimensions.
// Threads: one mutex for those that make something; nobody waits for it but release().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"

namespace tally {

// Rows are numbered by 16 bits.
inline constexpr uint32_t kOrderedRowsMax = 65'536;
static_assert(limits::kChunkRows <= kOrderedRowsMax);

class RowOrder {
 public:
  // `codes`, of at most kOrderedRowsMax rows, must outlive it and not change.
  explicit RowOrder(std::span<const uint32_t> codes);
  // The rows whose code lies in [first, last]: ascending by code, those of one code by row.
  std::span<const uint16_t> rows_of(uint32_t first, uint32_t last) const;
  uint64_t memory_bytes() const;

 private:
  static constexpr size_t kStretchRows = 64;
  template <class Before>
  size_t place(Before before) const;

  const std::span<const uint32_t> codes_;  // by row
  std::vector<uint16_t> rows_;
  std::vector<uint32_t> samples_;  // the codes of places 0, kStretchRows, 2 * kStretchRows, ...
};

// Slices are as long as blocks of segments, so that a query's scratch arrays stay in the cache.
inline constexpr uint32_t kMemtableStepRows = limits::kSegmentBlockRows;

struct SliceZone {
  TimeUs min = INT64_MAX;
  TimeUs max = INT64_MIN;
};
using SliceZones = std::vector<SliceZone>;  // by slice of kMemtableStepRows
SliceZones slice_zones(std::span<const TimeUs> times);

// What was made of one chunk so far.
class ChunkOrders {
 public:
  // `total`: where the bytes of the orders of all chunks of a shard are counted, until release(); may be nullptr.
  ChunkOrders(size_t dimensions, std::shared_ptr<std::atomic<uint64_t>> total);
  ~ChunkOrders();

  static constexpr size_t kOrdersMax = 8;  // an eighth of the memory of a row of ad traffic, if all are asked for
  // nullptr: somebody is making one just now, or kOrdersMax are there.
  const RowOrder* order(size_t dimension, std::span<const uint32_t> codes);
  const SliceZones* zones(std::span<const TimeUs> times);  // nullptr: somebody is making something just now
  uint64_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }
  // The chunk's rows are in segments: `total` counts nothing of it any more.
  void release();

 private:
  void count(uint64_t bytes);

  // Each is set once, with release order, to what is owned below.
  std::vector<std::atomic<const RowOrder*>> by_dimension_;
  std::atomic<const SliceZones*> zones_ = nullptr;
  std::atomic<uint64_t> memory_bytes_{0};
  std::mutex making_;
  std::vector<std::unique_ptr<const RowOrder>> orders_;  // guarded by making_, as is what follows
  std::unique_ptr<const SliceZones> own_zones_;
  std::shared_ptr<std::atomic<uint64_t>> total_;
};

}  // namespace tally

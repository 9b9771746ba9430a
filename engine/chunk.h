// A chunk: up to limits::kChunkRows decided rows of one shard, as column arrays, append-only. The memtable of a shard is a
// list of chunks.
// Threads: one writer (the shard). A reader may look at rows below rows() while the writer appends behind them.
// A full chunk never changes any more: it may be given orders (chunk_order.h) by any reader.
// Invariants
//   1 rows() never goes down; cells below it never change; every cell of a row is written before rows() passes it.
//   2 lsns are non-decreasing along the rows.
//   3 a chunk holds rows of one schema version only.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/string_ref.h"
#include "engine/batch.h"
#include "engine/chunk_order.h"
#include "engine/schema.h"
#include "engine/string_arena.h"
#include "wal/log.h"

namespace tally {

// What became of a row. Refused rows (too late, too early, rejected) are not kept in raw.
enum class RowKind : uint8_t { kEvent = 0, kDuplicate = 1, kConflict = 2, kRetraction = 3 };
std::string_view row_kind_name(RowKind kind);  // "event", "duplicate", "conflict", "retraction"

class Chunk {
 public:
  // `large_pages`: asks the kernel for huge pages, of which the first row touches one per column: for chunks that will be full
  // soon. A flush reads rows all over its chunks, where each look into a small page is a miss of the TLB. `orders_total`: as
  // of ChunkOrders.
  Chunk(std::shared_ptr<const Schema> schema, uint32_t capacity, bool large_pages = false,
        std::shared_ptr<std::atomic<uint64_t>> orders_total = nullptr);

  const Schema& schema() const { return *schema_; }
  uint32_t capacity() const { return capacity_; }
  uint32_t rows() const { return rows_.load(std::memory_order_acquire); }
  bool is_full() const { return rows() == capacity_; }
  // Rows with an LSN at or below `lsn` among the published ones.
  uint32_t rows_at(Lsn lsn) const;
  // Of the rows appended so far, long strings included; neither room for rows to come, which is not touched, nor orders.
  uint64_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }

  // No row below rows() has a time outside [min_time(), max_time()]: ask behind rows(). Of no rows: the ends of time, crossed.
  TimeUs min_time() const { return min_time_.load(std::memory_order_relaxed); }
  TimeUs max_time() const { return max_time_.load(std::memory_order_relaxed); }

  const TimeUs* times() const { return times_; }
  const TimeUs* arrivals() const { return arrivals_; }
  const Lsn* lsns() const { return lsns_; }
  const RowKind* kinds() const { return kinds_; }
  const IdSlot* ids() const { return ids_; }
  const IdKind* id_kinds() const { return id_kinds_; }
  const uint32_t* codes(size_t dimension) const { return dimensions_[dimension]; }  // table codes
  const int64_t* ints(size_t field) const { return fields_[field].ints; }           // nullptr: a string field
  const uint8_t* nulls(size_t field) const { return fields_[field].nulls; }         // of ints: 1 = NULL
  const StringRef* strings(size_t field) const { return fields_[field].strings; }   // nullptr: not a string field

  // Of a full chunk, made if they are not there yet; nullptr as ChunkOrders says. They live as long as the chunk.
  const RowOrder* order(size_t dimension) const { return orders_.order(dimension, {codes(dimension), capacity_}); }
  const SliceZones* slice_zones() const { return orders_.zones({times_, capacity_}); }
  uint64_t order_bytes() const { return orders_.memory_bytes(); }
  void release_orders() const { orders_.release(); }

  // Writer only: copies `batch_rows` of `batch` (table_codes filled), of which the i-th has kinds[i], publishes them, and
  // returns how many fitted. Long strings are copied into the chunk. The batch must be decoded for the chunk's schema, and
  // `lsn` not be below the last one (both checked).
  uint32_t append(const PreparedBatch& batch, std::span<const uint32_t> batch_rows, std::span<const RowKind> kinds,
                  Lsn lsn, TimeUs arrival_us);

 private:
  struct FieldColumn {
    int64_t* ints = nullptr;
    uint8_t* nulls = nullptr;
    StringRef* strings = nullptr;
  };
  struct FreeMemory {
    std::align_val_t alignment;
    void operator()(std::byte* memory) const { ::operator delete(memory, alignment); }
  };
  template <class Place>
  void place_columns(Place place);
  void widen_zone(std::span<const TimeUs> times);
  void append_ids(const PreparedBatch& batch, std::span<const uint32_t> batch_rows, uint32_t at);
  void append_dimension(size_t dimension, const PreparedBatch& batch, std::span<const uint32_t> batch_rows,
                        uint32_t at);
  void append_field(size_t field, const PreparedBatch& batch, std::span<const uint32_t> batch_rows, uint32_t at);

  std::shared_ptr<const Schema> schema_;
  const uint32_t capacity_;
  size_t row_bytes_ = 0;
  std::atomic<uint32_t> rows_{0};
  std::atomic<uint64_t> memory_bytes_{0};
  std::atomic<TimeUs> min_time_{INT64_MAX}, max_time_{INT64_MIN};
  // One piece of memory for all columns, untouched until rows are written to it.
  std::unique_ptr<std::byte, FreeMemory> memory_;
  TimeUs* times_ = nullptr;
  TimeUs* arrivals_ = nullptr;
  Lsn* lsns_ = nullptr;
  RowKind* kinds_ = nullptr;
  IdSlot* ids_ = nullptr;
  IdKind* id_kinds_ = nullptr;
  std::vector<uint32_t*> dimensions_;
  std::vector<FieldColumn> fields_;
  StringArena arena_;
  mutable ChunkOrders orders_;
};

}  // namespace tally

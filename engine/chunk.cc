#include "engine/chunk.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/limits.h"

namespace tally {
namespace {

constexpr std::align_val_t kColumnAlignment{64};  // a cache line, and whole vectors for scans
constexpr std::align_val_t kLargePageAlignment{2 * limits::kMiB};

template <class T>
void gather(const T* from, std::span<const uint32_t> rows, T* to) {
  for (size_t i = 0; i < rows.size(); ++i) to[i] = from[rows[i]];
}

}  // namespace

std::string_view row_kind_name(RowKind kind) {
  switch (kind) {
    case RowKind::kEvent: return "event";
    case RowKind::kDuplicate: return "duplicate";
    case RowKind::kConflict: return "conflict";
    case RowKind::kRetraction: return "retraction";
  }
  return "unknown";
}

// Calls `place` for every column: once to add up the bytes, once to hand out the memory.
template <class Place>
void Chunk::place_columns(Place place) {
  place(times_);
  place(arrivals_);
  place(lsns_);
  place(kinds_);
  place(ids_);
  place(id_kinds_);
  for (uint32_t*& codes : dimensions_) place(codes);
  size_t field = 0;
  for (size_t position : schema_->fields()) {
    FieldColumn& column = fields_[field++];
    if (schema_->columns[position].type == ColumnType::kString) {
      place(column.strings);
    } else {
      place(column.ints);
      place(column.nulls);
    }
  }
}

Chunk::Chunk(std::shared_ptr<const Schema> schema, uint32_t capacity, bool large_pages,
             std::shared_ptr<std::atomic<uint64_t>> orders_total)
    : schema_(std::move(schema)),
      capacity_(capacity),
      dimensions_(schema_->dimensions().size()),
      fields_(schema_->fields().size()),
      orders_(dimensions_.size(), std::move(orders_total)) {
  TALLY_CHECK(capacity > 0);
  constexpr auto kAlignment = static_cast<size_t>(kColumnAlignment);
  auto column_bytes = [&](size_t cell) { return (cell * capacity_ + kAlignment - 1) / kAlignment * kAlignment; };
  size_t bytes = 0;
  place_columns([&](auto*& column) {
    row_bytes_ += sizeof *column;
    bytes += column_bytes(sizeof *column);
  });
  const std::align_val_t alignment = large_pages ? kLargePageAlignment : kColumnAlignment;
  memory_ = {static_cast<std::byte*>(::operator new(bytes, alignment)), FreeMemory{alignment}};
  if (large_pages) (void)::madvise(memory_.get(), bytes, MADV_HUGEPAGE);  // refused: ordinary pages serve as well
  std::byte* next = memory_.get();
  place_columns([&]<class T>(T*& column) {
    column = reinterpret_cast<T*>(next);
    next += column_bytes(sizeof(T));
  });
}

uint32_t Chunk::rows_at(Lsn lsn) const {
  return static_cast<uint32_t>(std::upper_bound(lsns_, lsns_ + rows(), lsn) - lsns_);
}

void Chunk::append_ids(const PreparedBatch& batch, std::span<const uint32_t> batch_rows, uint32_t at) {
  gather(batch.ids.data(), batch_rows, ids_ + at);
  gather(batch.id_kinds.data(), batch_rows, id_kinds_ + at);
  for (size_t i = 0; i < batch_rows.size(); ++i) {
    if (id_kinds_[at + i] != IdKind::kText) continue;
    StringRef& text = ids_[at + i].text;
    if (!text.is_inline()) text = StringRef(arena_.copy(text.view()));
  }
}

void Chunk::append_dimension(size_t dimension, const PreparedBatch& batch, std::span<const uint32_t> batch_rows,
                             uint32_t at) {
  const uint32_t* local = batch.dimensions[dimension].local_codes.data();
  const uint32_t* table = batch.dimensions[dimension].table_codes.data();
  uint32_t* to = dimensions_[dimension] + at;
  for (size_t i = 0; i < batch_rows.size(); ++i) to[i] = table[local[batch_rows[i]]];
}

void Chunk::append_field(size_t field, const PreparedBatch& batch, std::span<const uint32_t> batch_rows, uint32_t at) {
  const FieldColumn& column = fields_[field];
  const PreparedBatch::Field& from = batch.fields[field];
  if (column.ints != nullptr) {
    gather(from.ints.data(), batch_rows, column.ints + at);
    if (from.nulls.empty()) {
      std::fill_n(column.nulls + at, batch_rows.size(), uint8_t{0});
    } else {
      gather(from.nulls.data(), batch_rows, column.nulls + at);
    }
    return;
  }
  StringRef* to = column.strings + at;
  for (size_t i = 0; i < batch_rows.size(); ++i) {
    const StringRef& text = from.strings[batch_rows[i]];
    to[i] = text.is_inline() ? text : StringRef(arena_.copy(text.view()));
  }
}

// Before the rows are published, so that whoever sees them sees this too.
void Chunk::widen_zone(std::span<const TimeUs> times) {
  TimeUs least = min_time(), most = max_time();
  for (const TimeUs time : times) {
    least = std::min(least, time);
    most = std::max(most, time);
  }
  min_time_.store(least, std::memory_order_relaxed);
  max_time_.store(most, std::memory_order_relaxed);
}

uint32_t Chunk::append(const PreparedBatch& batch, std::span<const uint32_t> batch_rows, std::span<const RowKind> kinds,
                       Lsn lsn, TimeUs arrival_us) {
  TALLY_CHECK(batch_rows.size() == kinds.size());
  TALLY_CHECK(batch.dimensions.size() == dimensions_.size());
  TALLY_CHECK(batch.fields.size() == fields_.size());
  uint32_t at = rows_.load(std::memory_order_relaxed);
  TALLY_CHECK(at == 0 || lsns_[at - 1] <= lsn);
  auto count = static_cast<uint32_t>(std::min<size_t>(batch_rows.size(), capacity_ - at));
  batch_rows = batch_rows.first(count);
  gather(batch.times.data(), batch_rows, times_ + at);
  widen_zone({times_ + at, count});
  std::fill_n(arrivals_ + at, count, arrival_us);
  std::fill_n(lsns_ + at, count, lsn);
  std::copy_n(kinds.data(), count, kinds_ + at);
  append_ids(batch, batch_rows, at);
  for (size_t i = 0; i < dimensions_.size(); ++i) append_dimension(i, batch, batch_rows, at);
  for (size_t i = 0; i < fields_.size(); ++i) append_field(i, batch, batch_rows, at);
  memory_bytes_.store(uint64_t{at + count} * row_bytes_ + arena_.memory_bytes(), std::memory_order_relaxed);
  rows_.store(at + count, std::memory_order_release);
  return count;
}

}  // namespace tally

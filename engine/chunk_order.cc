#include "engine/chunk_order.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <utility>

#include "base/status.h"

namespace tally {
namespace {

constexpr unsigned kDigitBits = 11;
constexpr size_t kDigits = size_t{1} << kDigitBits;

// Moves the rows of `from` to `to`, ascending by one digit of their codes and otherwise as they stood.
void sort_by_digit(std::span<const uint32_t> codes, unsigned shift, std::span<const uint16_t> from,
                   std::span<uint16_t> to) {
  std::array<uint32_t, kDigits> ends{};
  const auto digit = [&](uint32_t code) { return (code >> shift) & (kDigits - 1); };
  for (const uint32_t code : codes) ++ends[digit(code)];
  uint32_t begin = 0;
  for (uint32_t& end : ends) begin += std::exchange(end, begin);
  for (const uint16_t row : from) to[ends[digit(codes[row])]++] = row;
}

// A radix sort from the lowest digit up, which keeps rows of one code in their order.
std::vector<uint16_t> sorted_rows(std::span<const uint32_t> codes) {
  std::vector<uint16_t> rows(codes.size()), other(codes.size());
  std::iota(rows.begin(), rows.end(), uint16_t{0});
  const uint32_t largest = codes.empty() ? 0 : *std::max_element(codes.begin(), codes.end());
  for (unsigned shift = 0; shift < static_cast<unsigned>(std::bit_width(largest)); shift += kDigitBits) {
    sort_by_digit(codes, shift, rows, other);
    rows.swap(other);
  }
  return rows;
}

}  // namespace

RowOrder::RowOrder(std::span<const uint32_t> codes) : codes_(codes) {
  TALLY_CHECK(codes.size() <= kOrderedRowsMax);
  rows_ = sorted_rows(codes);
  samples_.reserve((rows_.size() + kStretchRows - 1) / kStretchRows);
  for (size_t at = 0; at < rows_.size(); at += kStretchRows) samples_.push_back(codes_[rows_[at]]);
}

// The first place whose code is not `before`, which codes are up to some code. Two steps, so that a search touches few lines:
// the samples lie together, the codes of a stretch all over the chunk.
template <class Before>
size_t RowOrder::place(Before before) const {
  const auto sample = std::partition_point(samples_.begin(), samples_.end(), before) - samples_.begin();
  if (sample == 0) return 0;
  const size_t begin = (static_cast<size_t>(sample) - 1) * kStretchRows + 1;  // the sample before is `before`
  const size_t end = std::min(static_cast<size_t>(sample) * kStretchRows, rows_.size());
  const auto found =
      std::partition_point(rows_.begin() + static_cast<ptrdiff_t>(begin), rows_.begin() + static_cast<ptrdiff_t>(end),
                           [&](uint16_t row) { return before(codes_[row]); });
  return static_cast<size_t>(found - rows_.begin());
}

std::span<const uint16_t> RowOrder::rows_of(uint32_t first, uint32_t last) const {
  if (first > last) return {};
  const size_t begin = place([first](uint32_t code) { return code < first; });
  const size_t end = place([last](uint32_t code) { return code <= last; });
  return std::span(rows_).subspan(begin, end - begin);
}

uint64_t RowOrder::memory_bytes() const {
  return rows_.capacity() * sizeof(uint16_t) + samples_.capacity() * sizeof(uint32_t) + sizeof *this;
}

SliceZones slice_zones(std::span<const TimeUs> times) {
  SliceZones zones;
  for (size_t first = 0; first < times.size(); first += kMemtableStepRows) {
    SliceZone& zone = zones.emplace_back();
    for (const TimeUs time : times.subspan(first, std::min<size_t>(kMemtableStepRows, times.size() - first))) {
      zone.min = std::min(zone.min, time);
      zone.max = std::max(zone.max, time);
    }
  }
  return zones;
}

ChunkOrders::ChunkOrders(size_t dimensions, std::shared_ptr<std::atomic<uint64_t>> total)
    : by_dimension_(dimensions), total_(std::move(total)) {}

ChunkOrders::~ChunkOrders() { release(); }

const RowOrder* ChunkOrders::order(size_t dimension, std::span<const uint32_t> codes) {
  std::atomic<const RowOrder*>& known = by_dimension_[dimension];
  if (const RowOrder* order = known.load(std::memory_order_acquire)) return order;
  const std::unique_lock lock(making_, std::try_to_lock);
  if (!lock) return nullptr;
  if (const RowOrder* order = known.load(std::memory_order_acquire)) return order;
  if (orders_.size() == kOrdersMax) return nullptr;
  orders_.push_back(std::make_unique<const RowOrder>(codes));
  const RowOrder* made = orders_.back().get();
  count(made->memory_bytes());
  known.store(made, std::memory_order_release);
  return made;
}

const SliceZones* ChunkOrders::zones(std::span<const TimeUs> times) {
  if (const SliceZones* zones = zones_.load(std::memory_order_acquire)) return zones;
  const std::unique_lock lock(making_, std::try_to_lock);
  if (!lock) return nullptr;
  if (own_zones_ == nullptr) {
    own_zones_ = std::make_unique<const SliceZones>(slice_zones(times));
    count(own_zones_->size() * sizeof(SliceZone));
    zones_.store(own_zones_.get(), std::memory_order_release);
  }
  return own_zones_.get();
}

// Under making_.
void ChunkOrders::count(uint64_t bytes) {
  memory_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (total_ != nullptr) total_->fetch_add(bytes, std::memory_order_relaxed);
}

void ChunkOrders::release() {
  const std::lock_guard lock(making_);
  if (total_ != nullptr) total_->fetch_sub(memory_bytes(), std::memory_order_relaxed);
  total_.reset();
}

}  // namespace tally

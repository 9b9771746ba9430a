#include "engine/remembered_ribbon.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/cpu.h"

namespace tally {

namespace {

constexpr uint64_t kChunkIds = 4096;
constexpr uint64_t kRowsAtLeast = 64;
constexpr size_t kReadBehind = 64;
constexpr uint32_t kTries = 12;  // the first succeeds with all but one chunk of some hundreds

const RibbonKernels& kernels() { return cpu_has_avx2() ? avx2::kRibbonKernels : baseline::kRibbonKernels; }

uint32_t chunks_for(uint64_t ids) {
  return static_cast<uint32_t>(std::clamp<uint64_t>(ids / kChunkIds, 1, UINT32_MAX));
}

// Rows for so many ids, at the n-th try: 6 % more than ids, and 3 % more with every other try.
uint64_t rows_for(uint64_t ids, uint32_t attempt) { return ids + ids * (6 + attempt / 2 * 3) / 100 + kRowsAtLeast; }

}  // namespace

uint64_t RememberedRibbon::memory_bytes() const {
  return sizeof(RememberedRibbon) + used_ + chunks_.capacity() * sizeof(RibbonChunk);
}

void RememberedRibbon::probe(std::span<const Hash128> keys, std::span<uint8_t> out) const {
  TALLY_CHECK(keys.size() == out.size());
  kernels().probe(rows_.data(), chunks_.data(), static_cast<uint32_t>(chunks_.size()), sets_,
                  reinterpret_cast<const uint64_t*>(keys.data()), keys.size(), out.data());
}

RememberedRibbonBuilder::RememberedRibbonBuilder(uint64_t ids, uint32_t sets)
    : ribbon_(std::shared_ptr<RememberedRibbon>(new RememberedRibbon)) {
  TALLY_CHECK(sets >= 1 && sets <= RememberedRibbon::kSetsMax);
  ribbon_->sets_ = sets;
  ribbon_->chunks_.resize(chunks_for(ids));
  make_room(rows_for(ids, 0) + ribbon_->chunks_.size() * kRowsAtLeast);
}

void RememberedRibbonBuilder::add(const Hash128& key, uint32_t set) {
  TALLY_CHECK(set < ribbon_->sets_);
  const uint32_t chunk = ribbon_chunk_of(key.lo, static_cast<uint32_t>(ribbon_->chunks_.size()));
  if (chunk != chunk_) {
    TALLY_CHECK(chunk > chunk_);
    while (chunk_ < chunk) close_chunk();
  }
  items_.push_back({key, static_cast<uint8_t>(set)});
}

std::shared_ptr<const RememberedRibbon> RememberedRibbonBuilder::finish() {
  while (chunk_ < ribbon_->chunks_.size()) close_chunk();
  return std::exchange(ribbon_, nullptr);
}

// An empty chunk has rows as well: all 0, and strangers pass by their own byte as elsewhere.
void RememberedRibbonBuilder::close_chunk() {
  RibbonChunk& chunk = ribbon_->chunks_[chunk_++];
  chunk = {.offset = ribbon_->used_};
  for (uint32_t attempt = 0; attempt < kTries; ++attempt) {
    const uint64_t rows = rows_for(items_.size(), attempt);
    if (rows > UINT16_MAX) break;
    if (!eliminate(static_cast<uint32_t>(rows), attempt)) continue;
    make_room(ribbon_->used_ + rows);
    kernels().solve(coefficients_.data(), values_.data(), rows, ribbon_->rows_.data() + ribbon_->used_);
    chunk.rows = static_cast<uint16_t>(rows);
    chunk.seed = static_cast<uint16_t>(attempt);
    ribbon_->used_ += rows;
    break;
  }
  if (chunk.rows == 0) ++ribbon_->unsolved_;
  ribbon_->ids_ += items_.size();
  items_.clear();
}

// Each equation goes to the row of its lowest coefficient; where one stands already it is added, and the sum goes on.
bool RememberedRibbonBuilder::eliminate(uint32_t rows, uint32_t seed) {
  coefficients_.assign(rows, 0);
  values_.assign(rows, 0);
  for (const Item& item : items_) {
    const RibbonHash hash = ribbon_hash(item.key.lo, item.key.hi, seed, rows);
    size_t row = hash.start;
    uint64_t coefficients = hash.coefficients;
    auto value = static_cast<uint8_t>(hash.mask + item.set);
    while (coefficients_[row] != 0) {
      coefficients ^= coefficients_[row];
      value ^= values_[row];
      if (coefficients == 0) break;
      const int next = std::countr_zero(coefficients);
      coefficients >>= next;
      row += static_cast<size_t>(next);
    }
    if (coefficients == 0) {
      if (value != 0) return false;  // it contradicts the others
      continue;
    }
    coefficients_[row] = coefficients;
    values_[row] = value;
  }
  return true;
}

void RememberedRibbonBuilder::make_room(uint64_t bytes) {
  bytes += kReadBehind;
  if (bytes <= ribbon_->rows_.bytes()) return;
  RememberedMemory larger(bytes + bytes / 32);
  if (ribbon_->used_ > 0) std::memcpy(larger.data(), ribbon_->rows_.data(), ribbon_->used_);
  ribbon_->rows_ = std::move(larger);
}

Result<std::shared_ptr<const RememberedRibbon>> make_ribbon(std::span<const std::shared_ptr<const IdRun>> runs) {
  struct Input {
    IdRunCursor cursor;
    std::span<const SeenEntry> entries;
  };
  uint64_t ids = 0;
  std::vector<Input> inputs;
  inputs.reserve(runs.size());  // entries point into their cursor
  for (const auto& run : runs) {
    ids += run->info().entries;
    inputs.push_back({.cursor = IdRunCursor(run), .entries = {}});
    TALLY_ASSIGN_OR_RETURN(inputs.back().entries, inputs.back().cursor.next());
  }
  RememberedRibbonBuilder builder(ids, static_cast<uint32_t>(runs.size()));
  while (true) {
    // There are few inputs, so looking at each is quicker than keeping them in a heap.
    Input* lowest = nullptr;
    for (Input& input : inputs) {
      if (input.entries.empty()) continue;
      if (lowest == nullptr || input.entries.front().key.lo < lowest->entries.front().key.lo) lowest = &input;
    }
    if (lowest == nullptr) return builder.finish();
    builder.add(lowest->entries.front().key, static_cast<uint32_t>(lowest - inputs.data()));
    lowest->entries = lowest->entries.subspan(1);
    if (lowest->entries.empty()) {
      TALLY_ASSIGN_OR_RETURN(lowest->entries, lowest->cursor.next());
    }
  }
}

}  // namespace tally

#include "engine/remembered_table.h"

#include <algorithm>
#include <cmath>

namespace tally {

namespace {

constexpr size_t kSlotsAtFirst = 64;
constexpr double kGrowth = 1.5;
static_assert(sizeof(SeenEntry) == 24, "three entries stand in a little more than a cache line");

}  // namespace

// The first slot of a key grows with its hash, so that a partition is copied to a larger one from front to back.
void RememberedTable::Partition::resize(size_t capacity) {
  std::vector<SeenEntry> old(capacity);
  old.swap(entries);
  size_max = static_cast<uint32_t>(capacity / 10 * 7);
  for (const SeenEntry& entry : old) {
    if (!is_free(entry)) entries[slot_of(entry.key)] = entry;
  }
}

// Sizes are spread over one step of growth, so that partitions, which fill evenly, do not all grow at once.
RememberedTable::RememberedTable(uint64_t expected) : share_(static_cast<size_t>(expected / kParts * 3 / 2)) {
  for (size_t i = 0; i < kParts; ++i) {
    double step = std::pow(kGrowth, static_cast<double>(i) / kParts);
    partitions_[i].resize(static_cast<size_t>(kSlotsAtFirst * step));
  }
}

bool RememberedTable::insert(const SeenEntry& entry) {
  if (entry.key == Hash128{}) [[unlikely]] {
    if (zero_) return false;
    zero_ = entry;
    ++size_;
    return true;
  }
  Partition& partition = partitions_[partition_of(entry.key)];
  const size_t at = partition.slot_of(entry.key);
  if (!is_free(partition.entries[at])) return false;
  partition.entries[at] = entry;
  ++size_;
  if (++partition.size >= partition.size_max) {
    partition.resize(std::max(partition.entries.size() + partition.entries.size() / 2, share_));
  }
  return true;
}

uint64_t RememberedTable::memory_bytes() const {
  uint64_t bytes = sizeof(RememberedTable);
  for (const Partition& partition : partitions_) bytes += partition.entries.capacity() * sizeof(SeenEntry);
  return bytes;
}

void RememberedTable::sorted_part(size_t part, std::vector<SeenEntry>& out) const {
  const Partition& partition = partitions_[part];
  out.clear();
  out.reserve(partition.size + size_t{1});
  if (part == 0 && zero_) out.push_back(*zero_);
  for (const SeenEntry& entry : partition.entries) {
    if (!is_free(entry)) out.push_back(entry);
  }
  // Nearly sorted already: an entry is never far from its first slot, but for the few that wrapped around the end.
  std::sort(out.begin(), out.end(), [](const SeenEntry& a, const SeenEntry& b) { return a.key < b.key; });
}

}  // namespace tally

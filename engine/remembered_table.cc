#include "engine/remembered_table.h"

#include <algorithm>
#include <span>
#include <utility>

namespace tally {

namespace {

constexpr uint32_t kSlotsAtFirst = 64;
static_assert(sizeof(SeenEntry) == 24, "three entries stand in a little more than a cache line");

}  // namespace

RememberedTable::RememberedTable(uint64_t expected)
    : region_(kParts * kSlotsAtFirst * sizeof(SeenEntry)),
      slots_(kSlotsAtFirst),
      moved_(kParts),
      share_(static_cast<uint32_t>(std::min<uint64_t>(expected / kParts * 8 / 5, UINT32_MAX / 2))) {
  for (Partition& partition : partitions_) {
    partition.entries = place_of(partition);
    partition.slots = slots_;
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
  ++partition.size;
  if (partition.is_full()) [[unlikely]]
    make_room(partition);
  return true;
}

void RememberedTable::make_room(Partition& partition) {
  if (partition.entries == place_of(partition)) {
    for (Partition& other : partitions_) {
      if (other.entries != place_of(other)) move(other);
    }
    slots_ = std::max(slots_ * 2, share_);  // moving an entry costs as much as inserting it: better seldom
    old_ = std::move(region_);
    region_ = RememberedMemory(kParts * size_t{slots_} * sizeof(SeenEntry));
    moved_ = 0;
  }
  move(partition);
}

// The first slot of a key grows with its hash, so that a partition is copied to a larger one from front to back.
void RememberedTable::move(Partition& partition) {
  const Partition from = partition;
  partition.entries = place_of(partition);
  partition.slots = slots_;
  for (const SeenEntry& entry : std::span(from.entries, from.slots)) {
    if (!is_free(entry)) partition.entries[partition.slot_of(entry.key)] = entry;
  }
  if (++moved_ == kParts) old_ = RememberedMemory();
}

uint64_t RememberedTable::memory_bytes() const { return sizeof(RememberedTable) + region_.bytes() + old_.bytes(); }

void RememberedTable::sorted_part(size_t part, std::vector<SeenEntry>& out) const {
  const Partition& partition = partitions_[part];
  out.clear();
  out.reserve(partition.size + size_t{1});
  if (part == 0 && zero_) out.push_back(*zero_);
  for (const SeenEntry& entry : std::span(partition.entries, partition.slots)) {
    if (!is_free(entry)) out.push_back(entry);
  }
  // Nearly sorted already: an entry is never far from its first slot, but for the few that wrapped around the end.
  std::sort(out.begin(), out.end(), [](const SeenEntry& a, const SeenEntry& b) { return a.key < b.key; });
}

}  // namespace tally

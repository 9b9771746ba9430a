#include "engine/remembered_table.h"

#include <algorithm>
#include <utility>

namespace tally {

namespace {

constexpr uint32_t kSlotsAtFirst = 64;
static_assert(sizeof(SeenEntry) == 24, "three entries stand in a little more than a cache line");

}  // namespace

RememberedTable::RememberedTable(uint64_t expected)
    : region_(region_bytes(kSlotsAtFirst)),
      slots_(kSlotsAtFirst),
      moved_(kParts),
      share_(static_cast<uint32_t>(std::min<uint64_t>(expected / kParts * 8 / 5, UINT32_MAX / 2))) {
  for (Partition& partition : partitions_) place(partition);
}

void RememberedTable::place(Partition& partition) const {
  const auto part = static_cast<size_t>(&partition - partitions_.data());
  partition.entries = place_of(partition);
  partition.tags = region_.data() + kParts * size_t{slots_} * sizeof(SeenEntry) + part * slots_;
  partition.slots = slots_;
}

bool RememberedTable::insert(const SeenEntry& entry) {
  Partition& partition = partitions_[partition_of(entry.key)];
  const size_t at = partition.slot_of(entry.key);
  if (partition.tags[at] != 0) return false;
  partition.entries[at] = entry;
  partition.tags[at] = tag_of(entry.key);
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
    region_ = RememberedMemory(region_bytes(slots_));
    moved_ = 0;
  }
  move(partition);
}

// The first slot of a key grows with its hash, so that a partition is copied to a larger one from front to back.
void RememberedTable::move(Partition& partition) {
  const Partition from = partition;
  place(partition);
  for (size_t i = 0; i < from.slots; ++i) {
    if (from.tags[i] == 0) continue;
    const size_t at = partition.slot_of(from.entries[i].key);
    partition.entries[at] = from.entries[i];
    partition.tags[at] = from.tags[i];
  }
  if (++moved_ == kParts) old_ = RememberedMemory();
}

uint64_t RememberedTable::memory_bytes() const { return sizeof(RememberedTable) + region_.bytes() + old_.bytes(); }

void RememberedTable::sorted_part(size_t part, std::vector<SeenEntry>& out) const {
  const Partition& partition = partitions_[part];
  out.clear();
  out.reserve(partition.size);
  for (size_t i = 0; i < partition.slots; ++i) {
    if (partition.tags[i] != 0) out.push_back(partition.entries[i]);
  }
  // Nearly sorted already: an entry is never far from its first slot, but for the few that wrapped around the end.
  std::sort(out.begin(), out.end(), [](const SeenEntry& a, const SeenEntry& b) { return a.key < b.key; });
}

}  // namespace tally

#include "engine/remembered_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/status.h"

namespace tally {

namespace {

constexpr uint32_t kSlotsAtFirst = 64;
constexpr size_t kEntriesAtFirst = 512;
constexpr size_t kAhead = 16;  // entries asked of the memory before they are copied
static_assert(sizeof(SeenEntry) == 24);

size_t region_bytes(uint32_t slots) { return RememberedTable::kParts * size_t{slots} * sizeof(uint64_t); }

// Of what is nearly sorted.
template <class T, class Less>
void insertion_sort(std::vector<T>& values, Less less) {
  for (size_t i = 1; i < values.size(); ++i) {
    if (!less(values[i], values[i - 1])) continue;
    const T value = values[i];
    size_t at = i;
    for (; at > 0 && less(value, values[at - 1]); --at) values[at] = values[at - 1];
    values[at] = value;
  }
}

}  // namespace

RememberedTable::RememberedTable(uint64_t expected)
    : region_(region_bytes(kSlotsAtFirst)),
      slots_(kSlotsAtFirst),
      moved_(kParts),
      share_(static_cast<uint32_t>(std::min<uint64_t>(expected / kParts * 8 / 5, UINT32_MAX / 2))) {
  for (Partition& partition : partitions_) partition.slots = place_of(partition), partition.count = slots_;
}

bool RememberedTable::insert(const SeenEntry& entry) {
  Partition& partition = partitions_[partition_of(entry.key)];
  const size_t at = slot_of(partition, entry.key);
  if (partition.slots[at] != 0) return false;
  append(entry);
  partition.slots[at] = uint64_t{tag_of(entry.key)} << 32 | size_;
  ++partition.size;
  if (partition.is_full()) [[unlikely]]
    make_room(partition);
  return true;
}

// The first piece doubles until it is as large as those that follow it.
void RememberedTable::append(const SeenEntry& entry) {
  if (size_ == room_) [[unlikely]] {
    TALLY_CHECK(size_ < UINT32_MAX - kPieceEntries);
    const bool first = room_ < kPieceEntries;
    const size_t entries = first ? std::max<size_t>(room_ * 2, kEntriesAtFirst) : kPieceEntries;
    RememberedMemory piece(entries * sizeof(SeenEntry));
    if (first && room_ > 0) {
      std::memcpy(piece.data(), pieces_[0].data(), room_ * sizeof(SeenEntry));
      pieces_[0] = std::move(piece);
    } else {
      pieces_.push_back(std::move(piece));
    }
    room_ = first ? entries : room_ + entries;
  }
  entries_of(pieces_[size_ / kPieceEntries])[size_ % kPieceEntries] = entry;
  ++size_;
}

void RememberedTable::make_room(Partition& partition) {
  if (partition.slots == place_of(partition)) {
    for (Partition& other : partitions_) {
      if (other.slots != place_of(other)) move(other);
    }
    slots_ = std::max(slots_ * 2, share_);  // moving a slot costs nearly as much as inserting it: better seldom
    old_ = std::move(region_);
    region_ = RememberedMemory(region_bytes(slots_));
    moved_ = 0;
  }
  move(partition);
}

// The first slot of a key grows with its tag, so that a partition is copied to a larger one from front to back.
void RememberedTable::move(Partition& partition) {
  const Partition from = partition;
  partition.slots = place_of(partition);
  partition.count = slots_;
  for (size_t i = 0; i < from.count; ++i) {
    if (from.slots[i] == 0) continue;
    size_t at = partition.start_of(static_cast<uint32_t>(from.slots[i] >> 32));
    while (partition.slots[at] != 0) at = at + 1 == partition.count ? 0 : at + 1;
    partition.slots[at] = from.slots[i];
  }
  if (++moved_ == kParts) old_ = RememberedMemory();
}

uint64_t RememberedTable::memory_bytes() const {
  const uint64_t entries = std::min(room_, size_ + kEntriesAtFirst) * sizeof(SeenEntry);
  return sizeof(RememberedTable) + region_.bytes() + old_.bytes() + entries;
}

void RememberedTable::sorted_part(size_t part, std::vector<SeenEntry>& out) const {
  const Partition& partition = partitions_[part];
  std::vector<uint64_t> slots, wrapped;  // those around the end are the last ones
  slots.reserve(partition.size);
  for (size_t i = 0; i < partition.count; ++i) {
    const uint64_t slot = partition.slots[i];
    if (slot == 0) continue;
    (partition.start_of(static_cast<uint32_t>(slot >> 32)) > i ? wrapped : slots).push_back(slot);
  }
  slots.insert(slots.end(), wrapped.begin(), wrapped.end());
  // Nearly sorted: a slot is never far from the first of its key.
  insertion_sort(slots, [](uint64_t a, uint64_t b) { return a >> 32 < b >> 32; });
  out.clear();
  out.reserve(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    if (i + kAhead < slots.size()) __builtin_prefetch(&entry_of(slots[i + kAhead]));
    out.push_back(entry_of(slots[i]));
  }
  insertion_sort(out, [](const SeenEntry& a, const SeenEntry& b) { return a.key < b.key; });  // those of one tag
}

}  // namespace tally

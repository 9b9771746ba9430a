#include "engine/seen_ids.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>
#include <vector>

#include "base/status.h"

namespace tally {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr size_t kPartitions = 256;
constexpr size_t kEntriesAtFirst = 64;
static_assert(sizeof(SeenEntry) == 24, "three entries stand in a little more than a cache line");

// shard_of() has used the high bits of hash.hi, so that those say little within one shard: everything here is from lo.
size_t partition_of(const Hash128& key) { return key.lo >> 56; }
uint64_t position_hash(const Hash128& key) { return key.lo << 8; }
bool is_free(const SeenEntry& entry) { return (entry.key.lo | entry.key.hi) == 0; }

// Linear probing. The first slot of a key grows with its hash, so that a partition is copied to a larger one from front to
// back, without jumps.
struct Partition {
  std::vector<SeenEntry> entries;
  uint32_t size = 0;
  uint32_t size_max = 0;

  size_t start_of(const Hash128& key) const {
    return static_cast<size_t>(Wide{position_hash(key)} * entries.size() >> 64);
  }
  // The slot that holds `key`, or the free one where it belongs.
  size_t slot_of(const Hash128& key) const {
    size_t at = start_of(key);
    while (!is_free(entries[at]) && entries[at].key != key) {
      if (++at == entries.size()) at = 0;
    }
    return at;
  }
  void resize(size_t capacity) {
    std::vector<SeenEntry> old(capacity);
    old.swap(entries);
    size_max = static_cast<uint32_t>(capacity / 10 * 7);
    for (const SeenEntry& entry : old) {
      if (!is_free(entry)) entries[slot_of(entry.key)] = entry;
    }
  }
};

SeenIds::Probe compare(const SeenEntry& entry, uint32_t digest) {
  return entry.digest == digest ? SeenIds::Probe::kSameDigest : SeenIds::Probe::kOtherDigest;
}

}  // namespace

struct SeenIds::Impl {
  // Sizes are spread over one step of growth, so that partitions, which fill evenly, do not all grow at once.
  Impl() {
    for (size_t i = 0; i < kPartitions; ++i) {
      double step = std::pow(1.5, static_cast<double>(i) / kPartitions);
      partitions[i].resize(static_cast<size_t>(kEntriesAtFirst * step));
    }
  }

  std::array<Partition, kPartitions> partitions;
  std::optional<SeenEntry> zero;  // the one key that would look like a free slot
  uint64_t size = 0;
};

SeenIds::SeenIds() : impl_(std::make_unique<Impl>()) {}
SeenIds::~SeenIds() = default;
SeenIds::SeenIds(SeenIds&&) noexcept = default;

void SeenIds::prefetch(const Hash128& key) const {
  const Partition& partition = impl_->partitions[partition_of(key)];
  const SeenEntry* entry = partition.entries.data() + partition.start_of(key);
  __builtin_prefetch(entry);
  __builtin_prefetch(reinterpret_cast<const char*>(entry) + 64);
}

SeenIds::Probe SeenIds::find(const Hash128& key, uint32_t digest) const {
  if (key == Hash128{}) [[unlikely]] {
    return impl_->zero ? compare(*impl_->zero, digest) : Probe::kNew;
  }
  const Partition& partition = impl_->partitions[partition_of(key)];
  const SeenEntry& entry = partition.entries[partition.slot_of(key)];
  return is_free(entry) ? Probe::kNew : compare(entry, digest);
}

SeenIds::Probe SeenIds::insert(const SeenEntry& entry) {
  if (entry.key == Hash128{}) [[unlikely]] {
    if (impl_->zero) return compare(*impl_->zero, entry.digest);
    impl_->zero = entry;
    ++impl_->size;
    return Probe::kNew;
  }
  Partition& partition = impl_->partitions[partition_of(entry.key)];
  size_t at = partition.slot_of(entry.key);
  if (!is_free(partition.entries[at])) return compare(partition.entries[at], entry.digest);
  partition.entries[at] = entry;
  ++impl_->size;
  if (++partition.size >= partition.size_max) {
    partition.resize(partition.entries.size() + partition.entries.size() / 2);
  }
  return Probe::kNew;
}

uint64_t SeenIds::size() const { return impl_->size; }

uint64_t SeenIds::memory_bytes() const {
  uint64_t bytes = sizeof(Impl);
  for (const Partition& partition : impl_->partitions) {
    bytes += partition.entries.capacity() * sizeof(SeenEntry);
  }
  return bytes;
}

}  // namespace tally

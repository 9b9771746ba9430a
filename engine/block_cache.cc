#include "engine/block_cache.h"

#include <utility>

namespace tally {

namespace {

// Of a part's bytes, what may be protected; the rest is for what comes new.
constexpr uint64_t protected_share(uint64_t bytes) { return bytes / 5 * 4; }

}  // namespace

BlockCache::BlockCache(uint64_t bytes_max) : bytes_max_(bytes_max) {}

// The digest of a file is even already; block and column are spread over it. Both halves of the product, as the lower one knows
// nothing of the block in its last bits, which choose the part.
size_t BlockCache::KeyHash::operator()(const Key& key) const {
  const uint64_t place = uint64_t{key.block} << 32 | key.column;
  const auto mixed = static_cast<unsigned __int128>(key.file ^ place) * 0x9E3779B97F4A7C15u;
  return static_cast<uint64_t>(mixed) ^ static_cast<uint64_t>(mixed >> 64);
}

BlockCache::Value BlockCache::find(const Key& key) {
  Part& part = part_of(key);
  std::lock_guard lock(part.mutex);
  auto found = part.entries.find(key);
  if (found == part.entries.end()) {
    ++part.misses;
    return nullptr;
  }
  ++part.hits;
  protect(part, found->second);
  return found->second->value;
}

void BlockCache::protect(Part& part, Queue::iterator entry) {
  Queue& from = entry->is_protected ? part.protected_entries : part.probation;
  part.protected_entries.splice(part.protected_entries.begin(), from, entry);
  if (entry->is_protected) return;
  entry->is_protected = true;
  part.probation_bytes -= entry->bytes;
  part.protected_bytes += entry->bytes;
  while (part.protected_bytes > protected_share(bytes_max_ / kParts)) {
    auto last = std::prev(part.protected_entries.end());
    last->is_protected = false;
    part.protected_bytes -= last->bytes;
    part.probation_bytes += last->bytes;
    part.probation.splice(part.probation.begin(), part.protected_entries, last);
  }
}

void BlockCache::insert(const Key& key, Value value, uint64_t bytes) {
  if (bytes > bytes_max_ / kParts) return;
  Part& part = part_of(key);
  Queue dropped;  // declared before the lock, so freed behind it
  std::lock_guard lock(part.mutex);
  if (part.entries.contains(key)) return;
  part.probation.push_front({key, std::move(value), bytes, false});
  part.entries.emplace(key, part.probation.begin());
  part.probation_bytes += bytes;
  while (part.probation_bytes + part.protected_bytes > bytes_max_ / kParts) {
    auto last = std::prev(part.probation.empty() ? part.protected_entries.end() : part.probation.end());
    (last->is_protected ? part.protected_bytes : part.probation_bytes) -= last->bytes;
    part.entries.erase(last->key);
    dropped.splice(dropped.begin(), last->is_protected ? part.protected_entries : part.probation, last);
  }
}

BlockCache::Stats BlockCache::stats() const {
  Stats stats;
  stats.bytes_max = bytes_max_;
  for (const Part& part : parts_) {
    std::lock_guard lock(part.mutex);
    stats.hits += part.hits;
    stats.misses += part.misses;
    stats.entries += part.entries.size();
    stats.bytes += part.probation_bytes + part.protected_bytes;
  }
  return stats;
}

}  // namespace tally

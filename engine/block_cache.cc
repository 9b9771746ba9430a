#include "engine/block_cache.h"

#include <utility>

namespace tally {

namespace {

constexpr uint64_t kBytesOfABlock = 4096;  // of one column on average, about

// Of a part's bytes, what the window has, and what others may have in all and protected.
constexpr uint64_t window_share(uint64_t bytes) { return bytes / 8; }
constexpr uint64_t main_share(uint64_t bytes) { return bytes - window_share(bytes); }
constexpr uint64_t protected_share(uint64_t bytes) { return main_share(bytes) / 5 * 4; }

}  // namespace

BlockCache::BlockCache(uint64_t bytes_max) : bytes_max_(bytes_max) {
  for (auto& part : parts_) part = std::make_unique<Part>(bytes_max / kParts / kBytesOfABlock);
}

// The digest of a file is even already; block and column are spread over it. Both halves of the product, as the lower one knows
// nothing of the block in its last bits, which choose the part.
size_t BlockCache::KeyHash::operator()(const Key& key) const {
  const uint64_t place = uint64_t{key.block} << 32 | key.column;
  const auto mixed = static_cast<unsigned __int128>(key.file ^ place) * 0x9E3779B97F4A7C15u;
  return static_cast<uint64_t>(mixed) ^ static_cast<uint64_t>(mixed >> 64);
}

BlockCache::Value BlockCache::find(const Key& key) {
  const size_t hash = KeyHash()(key);
  Part& part = part_of(hash);
  std::lock_guard lock(part.mutex);
  part.uses.count(hash);
  auto found = part.entries.find(key);
  if (found == part.entries.end()) {
    ++part.misses;
    return nullptr;
  }
  ++part.hits;
  const Queue::iterator entry = found->second;
  if (entry->place == Place::kWindow) {
    part.move(entry, Place::kWindow);
  } else {
    protect(part, entry);
  }
  return entry->value;
}

void BlockCache::Part::move(Queue::iterator entry, Place to) {
  queue(to).splice(queue(to).begin(), queue(entry->place), entry);
  bytes_in(entry->place) -= entry->bytes;
  bytes_in(to) += entry->bytes;
  entry->place = to;
}

void BlockCache::Part::drop(Queue::iterator entry, Queue& dropped) {
  bytes_in(entry->place) -= entry->bytes;
  entries.erase(entry->key);
  dropped.splice(dropped.begin(), queue(entry->place), entry);
}

void BlockCache::protect(Part& part, Queue::iterator entry) const {
  part.move(entry, Place::kProtected);
  while (part.bytes_in(Place::kProtected) > protected_share(bytes_max_ / kParts)) {
    part.move(std::prev(part.queue(Place::kProtected).end()), Place::kProbation);
  }
}

void BlockCache::insert(const Key& key, Value value, uint64_t bytes) {
  if (bytes > main_share(bytes_max_ / kParts)) return;
  Part& part = part_of(KeyHash()(key));
  Queue dropped;  // declared before the lock, so freed behind it
  std::lock_guard lock(part.mutex);
  if (part.entries.contains(key)) return;
  Queue& window = part.queue(Place::kWindow);
  window.push_front({key, std::move(value), bytes, Place::kWindow});
  part.entries.emplace(key, window.begin());
  part.bytes_in(Place::kWindow) += bytes;
  leave_window(part, dropped);
}

void BlockCache::leave_window(Part& part, Queue& dropped) const {
  while (part.bytes_in(Place::kWindow) > window_share(bytes_max_ / kParts)) {
    const Queue::iterator last = std::prev(part.queue(Place::kWindow).end());
    if (make_room(part, *last, dropped)) {
      part.move(last, Place::kProbation);
    } else {
      part.drop(last, dropped);
    }
  }
}

// False: what would have to go is asked for as often.
bool BlockCache::make_room(Part& part, const Entry& candidate, Queue& dropped) const {
  const uint32_t uses = part.uses.estimate(KeyHash()(candidate.key));
  while (part.bytes_in(Place::kProbation) + part.bytes_in(Place::kProtected) + candidate.bytes >
         main_share(bytes_max_ / kParts)) {
    Queue& from = part.queue(part.queue(Place::kProbation).empty() ? Place::kProtected : Place::kProbation);
    const Queue::iterator last = std::prev(from.end());
    if (part.uses.estimate(KeyHash()(last->key)) >= uses) return false;
    part.drop(last, dropped);
  }
  return true;
}

BlockCache::Stats BlockCache::stats() const {
  Stats stats;
  stats.bytes_max = bytes_max_;
  for (const auto& part : parts_) {
    std::lock_guard lock(part->mutex);
    stats.hits += part->hits;
    stats.misses += part->misses;
    stats.entries += part->entries.size();
    for (const uint64_t bytes : part->bytes) stats.bytes += bytes;
  }
  return stats;
}

}  // namespace tally

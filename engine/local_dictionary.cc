#include "engine/local_dictionary.h"

#include <algorithm>
#include <cstring>

#include "base/checksum.h"

namespace tally {
namespace {

constexpr size_t kSlotsAtFirst = 256;

uint64_t fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  Wide product = Wide{a} * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Most values are shorter than a call to a general hash is worth. Values are the producer's own, so nobody gains by
// crafting collisions here.
uint64_t hash_value(std::string_view value) {
  size_t size = value.size();
  const auto* at = reinterpret_cast<const uint8_t*>(value.data());
  if (size > 16) return xxh3(as_bytes(value));
  uint64_t head = 0;
  uint64_t tail = 0;
  if (size >= 8) {
    head = load_le<uint64_t>(at);
    tail = load_le<uint64_t>(at + size - 8);
  } else if (size >= 4) {
    head = load_le<uint32_t>(at);
    tail = load_le<uint32_t>(at + size - 4);
  } else if (size > 0) {
    head = at[0] | uint64_t{at[size / 2]} << 8 | uint64_t{at[size - 1]} << 16;
  }
  return fold(head ^ 0xA0761D6478BD642Fu, tail ^ 0xE7037ED1A0B428DBu ^ (size << 56));
}

}  // namespace

std::string_view LocalDictionary::value(uint32_t code) const {
  return as_text(ByteSpan(heap_).subspan(offsets_[code - 1], lengths_[code - 1]));
}

uint32_t LocalDictionary::add(std::string_view value) {
  if (lengths_.size() * 2 >= slots_.size()) grow();
  uint64_t hash = hash_value(value);
  auto tag = static_cast<uint32_t>(hash >> 32);
  size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  for (; slots_[at].code != 0; at = (at + 1) & mask) {
    if (slots_[at].tag == tag && this->value(slots_[at].code) == value) return slots_[at].code;
  }
  offsets_.push_back(static_cast<uint32_t>(heap_.size()));
  lengths_.push_back(static_cast<uint16_t>(value.size()));
  ByteSpan bytes = as_bytes(value);
  heap_.insert(heap_.end(), bytes.begin(), bytes.end());
  slots_[at] = {.tag = tag, .code = size()};
  return size();
}

void LocalDictionary::grow() {
  std::vector<Slot> old = std::move(slots_);
  slots_.assign(std::max(kSlotsAtFirst, old.size() * 2), Slot{});
  size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.code == 0) continue;
    size_t at = hash_value(value(slot.code)) & mask;
    while (slots_[at].code != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

void LocalDictionary::clear() {
  std::ranges::fill(slots_, Slot{});
  lengths_.clear();
  offsets_.clear();
  heap_.clear();
}

}  // namespace tally

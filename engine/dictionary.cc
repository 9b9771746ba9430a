#include "engine/dictionary.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "base/checksum.h"
#include "base/limits.h"
#include "engine/string_arena.h"

namespace tally {
namespace {

constexpr uint32_t kBlockValues = 4096;
constexpr size_t kSlotsAtFirst = 64;
constexpr size_t kTogether = 32;  // look-ups under way at once

}  // namespace

// Invariants
//   1 a block and a value in it never move and never change once size_ covers them.
//   2 size_ is stored last, so that a reader who sees a code sees its value.
//   3 slots_ is a power of two at most half full, touched by the writer under the exclusive lock only (it may read without).
struct Dictionary::Impl {
  struct Slot {
    uint32_t tag = 0;
    uint32_t code = 0;  // 0: free
  };
  using Block = std::unique_ptr<std::string_view[]>;

  explicit Impl(uint32_t values_max)
      : code_end(uint64_t{values_max} + kFirstValueCode),
        blocks(static_cast<size_t>(code_end / kBlockValues + 1)),
        slots(kSlotsAtFirst) {}

  std::string_view value(uint32_t code) const { return blocks[code / kBlockValues][code % kBlockValues]; }
  size_t slot_of(std::string_view text, uint64_t hash) const {
    size_t mask = slots.size() - 1;
    auto tag = static_cast<uint32_t>(hash >> 32);
    size_t at = hash & mask;
    for (; slots[at].code != 0; at = (at + 1) & mask) {
      if (slots[at].tag == tag && value(slots[at].code) == text) break;
    }
    return at;
  }
  // The first slot of the value's chain with its tag, whatever its text, or the free one at the end.
  size_t tagged_slot_of(uint64_t hash) const {
    const size_t mask = slots.size() - 1;
    const auto tag = static_cast<uint32_t>(hash >> 32);
    size_t at = hash & mask;
    while (slots[at].code != 0 && slots[at].tag != tag) at = (at + 1) & mask;
    return at;
  }
  void find_together(std::span<const std::string_view> values, std::span<uint32_t> codes) const;
  void grow();

  const uint64_t code_end;    // codes stay below it
  std::vector<Block> blocks;  // sized once, so that readers need no lock
  std::atomic<uint32_t> size{kFirstValueCode};
  std::atomic<uint64_t> memory_bytes{0};
  StringArena arena;
  mutable std::shared_mutex mutex;
  std::vector<Slot> slots;
};

void Dictionary::Impl::find_together(std::span<const std::string_view> values, std::span<uint32_t> codes) const {
  std::array<uint64_t, kTogether> hashes;
  for (size_t i = 0; i < values.size(); ++i) {
    hashes[i] = xxh3(as_bytes(values[i]));
    __builtin_prefetch(&slots[hashes[i] & (slots.size() - 1)]);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    codes[i] = slots[tagged_slot_of(hashes[i])].code;
    if (codes[i] != 0) __builtin_prefetch(&blocks[codes[i] / kBlockValues][codes[i] % kBlockValues]);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (codes[i] != 0) __builtin_prefetch(value(codes[i]).data());
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const bool other_text = codes[i] != 0 && value(codes[i]) != values[i];
    if (other_text) codes[i] = slots[slot_of(values[i], hashes[i])].code;
    if (codes[i] == 0) codes[i] = kNotFoundCode;
  }
}

void Dictionary::Impl::grow() {
  std::vector<Slot> larger(slots.size() * 2);
  size_t mask = larger.size() - 1;
  for (const Slot& slot : slots) {
    if (slot.code == 0) continue;
    size_t at = xxh3(as_bytes(value(slot.code))) & mask;
    while (larger[at].code != 0) at = (at + 1) & mask;
    larger[at] = slot;
  }
  std::unique_lock lock(mutex);
  slots.swap(larger);
}

Dictionary::Dictionary(uint32_t values_max) : impl_(std::make_unique<Impl>(values_max)) {}
Dictionary::~Dictionary() = default;

uint32_t Dictionary::size() const { return impl_->size.load(std::memory_order_acquire); }

std::string_view Dictionary::value(uint32_t code) const { return impl_->value(code); }

std::optional<uint32_t> Dictionary::find(std::string_view value) const {
  uint64_t hash = xxh3(as_bytes(value));
  std::shared_lock lock(impl_->mutex);
  uint32_t code = impl_->slots[impl_->slot_of(value, hash)].code;
  return code == 0 ? std::nullopt : std::optional(code);
}

// A look-up is three misses of the cache, one leading to the next: slot, view, text. Several go side by side.
void Dictionary::find_all(std::span<const std::string_view> values, std::span<uint32_t> codes) const {
  TALLY_CHECK(values.size() == codes.size());
  const Impl& impl = *impl_;
  std::shared_lock lock(impl.mutex);
  for (size_t first = 0; first < values.size(); first += kTogether) {
    const size_t count = std::min(kTogether, values.size() - first);
    impl.find_together(values.subspan(first, count), codes.subspan(first, count));
  }
}

uint32_t Dictionary::add(std::string_view value) {
  Impl& impl = *impl_;
  uint64_t hash = xxh3(as_bytes(value));
  size_t at = impl.slot_of(value, hash);
  if (impl.slots[at].code != 0) return impl.slots[at].code;
  uint32_t code = impl.size.load(std::memory_order_relaxed);
  if (code >= impl.code_end || impl.arena.memory_bytes() >= limits::kDimensionBytesMax) return kOtherCode;
  auto& block = impl.blocks[code / kBlockValues];
  if (!block) block = std::make_unique<std::string_view[]>(kBlockValues);
  block[code % kBlockValues] = impl.arena.copy(value);
  impl.size.store(code + 1, std::memory_order_release);
  {
    std::unique_lock lock(impl.mutex);
    impl.slots[at] = {.tag = static_cast<uint32_t>(hash >> 32), .code = code};
  }
  if (size_t{code} * 2 >= impl.slots.size()) impl.grow();
  uint64_t blocks = (code / kBlockValues + 1) * sizeof(std::string_view) * kBlockValues;
  impl.memory_bytes.store(blocks + impl.slots.size() * sizeof(Impl::Slot) + impl.blocks.size() * sizeof(Impl::Block) +
                              impl.arena.memory_bytes(),
                          std::memory_order_relaxed);
  return code;
}

uint64_t Dictionary::memory_bytes() const { return impl_->memory_bytes.load(std::memory_order_relaxed); }

}  // namespace tally

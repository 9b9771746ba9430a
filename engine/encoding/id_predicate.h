// What a query asks of an event id: to be one of a set, of a few or of a million. A value type; long texts live elsewhere and
// outlive it.
//
// A bit map of 8 to 16 bits an id turns most strangers away from the first-level caches; what passes it is looked for in an open
// table whose slots hold 32 bits of the hash. The hash is seeded anew in each process, so that ids that were chosen to
// collide do not.
#pragma once

#include <algorithm>
#include <bit>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "engine/event_id.h"

namespace tally {

class IdPredicate {
 public:
  struct Id {
    IdKind kind = IdKind::kText;
    IdSlot slot;
  };

  // The ids that are shown as one of these texts: what spells a UUID may be one, or a derived id.
  static IdPredicate any_of(std::span<const std::string_view> texts) {
    std::vector<Id> ids;
    for (std::string_view text : texts) {
      Id id;
      id.kind = canonical_id(text, id.slot);
      ids.push_back(id);
      if (id.kind != IdKind::kUuid) continue;
      id.kind = IdKind::kDerived;
      ids.push_back(id);
    }
    return of(std::move(ids));
  }
  static IdPredicate of(std::vector<Id> ids) {
    IdPredicate predicate;
    predicate.set_ = std::make_shared<const Set>(std::move(ids));
    return predicate;
  }

  bool matches(IdKind kind, const IdSlot& slot) const { return find(kind, slot).has_value(); }
  // Its place in ids(); of the same id given twice the first.
  std::optional<uint32_t> find(IdKind kind, const IdSlot& slot) const {
    return set_ == nullptr ? std::nullopt : set_->find(kind, slot);
  }
  std::span<const Id> ids() const { return set_ == nullptr ? std::span<const Id>() : set_->ids; }

 private:
  static constexpr uint32_t kFree = UINT32_MAX;
  struct Slot {
    uint32_t tag = 0;
    uint32_t place = kFree;
  };

  // Shared by copies of the predicate: a scan makes one for each segment.
  struct Set {
    explicit Set(std::vector<Id> ids_given) : ids(std::move(ids_given)) {
      const uint64_t size = std::bit_ceil(std::max<uint64_t>(ids.size(), 4));
      slots.assign(2 * size, {});
      bits.assign(8 * size / 64 + 1, 0);
      bits_mask = 8 * size - 1;
      for (uint32_t place = 0; place < ids.size(); ++place) insert(place);
    }

    std::optional<uint32_t> find(IdKind kind, const IdSlot& slot) const {
      const uint64_t hash = hash_of(kind, slot);
      const uint64_t bit = hash & bits_mask;
      if ((bits[bit / 64] >> bit % 64 & 1) == 0) return std::nullopt;
      for (uint64_t at = first_slot(hash);; at = next_slot(at)) {
        const Slot& stored = slots[at];
        if (stored.place == kFree) return std::nullopt;
        if (stored.tag != hash >> 32) continue;
        const Id& id = ids[stored.place];
        if (same_id(id.kind, id.slot, kind, slot)) return stored.place;
      }
    }

    void insert(uint32_t place) {
      const Id& id = ids[place];
      if (find(id.kind, id.slot)) return;
      const uint64_t hash = hash_of(id.kind, id.slot);
      const uint64_t bit = hash & bits_mask;
      bits[bit / 64] |= uint64_t{1} << bit % 64;
      uint64_t at = first_slot(hash);
      while (slots[at].place != kFree) at = next_slot(at);
      slots[at] = {.tag = static_cast<uint32_t>(hash >> 32), .place = place};
    }

    uint64_t first_slot(uint64_t hash) const { return hash >> 8 & (slots.size() - 1); }
    uint64_t next_slot(uint64_t at) const { return (at + 1) & (slots.size() - 1); }

    const std::vector<Id> ids;
    std::vector<uint64_t> bits;
    std::vector<Slot> slots;
    uint64_t bits_mask = 0;
  };

  static uint64_t seed() {
    static const uint64_t value = uint64_t{std::random_device{}()} << 32 | std::random_device{}();
    return value;
  }
  // A derived id of a UUID's bytes is another id, and is told apart when both are compared.
  static uint64_t hash_of(IdKind kind, const IdSlot& slot) {
    if (kind == IdKind::kText) return xxh3(as_bytes(slot.text.view()), seed());
    return xxh3({slot.raw, sizeof slot.raw}, seed());
  }

  std::shared_ptr<const Set> set_;
};

}  // namespace tally

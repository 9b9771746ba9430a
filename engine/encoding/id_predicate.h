// What a query asks of an event id: to be one of a set. A value type; long texts live elsewhere and outlive it.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

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
    IdPredicate predicate;
    for (std::string_view text : texts) {
      Id id;
      id.kind = canonical_id(text, id.slot);
      predicate.add(id);
      if (id.kind != IdKind::kUuid) continue;
      id.kind = IdKind::kDerived;
      predicate.add(id);
    }
    std::sort(predicate.ids_.begin(), predicate.ids_.end(), [](const Id& a, const Id& b) { return word(a) < word(b); });
    return predicate;
  }

  bool matches(IdKind kind, const IdSlot& slot) const {
    const uint64_t wanted = word(slot);
    auto at = std::lower_bound(ids_.begin(), ids_.end(), wanted, [](const Id& id, uint64_t w) { return word(id) < w; });
    for (; at != ids_.end() && word(*at) == wanted; ++at) {
      if (same_id(at->kind, at->slot, kind, slot)) return true;
    }
    return false;
  }

  std::span<const Id> ids() const { return ids_; }  // in no order that means anything

 private:
  void add(const Id& id) { ids_.push_back(id); }
  // The first bytes: of a UUID its own, of a text its length and beginning (string_ref.h).
  static uint64_t word(const IdSlot& slot) {
    uint64_t bits = 0;
    std::memcpy(&bits, slot.raw, sizeof bits);
    return bits;
  }
  static uint64_t word(const Id& id) { return word(id.slot); }

  std::vector<Id> ids_;  // ascending by word()
};

}  // namespace tally

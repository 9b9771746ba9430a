#include "engine/retraction.h"

#include <cstring>

namespace tally {

std::string_view retraction_state_name(RetractionState state) {
  switch (state) {
    case RetractionState::kWaiting: return "waiting";
    case RetractionState::kRetracted: return "retracted";
    case RetractionState::kNotInRaw:
    case RetractionState::kNeverCame: return "unresolved";
  }
  return "unknown";
}

std::string_view unresolved_reason(RetractionState state) {
  switch (state) {
    case RetractionState::kNotInRaw: return "the event was counted, and raw does not hold it any more";
    case RetractionState::kNeverCame: return "no event came while one could have been admitted";
    case RetractionState::kWaiting:
    case RetractionState::kRetracted: break;
  }
  return {};
}

IdSlot Retraction::slot() const {
  IdSlot slot;
  if (id_kind == IdKind::kText) {
    slot.text = StringRef(std::string_view(text));
  } else {
    std::memcpy(slot.raw, raw.data(), sizeof slot.raw);
  }
  return slot;
}

void Retraction::set_id(IdKind kind, const IdSlot& slot) {
  id_kind = kind;
  if (kind == IdKind::kText) {
    text = slot.text.view();
  } else {
    std::memcpy(raw.data(), slot.raw, raw.size());
  }
}

}  // namespace tally

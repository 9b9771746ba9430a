// A retraction: what becomes of a verdict that takes one event back by its id (architecture.md, Apply 5). The first verdict on an
// id is the one that counts; later ones change nothing.
//
//   waiting     asked for, and no event with that id is known to be counted: one that comes is counted and taken back at once
//   retracted   its original was found, or came; a row of kind retraction stands in the original's bucket
//   unresolved  there is nothing to subtract from: the original is no longer in raw, or never came while it could
//
// Value types. Threads: none of their own.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/event_id.h"
#include "wal/log.h"

namespace tally {

// Who asked, when and why: of one VERDICT record, shared by its retractions.
struct RetractionRequest {
  Lsn lsn = 0;
  TimeUs arrival_us = 0;
  std::string by;
  std::string reason;
};

enum class RetractionState : uint8_t {
  kWaiting = 0,
  kRetracted = 1,
  kNotInRaw = 2,   // unresolved: the event was counted, and raw does not hold it any more
  kNeverCame = 3,  // unresolved: no event came for as long as one could have been admitted
};
inline constexpr uint8_t kRetractionStates = 4;
std::string_view retraction_state_name(RetractionState state);  // "waiting", "retracted", "unresolved"
std::string_view unresolved_reason(RetractionState state);      // of the last two, in words; else empty

struct Retraction {
  Hash128 key;  // of the id
  RetractionState state = RetractionState::kWaiting;
  bool remembered = false;  // the id was, when the verdict came: its event had been counted
  IdKind id_kind = IdKind::kUuid;
  std::array<uint8_t, 16> raw{};  // the id, unless it is a text
  std::string text;               // the id, if it is one
  uint32_t lateness_class = 0;    // a waiting one ends with the FORGET of this generation
  int64_t generation = 0;
  Lsn original_lsn = 0;  // of kRetracted
  Lsn settled_lsn = 0;   // of the record that ended the waiting; 0: none has
  TimeUs settled_us = 0;
  std::shared_ptr<const RetractionRequest> request = nullptr;

  Lsn changed_lsn() const { return state == RetractionState::kWaiting ? request->lsn : settled_lsn; }
  IdSlot slot() const;  // points into `text`
  void set_id(IdKind kind, const IdSlot& slot);
  uint64_t memory_bytes() const { return sizeof(*this) + (text.size() > 15 ? text.size() + 1 : 0); }
};

}  // namespace tally

// The closed list of statuses of the protocol (PROTOCOL.md), in three classes that say what a client does next (X7). Numbers
// are never reused; a client that meets one it does not know stops.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tally {

enum class WireClass : uint8_t {
  kResend = 1,     // nothing was done: send the same bytes again, after the pause that the error names
  kDrop = 2,       // never going to work as it stands: hand it to a person
  kReconnect = 3,  // this connection is over: connect again, then resend whatever was not answered
};

enum class WireStatus : uint16_t {
  // resend
  kRetryLater = 1,  // the table is at a limit
  kNoSpace = 2,     // the disk is full
  kDamaged = 3,     // the data is not what was sent
  kBusy = 4,        // too many queries at once
  // drop
  kInvalidBatch = 20,
  kUnknownTable = 21,
  kBadSql = 22,
  kQueryFailed = 23,
  kCancelled = 24,
  kUnsupported = 25,
  kDenied = 26,
  // reconnect
  kBadFrame = 40,       // bytes that are no frame of this protocol
  kBadChecksum = 41,    // a header or fields that are not what was sent
  kOutOfOrder = 42,     // a frame that has no place here
  kNoCredit = 43,       // more batches than credits
  kTimeout = 44,        // too slow, or silent for too long
  kTooMany = 45,        // connections
  kStopping = 46,       // the server is going down
  kIndeterminate = 47,  // the batch may or may not be there: resend it, de-duplication makes that safe
  kReadOnly = 48,       // the table takes no batches until an operator has done something
  kInternal = 49,
};

struct WireStatusInfo {
  WireStatus status;
  WireClass what_next;
  std::string_view name;  // as in PROTOCOL.md
};
const std::vector<WireStatusInfo>& wire_statuses();
const WireStatusInfo* find_wire_status(uint16_t number);  // nullptr: not on the list
std::string_view wire_status_name(WireStatus status);
WireClass wire_class(WireStatus status);

// What an ERROR frame carries.
struct WireError {
  WireStatus status = WireStatus::kInternal;
  std::string message = {};  // a sentence
  uint32_t retry_after_ms = 0;
  struct Position {
    uint32_t offset = 0;  // in bytes
    uint32_t line = 1;
    uint32_t column = 1;
    friend bool operator==(const Position&, const Position&) = default;
  };
  std::optional<Position> position = std::nullopt;  // in a statement
  friend bool operator==(const WireError&, const WireError&) = default;
};
template <class T>
using Wire = std::expected<T, WireError>;

inline std::unexpected<WireError> wire_fail(WireStatus status, std::string message) {
  return std::unexpected<WireError>(WireError{.status = status, .message = std::move(message)});
}

// What a batch's or a statement's error is on the wire, and what a wire error is to a caller of the client library.
WireError to_wire(const Error& error, WireStatus otherwise);
Error from_wire(const WireError& error);

}  // namespace tally

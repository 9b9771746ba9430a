#include "server/wire_status.h"

namespace tally {

namespace {
constexpr uint32_t kRetryAfterMs = 50;
constexpr uint32_t kNoSpaceAfterMs = 1'000;
}  // namespace

const std::vector<WireStatusInfo>& wire_statuses() {
  static const std::vector<WireStatusInfo> statuses = {
      {WireStatus::kRetryLater, WireClass::kResend, "retry_later"},
      {WireStatus::kNoSpace, WireClass::kResend, "no_space"},
      {WireStatus::kDamaged, WireClass::kResend, "damaged"},
      {WireStatus::kBusy, WireClass::kResend, "busy"},
      {WireStatus::kInvalidBatch, WireClass::kDrop, "invalid_batch"},
      {WireStatus::kUnknownTable, WireClass::kDrop, "unknown_table"},
      {WireStatus::kBadSql, WireClass::kDrop, "bad_sql"},
      {WireStatus::kQueryFailed, WireClass::kDrop, "query_failed"},
      {WireStatus::kCancelled, WireClass::kDrop, "cancelled"},
      {WireStatus::kUnsupported, WireClass::kDrop, "unsupported"},
      {WireStatus::kDenied, WireClass::kDrop, "denied"},
      {WireStatus::kBadFrame, WireClass::kReconnect, "bad_frame"},
      {WireStatus::kBadChecksum, WireClass::kReconnect, "bad_checksum"},
      {WireStatus::kOutOfOrder, WireClass::kReconnect, "out_of_order"},
      {WireStatus::kNoCredit, WireClass::kReconnect, "no_credit"},
      {WireStatus::kTimeout, WireClass::kReconnect, "timeout"},
      {WireStatus::kTooMany, WireClass::kReconnect, "too_many"},
      {WireStatus::kStopping, WireClass::kReconnect, "stopping"},
      {WireStatus::kIndeterminate, WireClass::kReconnect, "indeterminate"},
      {WireStatus::kReadOnly, WireClass::kReconnect, "read_only"},
      {WireStatus::kInternal, WireClass::kReconnect, "internal"},
  };
  return statuses;
}

const WireStatusInfo* find_wire_status(uint16_t number) {
  for (const WireStatusInfo& info : wire_statuses()) {
    if (static_cast<uint16_t>(info.status) == number) return &info;
  }
  return nullptr;
}

std::string_view wire_status_name(WireStatus status) {
  const WireStatusInfo* info = find_wire_status(static_cast<uint16_t>(status));
  return info == nullptr ? "unknown" : info->name;
}

WireClass wire_class(WireStatus status) {
  const WireStatusInfo* info = find_wire_status(static_cast<uint16_t>(status));
  TALLY_CHECK(info != nullptr);
  return info->what_next;
}

WireError to_wire(const Error& error, WireStatus otherwise) {
  WireError wire{.status = otherwise, .message = error.message};
  switch (error.code) {
    case Code::kRetryLater:
      wire.status = WireStatus::kRetryLater;
      wire.retry_after_ms = kRetryAfterMs;
      break;
    case Code::kNoSpace:
      wire.status = WireStatus::kNoSpace;
      wire.retry_after_ms = kNoSpaceAfterMs;
      break;
    case Code::kIndeterminate:
    case Code::kIoError:
    case Code::kCorruption:
      if (otherwise != WireStatus::kInvalidBatch) break;  // a query's own trouble
      wire.status = error.code == Code::kIndeterminate ? WireStatus::kIndeterminate : WireStatus::kReadOnly;
      wire.retry_after_ms = kNoSpaceAfterMs;
      break;
    case Code::kReadOnly:
      wire.status = WireStatus::kReadOnly;
      wire.retry_after_ms = kNoSpaceAfterMs;
      break;
    case Code::kUnsupported: wire.status = WireStatus::kUnsupported; break;
    case Code::kCancelled: wire.status = WireStatus::kCancelled; break;
    case Code::kInternal: wire.status = WireStatus::kInternal; break;
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kLocked:
    case Code::kLimitExceeded: break;
  }
  return wire;
}

Error from_wire(const WireError& error) {
  switch (error.status) {
    case WireStatus::kRetryLater:
    case WireStatus::kBusy:
    case WireStatus::kDamaged: return {Code::kRetryLater, error.message};
    case WireStatus::kNoSpace: return {Code::kNoSpace, error.message};
    case WireStatus::kInvalidBatch:
    case WireStatus::kBadSql: return {Code::kInvalidArgument, error.message};
    case WireStatus::kUnknownTable: return {Code::kNotFound, error.message};
    case WireStatus::kCancelled: return {Code::kCancelled, error.message};
    case WireStatus::kUnsupported: return {Code::kUnsupported, error.message};
    case WireStatus::kReadOnly: return {Code::kReadOnly, error.message};
    case WireStatus::kIndeterminate: return {Code::kIndeterminate, error.message};
    case WireStatus::kQueryFailed:
    case WireStatus::kDenied: return {Code::kInvalidArgument, error.message};
    case WireStatus::kBadFrame:
    case WireStatus::kBadChecksum:
    case WireStatus::kOutOfOrder:
    case WireStatus::kNoCredit:
    case WireStatus::kTimeout:
    case WireStatus::kTooMany:
    case WireStatus::kStopping: return {Code::kIoError, error.message};
    case WireStatus::kInternal: break;
  }
  return {Code::kInternal, error.message};
}

}  // namespace tally

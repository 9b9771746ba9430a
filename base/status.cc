#include "base/status.h"

#include <cstdio>
#include <cstdlib>

namespace tally {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kInvalidArgument: return "invalid argument";
    case Code::kNotFound: return "not found";
    case Code::kAlreadyExists: return "already exists";
    case Code::kCorruption: return "corruption";
    case Code::kIoError: return "I/O error";
    case Code::kNoSpace: return "no space";
    case Code::kLocked: return "locked";
    case Code::kUnsupported: return "unsupported";
    case Code::kLimitExceeded: return "limit exceeded";
    case Code::kRetryLater: return "retry later";
    case Code::kIndeterminate: return "indeterminate";
    case Code::kReadOnly: return "read-only";
    case Code::kCancelled: return "cancelled";
    case Code::kInternal: return "internal error";
  }
  return "unknown error";
}

Error Error::with_context(std::string_view context) && {
  message = std::string(context) + ": " + message;
  return std::move(*this);
}

std::string Error::to_string() const { return std::string(code_name(code)) + ": " + message; }

void check_failed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "tally: bug: %s:%d: check failed: %s\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace tally

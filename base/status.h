// Errors as values. Every function that can fail for a reason outside our control returns Status or Result<T>; the
// message is a sentence for the person who reads it and names the place (file, offset, line, column). Assertions
// (TALLY_CHECK) are for our own bugs: they stay on in release builds and end the process.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace tally {

enum class Code : uint8_t {
  kInvalidArgument,  // the caller's input is wrong: bad SQL, bad file, bad option
  kNotFound,         // no such file, table, column
  kAlreadyExists,    // create of what is there
  kCorruption,       // stored bytes contradict their checksum or their format
  kIoError,          // the disk said no, for a reason other than space
  kNoSpace,          // the disk or a budget is full; retry after room was made
  kLocked,           // the database is open in another process
  kUnsupported,      // a version or feature that this build does not know
  kLimitExceeded,    // a named limit was reached
  kRetryLater,       // nothing was logged; send the same bytes again
  kIndeterminate,    // the write may or may not survive; nothing more is acknowledged until a restart
  kReadOnly,         // the table accepts no writes, and the message says why
  kCancelled,        // the caller asked to stop
  kInternal,         // a bug of ours that was caught before it did harm
};

std::string_view code_name(Code code);

struct Error {
  Code code = Code::kInternal;
  std::string message;

  // Adds what the caller was doing, outermost first: "loading x.csv: line 3: bad timestamp".
  Error with_context(std::string_view context) &&;
  std::string to_string() const;  // "corruption: <message>"
};

using Status = std::expected<void, Error>;
template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected<Error>(Error{code, std::move(message)});
}

// Ends the process with file, line and message. Never returns.
[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace tally

#define TALLY_CONCAT_INNER(a, b) a##b
#define TALLY_CONCAT(a, b) TALLY_CONCAT_INNER(a, b)

// Returns the error of `expr` to the caller, if it has one.
#define TALLY_TRY(expr)                                                            \
  do {                                                                             \
    auto tally_try_result = (expr);                                                \
    if (!tally_try_result) [[unlikely]]                                            \
      return std::unexpected<::tally::Error>(std::move(tally_try_result).error()); \
  } while (false)

// TALLY_ASSIGN_OR_RETURN(auto file, fs.open(path)): declares or assigns, or returns the error to the caller.
#define TALLY_ASSIGN_OR_RETURN(lhs, expr) TALLY_ASSIGN_OR_RETURN_INNER(TALLY_CONCAT(tally_result_, __LINE__), lhs, expr)
#define TALLY_ASSIGN_OR_RETURN_INNER(tmp, lhs, expr)                \
  auto tmp = (expr);                                                \
  if (!tmp) [[unlikely]]                                            \
    return std::unexpected<::tally::Error>(std::move(tmp).error()); \
  lhs = *std::move(tmp)

#define TALLY_CHECK(condition)                               \
  do {                                                       \
    if (!(condition)) [[unlikely]]                           \
      ::tally::check_failed(__FILE__, __LINE__, #condition); \
  } while (false)

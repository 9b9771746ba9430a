// The table-wide dictionary of one dimension: value <-> code. Append-only: a code, once given, means its value for ever.
// Codes: 0 is NULL, 1 is `(other)` (beyond the cardinality limit), values start at 2 in the order in which the log first
// brought them.
// Threads: one writer (the table's sequencer, or recovery). size() and value() are lock-free and may run at once with the
// writer; find() takes a shared lock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/status.h"

namespace tally {

inline constexpr uint32_t kNullCode = 0;
inline constexpr uint32_t kOtherCode = 1;
inline constexpr uint32_t kFirstValueCode = 2;
inline constexpr std::string_view kOtherText = "(other)";

class Dictionary {
 public:
  explicit Dictionary(uint32_t values_max);
  ~Dictionary();

  uint32_t size() const;                        // codes given, the two reserved ones included
  std::string_view value(uint32_t code) const;  // stable for the dictionary's life; code must be in [2, size())
  std::optional<uint32_t> find(std::string_view value) const;
  // For many values at once under one lock; kNotFoundCode where missing.
  static constexpr uint32_t kNotFoundCode = UINT32_MAX;
  void find_all(std::span<const std::string_view> values, std::span<uint32_t> codes) const;

  // Writer only. The code of `value`, new or old; kOtherCode when the limit is reached.
  uint32_t add(std::string_view value);
  uint64_t memory_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tally

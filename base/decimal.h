// Decimal text and scaled integers, exactly: no floating point anywhere. A DECIMAL(p, s) is an int64 that counts units of
// 10^-s, with at most p digits (p <= 18). Sums are 128 bits wide. Errors are kInvalidArgument and quote the text.
//
//   parse_decimal("-12.5", 18, 6) == -12'500'000      format_decimal(-12'500'000, 6) == "-12.500000"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tally {

__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;

inline constexpr int kDecimalDigitsMax = 18;

// 10^n for n in [0, 18].
constexpr int64_t power_of_ten(int n) {
  int64_t value = 1;
  while (n-- > 0) value *= 10;
  return value;
}

// [+-]digits, the whole text, within int64.
Result<int64_t> parse_int64(std::string_view text);

// [+-]digits[.digits][e[+-]digits], the whole text; either side of the point may be empty, not both. Digits that the scale
// cannot hold must be zeros: nothing is rounded.
Result<int64_t> parse_decimal(std::string_view text, int precision, int scale);

// All `scale` digits behind the point, no point where scale is 0. Scale is at most 38.
std::string format_decimal(Int128 value, int scale);
void append_decimal(std::string& out, Int128 value, int scale);
inline std::string format_int128(Int128 value) { return format_decimal(value, 0); }

}  // namespace tally

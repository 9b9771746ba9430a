// Exact numbers: a 128-bit integer and the number of decimal digits after the point, each value with its own, as
// PostgreSQL's numeric has it. Rules of scale and rounding are PostgreSQL's (src/backend/utils/adt/numeric.c): addition keeps
// the larger scale, multiplication adds them, division gives at least 16 significant digits (select_div_scale), rounding
// is half away from zero. What does not fit 128 bits loses digits after the point beyond the 20th, rounded; what still
// does not fit is an overflow, never a wrong number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/decimal.h"

namespace tally {

inline constexpr Int128 kInt128Max = static_cast<Int128>(~Uint128{0} >> 1);

struct Numeric {
  Int128 value = 0;  // scaled by 10^scale
  uint8_t scale = 0;
};

inline constexpr unsigned kNumericScaleMax = 38;
inline constexpr unsigned kNumericScaleKept = 20;  // digits after the point that are never given up silently

// nullopt is overflow.
std::optional<Numeric> add(Numeric a, Numeric b);
std::optional<Numeric> subtract(Numeric a, Numeric b);
std::optional<Numeric> multiply(Numeric a, Numeric b);
std::optional<Numeric> divide(Numeric a, Numeric b);     // b must not be 0
std::optional<Numeric> remainder(Numeric a, Numeric b);  // b must not be 0; sign of a
std::optional<Numeric> round_to(Numeric a, int digits);  // half away from zero; digits may be negative
std::optional<Numeric> truncate_to(Numeric a, int digits);
std::optional<Numeric> floor_of(Numeric a);
std::optional<Numeric> rescale(Numeric a, uint8_t scale);  // rounds when digits are lost

int compare(Numeric a, Numeric b);  // -1, 0, 1 by value: 1.0 equals 1.00
Numeric normalized(Numeric a);      // without trailing zeros after the point

// "12", "-0.50", "1e3", "+.5"; nullopt: not a number, or not within 128 bits and kNumericScaleMax.
std::optional<Numeric> parse_numeric(std::string_view text);
std::string to_string(Numeric a);  // plain decimal, all digits of the scale

}  // namespace tally

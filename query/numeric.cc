#include "query/numeric.h"

#include <algorithm>
#include <array>

namespace tally {
namespace {

struct Uint256 {
  Uint128 high = 0;
  Uint128 low = 0;
};

constexpr auto kPowers = [] {
  std::array<Uint128, 39> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

Uint128 power(unsigned exponent) { return kPowers[exponent]; }

Uint128 magnitude(Int128 value) { return value < 0 ? ~static_cast<Uint128>(value) + 1 : static_cast<Uint128>(value); }

std::optional<Int128> with_sign(Uint128 value, bool negative) {
  if (value > static_cast<Uint128>(kInt128Max)) return std::nullopt;
  Int128 result = static_cast<Int128>(value);
  return negative ? -result : result;
}

Uint256 wide_multiply(Uint128 a, Uint128 b) {
  constexpr Uint128 kMask = ~uint64_t{0};
  Uint128 a0 = a & kMask, a1 = a >> 64, b0 = b & kMask, b1 = b >> 64;
  Uint128 p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
  Uint128 middle = (p00 >> 64) + (p01 & kMask) + (p10 & kMask);
  return {p11 + (p01 >> 64) + (p10 >> 64) + (middle >> 64), (middle << 64) | (p00 & kMask)};
}

struct Quotient {
  Uint256 value;
  Uint128 rest = 0;
};

// Bit by bit: divisions of 256 bits are rare (a few a group), and this is easy to believe. divisor < 2^127.
Quotient wide_divide(Uint256 a, Uint128 divisor) {
  if (a.high == 0) return {{0, a.low / divisor}, a.low % divisor};
  Quotient result{{a.high / divisor, 0}, a.high % divisor};
  for (int bit = 127; bit >= 0; --bit) {
    result.rest = (result.rest << 1) | ((a.low >> bit) & 1);
    if (result.rest < divisor) continue;
    result.rest -= divisor;
    result.value.low |= Uint128{1} << bit;
  }
  return result;
}

// a / divisor, rounded half away from zero (on magnitudes: half up).
Uint256 wide_divide_rounded(Uint256 a, Uint128 divisor) {
  Quotient quotient = wide_divide(a, divisor);
  if (quotient.rest >= divisor - quotient.rest) {
    if (++quotient.value.low == 0) ++quotient.value.high;
  }
  return quotient.value;
}

// nullopt: 256 bits and more.
std::optional<Uint256> wide_multiply(Uint256 a, Uint128 b) {
  const Uint256 low = wide_multiply(a.low, b), high = wide_multiply(a.high, b);
  Uint128 sum;
  if (high.high != 0 || __builtin_add_overflow(low.high, high.low, &sum)) return std::nullopt;
  return Uint256{sum, low.low};
}

// |value| * 10^digits.
std::optional<Uint256> wide_upscaled(Int128 value, unsigned digits) {
  const unsigned first = std::min(digits, kNumericScaleMax), second = digits - first;
  if (second > kNumericScaleMax) return value == 0 ? std::optional(Uint256{}) : std::nullopt;
  const Uint256 product = wide_multiply(magnitude(value), power(first));
  return second == 0 ? product : wide_multiply(product, power(second));
}

// a / 10^digits, rounded half up. Cut first, then rounded, is the same as rounded at once, since half of 10^38 is whole.
Uint256 wide_shorter(Uint256 a, unsigned digits) {
  for (; digits > kNumericScaleMax; digits -= std::min(digits - kNumericScaleMax, kNumericScaleMax)) {
    a = wide_divide(a, power(std::min(digits - kNumericScaleMax, kNumericScaleMax))).value;
  }
  return digits == 0 ? a : wide_divide_rounded(a, power(digits));
}

std::optional<Int128> upscaled(Int128 value, unsigned digits) {
  if (value == 0) return 0;
  if (digits > kNumericScaleMax) return std::nullopt;
  Uint256 product = wide_multiply(magnitude(value), power(digits));
  if (product.high != 0) return std::nullopt;
  return with_sign(product.low, value < 0);
}

unsigned decimal_digits(Uint128 value) {
  unsigned digits = 0;
  while (digits < kPowers.size() && value >= power(digits)) ++digits;
  return digits;
}

// PostgreSQL counts in digits of base 10,000 around the decimal point: the place and value of the first one.
struct LeadingDigit {
  int weight = 0;
  uint32_t digit = 0;
};

LeadingDigit leading_digit(Numeric a) {
  Uint128 value = magnitude(a.value);
  if (value == 0) return {};
  int exponent = static_cast<int>(decimal_digits(value)) - 1 - a.scale;
  int weight = exponent >= 0 ? exponent / 4 : -((-exponent + 3) / 4);
  int shift = a.scale + 4 * weight;  // value / 10^shift is the digit
  Uint128 digit =
      shift >= 0 ? value / power(static_cast<unsigned>(shift)) : value * power(static_cast<unsigned>(-shift));
  return {weight, static_cast<uint32_t>(digit)};
}

int division_scale(Numeric a, Numeric b) {
  constexpr int kSignificantDigits = 16;
  LeadingDigit first = leading_digit(a), second = leading_digit(b);
  int weight = first.weight - second.weight;
  if (first.digit <= second.digit) --weight;
  int scale = kSignificantDigits - weight * 4;
  return std::max({scale, static_cast<int>(a.scale), static_cast<int>(b.scale), 0});
}

// At 256 bits of dividend a quotient by 127 bits does not fit anyway; a divisor of 128 bits and more leaves nothing.
std::optional<Numeric> divide_at(Numeric a, Numeric b, int scale) {
  const int shift = scale - a.scale + b.scale;
  std::optional<Uint256> above = Uint256{0, magnitude(a.value)}, below = Uint256{0, magnitude(b.value)};
  if (shift >= 0) above = wide_upscaled(a.value, static_cast<unsigned>(shift));
  if (shift < 0) below = wide_upscaled(b.value, static_cast<unsigned>(-shift));
  if (!above) return std::nullopt;
  const bool nothing = !below || below->high != 0 || below->low > static_cast<Uint128>(kInt128Max);
  const Uint256 quotient = nothing ? Uint256{} : wide_divide_rounded(*above, below->low);
  if (quotient.high != 0) return std::nullopt;
  auto value = with_sign(quotient.low, (a.value < 0) != (b.value < 0));
  if (!value) return std::nullopt;
  return Numeric{*value, static_cast<uint8_t>(scale)};
}

std::optional<Numeric> add_at(Numeric a, Numeric b, unsigned scale) {
  auto left = rescale(a, static_cast<uint8_t>(scale));
  auto right = rescale(b, static_cast<uint8_t>(scale));
  if (!left || !right) return std::nullopt;
  Int128 sum;
  if (__builtin_add_overflow(left->value, right->value, &sum)) return std::nullopt;
  return Numeric{sum, static_cast<uint8_t>(scale)};
}

// Tries scales from `scale` down to the one that is never given up.
template <class Attempt>
std::optional<Numeric> with_fewer_digits(int scale, const Attempt& attempt) {
  int least = std::min<int>(scale, kNumericScaleKept);
  for (int s = std::min<int>(scale, kNumericScaleMax); s >= least; --s) {
    if (auto result = attempt(s)) return result;
  }
  return std::nullopt;
}

// magnitude * 10^-full_scale with as many digits as fit.
std::optional<Numeric> fitted(Uint256 magnitude, int full_scale, bool negative) {
  return with_fewer_digits(full_scale, [&](int scale) -> std::optional<Numeric> {
    const Uint256 rounded = wide_shorter(magnitude, static_cast<unsigned>(full_scale - scale));
    if (rounded.high != 0) return std::nullopt;
    auto value = with_sign(rounded.low, negative);
    if (!value) return std::nullopt;
    return Numeric{*value, static_cast<uint8_t>(scale)};
  });
}

bool less(Uint256 a, Uint256 b) { return a.high != b.high ? a.high < b.high : a.low < b.low; }

// a + b where they do not fit 128 bits with all their digits: exactly, in 256, then rounded once.
std::optional<Numeric> add_wide(Numeric a, Numeric b) {
  const int scale = std::max(a.scale, b.scale);
  std::optional<Uint256> left = wide_upscaled(a.value, static_cast<unsigned>(scale - a.scale));
  std::optional<Uint256> right = wide_upscaled(b.value, static_cast<unsigned>(scale - b.scale));
  if (!left || !right) return std::nullopt;
  bool negative = a.value < 0;
  Uint256 result;
  if (negative == (b.value < 0)) {
    result.low = left->low + right->low;
    result.high = left->high + right->high + (result.low < left->low ? 1 : 0);
  } else {
    if (less(*left, *right)) {
      std::swap(left, right);
      negative = !negative;
    }
    result.low = left->low - right->low;
    result.high = left->high - right->high - (left->low < right->low ? 1 : 0);
  }
  return fitted(result, scale, negative);
}

}  // namespace

std::optional<Numeric> rescale(Numeric a, uint8_t scale) {
  if (scale == a.scale) return a;
  if (scale > a.scale) {
    auto value = upscaled(a.value, scale - a.scale);
    if (!value) return std::nullopt;
    return Numeric{*value, scale};
  }
  return round_to(a, scale);
}

std::optional<Numeric> add(Numeric a, Numeric b) {
  if (a.scale == b.scale) {
    Int128 sum;
    if (!__builtin_add_overflow(a.value, b.value, &sum)) return Numeric{sum, a.scale};
  }
  if (auto sum = add_at(a, b, std::max(a.scale, b.scale))) return sum;
  return add_wide(a, b);
}

std::optional<Numeric> subtract(Numeric a, Numeric b) {
  if (b.value < -kInt128Max) return std::nullopt;
  return add(a, {-b.value, b.scale});
}

std::optional<Numeric> multiply(Numeric a, Numeric b) {
  int full_scale = a.scale + b.scale;
  Uint256 product = wide_multiply(magnitude(a.value), magnitude(b.value));
  return fitted(product, full_scale, (a.value < 0) != (b.value < 0));
}

std::optional<Numeric> divide(Numeric a, Numeric b) {
  return with_fewer_digits(division_scale(a, b), [&](int scale) { return divide_at(a, b, scale); });
}

std::optional<Numeric> remainder(Numeric a, Numeric b) {
  const uint8_t scale = std::max(a.scale, b.scale);
  const std::optional<Uint256> above = wide_upscaled(a.value, scale - a.scale);
  const std::optional<Uint256> below = wide_upscaled(b.value, scale - b.scale);
  if (!above || !below) return std::nullopt;
  const bool larger = below->high != 0 || below->low > static_cast<Uint128>(kInt128Max);
  if (larger) return a;  // then a has the larger scale, and is what remains
  const auto value = with_sign(wide_divide(*above, below->low).rest, a.value < 0);
  if (!value) return std::nullopt;
  return Numeric{*value, scale};
}

std::optional<Numeric> round_to(Numeric a, int digits) {
  digits = std::clamp<int>(digits, -static_cast<int>(kNumericScaleMax), kNumericScaleMax);
  uint8_t scale = static_cast<uint8_t>(std::max(digits, 0));
  if (digits >= a.scale) return rescale(a, scale);
  unsigned drop = static_cast<unsigned>(a.scale - digits);
  if (drop > kNumericScaleMax) return Numeric{0, scale};
  Uint128 kept = wide_divide_rounded({0, magnitude(a.value)}, power(drop)).low;
  auto value = with_sign(kept, a.value < 0);
  if (!value) return std::nullopt;
  if (digits < 0) value = upscaled(*value, static_cast<unsigned>(-digits));
  if (!value) return std::nullopt;
  return Numeric{*value, scale};
}

std::optional<Numeric> truncate_to(Numeric a, int digits) {
  digits = std::clamp<int>(digits, -static_cast<int>(kNumericScaleMax), kNumericScaleMax);
  uint8_t scale = static_cast<uint8_t>(std::max(digits, 0));
  if (digits >= a.scale) return rescale(a, scale);
  unsigned drop = static_cast<unsigned>(a.scale - digits);
  if (drop > kNumericScaleMax) return Numeric{0, scale};
  Int128 value = a.value / static_cast<Int128>(power(drop));
  if (digits < 0) value *= static_cast<Int128>(power(static_cast<unsigned>(-digits)));
  return Numeric{value, scale};
}

std::optional<Numeric> floor_of(Numeric a) {
  auto whole = truncate_to(a, 0);
  if (whole && a.value < 0 && compare(*whole, a) != 0) whole->value -= 1;
  return whole;
}

int compare(Numeric a, Numeric b) {
  auto order = [](Int128 x, Int128 y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (a.scale == b.scale) return order(a.value, b.value);
  if (a.scale > b.scale) return -compare(b, a);
  auto left = upscaled(a.value, b.scale - a.scale);
  if (!left) return a.value < 0 ? -1 : 1;  // too large for 128 bits, so larger than b
  return order(*left, b.value);
}

Numeric normalized(Numeric a) {
  if (a.value == 0) return {};
  while (a.scale > 0 && a.value % 10 == 0) {
    a.value /= 10;
    --a.scale;
  }
  return a;
}

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The exponent behind "e"; nullopt if there is something else.
std::optional<int> parse_exponent(std::string_view text) {
  bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  if (text.empty() || text.size() > 4 || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  int exponent = 0;
  for (char c : text) exponent = exponent * 10 + (c - '0');
  return negative ? -exponent : exponent;
}

// scale may be negative here: 1e3 is {1, -3}.
std::optional<Numeric> with_scale(Uint128 value, int scale, bool negative) {
  while (scale > static_cast<int>(kNumericScaleMax) && value % 10 == 0 && value != 0) {
    value /= 10;
    --scale;
  }
  if (value == 0) scale = std::clamp<int>(scale, 0, kNumericScaleMax);
  if (scale > static_cast<int>(kNumericScaleMax) || scale < -static_cast<int>(kNumericScaleMax)) return std::nullopt;
  auto signed_value = with_sign(value, negative);
  if (signed_value && scale < 0) signed_value = upscaled(*signed_value, static_cast<unsigned>(-scale));
  if (!signed_value) return std::nullopt;
  return Numeric{*signed_value, static_cast<uint8_t>(std::max(scale, 0))};
}

}  // namespace

std::optional<Numeric> parse_numeric(std::string_view text) {
  bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  Uint128 value = 0;
  int scale = 0;
  bool point = false, any = false;
  size_t i = 0;
  for (; i < text.size() && (is_digit(text[i]) || (text[i] == '.' && !point)); ++i) {
    if (text[i] == '.') {
      point = true;
      continue;
    }
    any = true;
    if (value > static_cast<Uint128>(kInt128Max) / 10) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(text[i] - '0');
    if (point && ++scale > 1000) return std::nullopt;
  }
  if (!any) return std::nullopt;
  if (i < text.size()) {
    if (text[i] != 'e' && text[i] != 'E') return std::nullopt;
    auto exponent = parse_exponent(text.substr(i + 1));
    if (!exponent) return std::nullopt;
    scale -= *exponent;
  }
  return with_scale(value, scale, negative);
}

std::string to_string(Numeric a) { return format_decimal(a.value, a.scale); }

}  // namespace tally

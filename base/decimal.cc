#include "base/decimal.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace tally {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string quoted(std::string_view text) {
  static constexpr size_t kShown = 60;
  std::string shown(text.substr(0, kShown));
  return "'" + shown + (text.size() > kShown ? "...'" : "'");
}

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(Code::kInvalidArgument, quoted(text) + " " + std::string(why));
}

// The parts of a decimal number, as they stand in the text.
struct Parts {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  int exponent = 0;
};

std::string_view take_digits(std::string_view& rest) {
  size_t count = 0;
  while (count < rest.size() && is_digit(rest[count])) ++count;
  std::string_view digits = rest.substr(0, count);
  rest.remove_prefix(count);
  return digits;
}

bool take_sign(std::string_view& rest) {
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  return negative;
}

// Exponents far beyond anything that fits are cut to this; the range check refuses them, unless all digits are zero.
constexpr int kExponentMax = 10'000;

bool take_exponent(std::string_view& rest, int& exponent) {
  rest.remove_prefix(1);  // e or E
  bool negative = take_sign(rest);
  std::string_view digits = take_digits(rest);
  if (digits.empty()) return false;
  int value = 0;
  for (char c : digits) value = std::min(value * 10 + (c - '0'), kExponentMax);
  exponent = negative ? -value : value;
  return true;
}

bool split(std::string_view text, Parts& parts) {
  std::string_view rest = text;
  parts.negative = take_sign(rest);
  parts.whole = take_digits(rest);
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    parts.fraction = take_digits(rest);
  }
  if (parts.whole.empty() && parts.fraction.empty()) return false;
  if ((rest.starts_with('e') || rest.starts_with('E')) && !take_exponent(rest, parts.exponent)) {
    return false;
  }
  return rest.empty();
}

enum class Fit : uint8_t { kExact, kTooPrecise, kTooLarge };

// Adds up digits until the units of 10^-scale; what is behind must be zeros.
// Unsigned, since ten times the largest 18 digits do not fit int64.
Fit scale_up(const Parts& parts, int precision, int scale, uint64_t& value) {
  const auto limit = static_cast<uint64_t>(power_of_ten(precision));
  const int64_t kept = static_cast<int64_t>(parts.whole.size()) + parts.exponent + scale;  // digits that count
  int64_t index = 0;
  bool any = false;
  for (std::string_view digits : {parts.whole, parts.fraction}) {
    for (char c : digits) {
      any = any || c != '0';
      if (index++ >= kept) {
        if (c != '0') return Fit::kTooPrecise;
        continue;
      }
      value = value * 10 + static_cast<uint64_t>(c - '0');
      if (value >= limit) return Fit::kTooLarge;
    }
  }
  for (; any && index < kept; ++index) {
    value *= 10;
    if (value >= limit) return Fit::kTooLarge;
  }
  return Fit::kExact;
}

}  // namespace

Result<int64_t> parse_int64(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+') && digits.size() > 1 && is_digit(digits[1])) digits.remove_prefix(1);
  int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range) return bad(text, "is out of range for INT64");
  if (error != std::errc{} || end != digits.data() + digits.size()) return bad(text, "is not an integer");
  return value;
}

Result<int64_t> parse_decimal(std::string_view text, int precision, int scale) {
  TALLY_CHECK(precision >= 1 && precision <= kDecimalDigitsMax && scale >= 0 && scale <= precision);
  Parts parts;
  if (!split(text, parts)) return bad(text, "is not a decimal number");
  uint64_t magnitude = 0;
  switch (scale_up(parts, precision, scale, magnitude)) {
    case Fit::kExact: {
      auto value = static_cast<int64_t>(magnitude);
      return parts.negative ? -value : value;
    }
    case Fit::kTooPrecise: return bad(text, "has more than " + std::to_string(scale) + " digits behind the point");
    case Fit::kTooLarge: break;
  }
  return bad(text, "is out of range for DECIMAL(" + std::to_string(precision) + "," + std::to_string(scale) + ")");
}

void append_decimal(std::string& out, Int128 value, int scale) {
  std::array<char, 48> digits{};  // from the back; 2^127 has 39 digits
  TALLY_CHECK(scale >= 0 && scale <= 38);
  size_t count = 0;
  // Negated as unsigned, so that the smallest value has a magnitude too.
  Uint128 magnitude = value < 0 ? -static_cast<Uint128>(value) : static_cast<Uint128>(value);
  for (; magnitude != 0 || count <= static_cast<size_t>(scale); magnitude /= 10) {
    digits[count++] = static_cast<char>('0' + static_cast<int>(magnitude % 10));
  }
  if (value < 0) out.push_back('-');
  while (count > 0) {
    out.push_back(digits[--count]);
    if (count == static_cast<size_t>(scale) && count > 0) out.push_back('.');
  }
}

std::string format_decimal(Int128 value, int scale) {
  std::string text;
  append_decimal(text, value, scale);
  return text;
}

}  // namespace tally

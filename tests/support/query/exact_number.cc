#include "tests/support/query/exact_number.h"

#include <algorithm>

namespace tally::reference {
namespace {

constexpr int kScaleMax = 38, kScaleKept = 20;

BigInt ten_to(int exponent) { return boost::multiprecision::pow(BigInt(10), static_cast<unsigned>(exponent)); }

const BigInt& largest() {
  static const BigInt value = (BigInt(1) << 127) - 1;
  return value;
}

bool fits(const BigInt& value) { return abs(value) <= largest(); }

BigInt divide_half_away(const BigInt& value, const BigInt& divisor) {
  const BigInt magnitude = abs(value), size = abs(divisor);
  BigInt quotient = (2 * magnitude + size) / (2 * size);
  return (value < 0) != (divisor < 0) ? BigInt(-quotient) : quotient;
}

BigInt at_scale(const Exact& a, int scale) { return a.value * ten_to(scale - a.scale); }

// PostgreSQL counts digits in groups of four around the point: the first group that is not 0, and its place.
struct Group {
  int weight = 0, value = 0;
};
Group first_group(const Exact& a) {
  std::string digits = BigInt(abs(a.value)).str();
  if (digits == "0") return {};
  if (static_cast<int>(digits.size()) <= a.scale)
    digits.insert(0, static_cast<size_t>(a.scale) + 1 - digits.size(), '0');
  std::string whole = digits.substr(0, digits.size() - static_cast<size_t>(a.scale));
  std::string fraction = digits.substr(whole.size());
  while (whole.size() % 4 != 0) whole.insert(0, 1, '0');
  while (fraction.size() % 4 != 0) fraction += '0';
  const std::string all = whole + fraction;
  for (size_t at = 0; at < all.size(); at += 4) {
    const int value = std::stoi(all.substr(at, 4));
    if (value != 0) return {static_cast<int>(whole.size() / 4) - 1 - static_cast<int>(at / 4), value};
  }
  return {};
}

}  // namespace

Exact exact_of(Int128 value, int scale) { return {BigInt(value), scale}; }

std::optional<Exact> parse_exact(std::string_view text) {
  Exact number;
  size_t at = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) at = 1;
  int exponent = 0;
  bool digits = false, point = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c >= '0' && c <= '9') {
      number.value = number.value * 10 + (c - '0');
      digits = true;
      if (point) ++number.scale;
    } else if (c == '.' && !point) {
      point = true;
    } else if ((c == 'e' || c == 'E') && digits && at + 1 < text.size()) {
      const std::string rest(text.substr(at + 1));
      if (rest.size() > 5 ||
          rest.find_first_not_of("0123456789", rest[0] == '-' || rest[0] == '+' ? 1 : 0) != std::string::npos)
        return std::nullopt;
      exponent = std::stoi(rest);
      break;
    } else {
      return std::nullopt;
    }
  }
  if (!digits) return std::nullopt;
  if (negative) number.value = -number.value;
  number.scale -= exponent;
  if (number.scale < 0) {
    number.value *= ten_to(-number.scale);
    number.scale = 0;
  }
  return number;
}

std::string to_text(const Exact& number) {
  std::string digits = BigInt(abs(number.value)).str();
  if (static_cast<int>(digits.size()) <= number.scale) {
    digits.insert(0, static_cast<size_t>(number.scale) + 1 - digits.size(), '0');
  }
  if (number.scale > 0) digits.insert(digits.size() - static_cast<size_t>(number.scale), 1, '.');
  return (number.value < 0 ? "-" : "") + digits;
}

std::string value_key(const Exact& number) {
  Exact shortest = number;
  while (shortest.scale > 0 && shortest.value % 10 == 0) {
    shortest.value /= 10;
    --shortest.scale;
  }
  return to_text(shortest);
}

int compare(const Exact& a, const Exact& b) {
  const int scale = std::max(a.scale, b.scale);
  const BigInt left = at_scale(a, scale), right = at_scale(b, scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

std::optional<Exact> fit(const BigInt& value, int scale) {
  const int least = std::min(scale, kScaleKept);
  for (int wanted = std::min(scale, kScaleMax); wanted >= least; --wanted) {
    const BigInt shorter = wanted == scale ? value : divide_half_away(value, ten_to(scale - wanted));
    if (fits(shorter)) return Exact{shorter, wanted};
  }
  return std::nullopt;
}

std::optional<Exact> add(const Exact& a, const Exact& b) {
  const int scale = std::max(a.scale, b.scale);
  return fit(at_scale(a, scale) + at_scale(b, scale), scale);
}

std::optional<Exact> subtract(const Exact& a, const Exact& b) { return add(a, {-b.value, b.scale}); }

std::optional<Exact> multiply(const Exact& a, const Exact& b) { return fit(a.value * b.value, a.scale + b.scale); }

std::optional<Exact> divide(const Exact& a, const Exact& b) {
  const Group first = first_group(a), second = first_group(b);
  int weight = first.weight - second.weight;
  if (first.value <= second.value) --weight;
  const int scale = std::max({16 - 4 * weight, a.scale, b.scale, 0});
  const int least = std::min(scale, kScaleKept);
  for (int wanted = std::min(scale, kScaleMax); wanted >= least; --wanted) {
    // a / b * 10^wanted, as one fraction.
    BigInt above = a.value * ten_to(b.scale + wanted), below = b.value * ten_to(a.scale);
    const BigInt quotient = divide_half_away(above, below);
    if (fits(quotient)) return Exact{quotient, wanted};
  }
  return std::nullopt;
}

std::optional<Exact> remainder(const Exact& a, const Exact& b) {
  const int scale = std::max(a.scale, b.scale);
  return fit(at_scale(a, scale) % at_scale(b, scale), scale);
}

std::optional<Exact> round(const Exact& a, int digits, Rounding rounding) {
  const int scale = std::max(digits, 0);
  BigInt whole;  // a in units of 10^-digits
  if (digits >= a.scale) {
    whole = a.value * ten_to(digits - a.scale);
  } else {
    const BigInt divisor = ten_to(a.scale - digits);
    whole = rounding == Rounding::kHalfAway ? divide_half_away(a.value, divisor) : BigInt(a.value / divisor);
    const bool cut = whole * divisor != a.value;
    if (rounding == Rounding::kDown && cut && a.value < 0) whole -= 1;
    if (rounding == Rounding::kUp && cut && a.value > 0) whole += 1;
  }
  if (digits < 0) whole *= ten_to(-digits);
  if (!fits(whole)) return std::nullopt;
  return Exact{whole, scale};
}

}  // namespace tally::reference

// Decimal numbers for the reference interpreter: integers of any size (Boost.Multiprecision) with a count of digits after
// the point. Every operation computes exactly and then fits the result to what query/numeric.h promises: at most 127 bits and
// 38 digits after the point, digits beyond the 20th given up first, rounded half away from zero, and otherwise an overflow.
// Nothing is shared with query/numeric.cc, and nothing is fast.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/decimal.h"

namespace tally::reference {

using BigInt = boost::multiprecision::cpp_int;

struct Exact {
  BigInt value;   // times 10^-scale
  int scale = 0;  // 0 and up
};

Exact exact_of(Int128 value, int scale);
std::optional<Exact> parse_exact(std::string_view text);
std::string to_text(const Exact& number);    // all digits of its scale
std::string value_key(const Exact& number);  // the same for equal values

int compare(const Exact& a, const Exact& b);

// nullopt: overflow.
std::optional<Exact> fit(const BigInt& value, int scale);
std::optional<Exact> add(const Exact& a, const Exact& b);
std::optional<Exact> subtract(const Exact& a, const Exact& b);
std::optional<Exact> multiply(const Exact& a, const Exact& b);
std::optional<Exact> divide(const Exact& a, const Exact& b);  // b is not 0
std::optional<Exact> remainder(const Exact& a, const Exact& b);
enum class Rounding { kHalfAway, kToZero, kDown, kUp };
std::optional<Exact> round(const Exact& a, int digits, Rounding rounding);  // to 10^-digits; digits may be negative

}  // namespace tally::reference

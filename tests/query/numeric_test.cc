#include "query/numeric.h"

#include <doctest/doctest.h>

#include "base/random.h"

namespace tally {
namespace {

Numeric number(std::string_view text) { return parse_numeric(text).value(); }
std::string show(std::optional<Numeric> value) { return value ? to_string(*value) : "overflow"; }

}  // namespace

TEST_CASE("numeric: division has PostgreSQL's scale") {
  // SELECT a::numeric / b of PostgreSQL 16.
  struct Row {
    std::string_view a, b, quotient;
  };
  for (const Row& row : {Row{"1", "3", "0.33333333333333333333"}, Row{"5", "2", "2.5000000000000000"},
                         Row{"10", "5", "2.0000000000000000"}, Row{"69", "10000", "0.00690000000000000000"},
                         Row{"0", "5", "0.00000000000000000000"}, Row{"100000", "3", "33333.333333333333"},
                         Row{"-1", "3", "-0.33333333333333333333"}, Row{"2", "3", "0.66666666666666666667"},
                         Row{"1.5", "0.5", "3.0000000000000000"}, Row{"1", "7.00", "0.14285714285714285714"}}) {
    CAPTURE(row.a);
    CHECK(show(divide(number(row.a), number(row.b))) == row.quotient);
  }
}

TEST_CASE("numeric: rounding is half away from zero") {
  CHECK(show(round_to(number("2.5"), 0)) == "3");
  CHECK(show(round_to(number("-2.5"), 0)) == "-3");
  CHECK(show(round_to(number("2.345"), 2)) == "2.35");
  CHECK(show(round_to(number("1250"), -2)) == "1300");
  CHECK(show(round_to(number("5"), 2)) == "5.00");
  CHECK(show(truncate_to(number("-2.789"), 2)) == "-2.78");
  CHECK(show(floor_of(number("-2.1"))) == "-3");
}

TEST_CASE("numeric: at the edges of 128 bits") {
  Numeric largest{kInt128Max, 0};
  CHECK(show(add(largest, number("1"))) == "overflow");
  CHECK(show(subtract(largest, number("1"))) == "170141183460469231731687303715884105726");
  CHECK(show(multiply(largest, number("2"))) == "overflow");
  CHECK(show(divide(largest, number("1"))) == "170141183460469231731687303715884105727");
  CHECK(compare(largest, number("0.1")) == 1);
  CHECK(compare({-kInt128Max, 0}, number("0.1")) == -1);
  // Digits after the 20th give way to those before the point.
  CHECK(show(multiply(number("0.333333333333333333333333333333"), number("0.333333333333333333333333333333")))
            .substr(0, 22) == "0.11111111111111111111");
}

// Found by ./dev differential: a divisor with many digits needs more than 128 bits on the way, the answer does not.
TEST_CASE("numeric: what fits 128 bits is no overflow, whatever stands in between") {
  CHECK(show(divide(number("6"), number("0.05202312138728323699"))) == "115.33333333333333334269");
  CHECK(show(divide(number("0.0000004"), number("0.0000000000000000000000004"))) ==
        "1000000000000000000.00000000000000000000");
  CHECK(show(divide(number("1"), number("0.00000000000000000000000000000000000004"))) ==
        "overflow");  // 20 digits are kept
  CHECK(show(remainder(Numeric{kInt128Max, 0}, number("0.001"))) == "0.000");
  CHECK(show(remainder(number("0.5"), Numeric{kInt128Max, 0})) == "0.5");
  CHECK(show(remainder(number("-7.5"), number("2"))) == "-1.5");
  CHECK(show(add(number("0.00000000000000000000000000000000000001"), number("1000"))) ==
        "1000.00000000000000000000000000000000000");
}

TEST_CASE("numeric: text") {
  CHECK(to_string(number("1e3")) == "1000");
  CHECK(to_string(number("1.50e-2")) == "0.0150");
  CHECK(to_string(number("-.5")) == "-0.5");
  CHECK(to_string(normalized(number("100.500"))) == "100.5");
  for (std::string_view bad :
       {"", ".", "-", "1e", "1.2.3", "x", "1e99", "1e99999", "999999999999999999999999999999999999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_numeric(bad));
  }
}

TEST_CASE("numeric: small numbers against 64-bit arithmetic") {
  Random random(7);
  for (int i = 0; i < 20'000; ++i) {
    auto draw = [&] { return static_cast<int64_t>(random.below(2'000'001)) - 1'000'000; };
    int64_t a = draw(), b = draw();
    uint8_t scale = static_cast<uint8_t>(random.below(7));
    Numeric x{a, scale}, y{b, scale};
    CHECK(add(x, y)->value == a + b);
    CHECK(subtract(x, y)->value == a - b);
    CHECK(multiply(x, y)->value == static_cast<Int128>(a) * b);
    CHECK(compare(x, y) == (a < b ? -1 : a > b ? 1 : 0));
    if (b == 0) continue;
    CHECK(remainder(x, y)->value == a % b);
    // The quotient times the divisor is the dividend, but for the last digit.
    Numeric quotient = *divide(x, y);
    auto back = round_to(*multiply(quotient, y), scale);
    CHECK(compare(*back, x) == 0);
  }
}

}  // namespace tally

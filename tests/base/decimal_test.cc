#include "base/decimal.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

TEST_CASE("decimal: integers, the whole text and nothing else") {
  CHECK(parse_int64("0").value() == 0);
  CHECK(parse_int64("-42").value() == -42);
  CHECK(parse_int64("+42").value() == 42);
  CHECK(parse_int64("9223372036854775807").value() == INT64_MAX);
  CHECK(parse_int64("-9223372036854775808").value() == INT64_MIN);
  for (const char* text : {"", " 1", "1 ", "+", "-", "+-1", "1.0", "1e3", "0x10", "abc"}) {
    CAPTURE(text);
    CHECK(!parse_int64(text));
  }
  CHECK(parse_int64("9223372036854775808").error().message == "'9223372036854775808' is out of range for INT64");
}

struct DecimalCase {
  const char* text;
  int precision;
  int scale;
  int64_t value;
};

TEST_CASE("decimal: text to scaled integer, exactly") {
  for (const DecimalCase& c : std::initializer_list<DecimalCase>{
           {"1", 18, 6, 1'000'000},
           {"-12.5", 18, 6, -12'500'000},
           {"+0.000001", 18, 6, 1},
           {".5", 4, 2, 50},
           {"5.", 4, 2, 500},
           {"0.1", 18, 18, 100'000'000'000'000'000},
           {"1.500000000000000000000000", 18, 6, 1'500'000},
           {"999999999999.999999", 18, 6, 999'999'999'999'999'999},
           {"000000000000000000000000001", 3, 0, 1},
           {"1e3", 18, 2, 100'000},
           {"2.5E-3", 18, 6, 2'500},
           {"1500e-3", 18, 3, 1'500},
           {"0e999999999", 18, 6, 0},
           {"-0.00", 4, 2, 0},
       }) {
    CAPTURE(c.text);
    Result<int64_t> value = parse_decimal(c.text, c.precision, c.scale);
    REQUIRE(value);
    CHECK(*value == c.value);
  }
}

TEST_CASE("decimal: what does not fit is refused by name, never rounded") {
  CHECK(parse_decimal("0.0000001", 18, 6).error().message == "'0.0000001' has more than 6 digits behind the point");
  CHECK(parse_decimal("1000000000000", 18, 6).error().message == "'1000000000000' is out of range for DECIMAL(18,6)");
  CHECK(!parse_decimal("1e19", 18, 0));
  CHECK(!parse_decimal("1e999999999999", 18, 0));
  CHECK(!parse_decimal("1e-1", 18, 0));
  CHECK(!parse_decimal("1e-999999999999", 18, 6));
  CHECK(!parse_decimal("99999999999999999999999999999999999", 18, 0));
  for (const char* text : {"", ".", "-", "+.", "1.2.3", "1e", "e5", "1 ", " 1", "1,5", "nan", "inf", "--1", "0x1"}) {
    CAPTURE(text);
    CHECK(!parse_decimal(text, 18, 6));
  }
}

TEST_CASE("decimal: formatting") {
  CHECK(format_decimal(-12'500'000, 6) == "-12.500000");
  CHECK(format_decimal(5, 2) == "0.05");
  CHECK(format_decimal(-5, 2) == "-0.05");
  CHECK(format_decimal(0, 3) == "0.000");
  CHECK(format_decimal(1234, 0) == "1234");
  Int128 smallest = Int128{1} << 126;
  smallest = -smallest - smallest;
  CHECK(format_int128(smallest) == "-170141183460469231731687303715884105728");
  CHECK(format_decimal(1, 38) == "0.00000000000000000000000000000000000001");
}

TEST_CASE("decimal: every value of every scale survives text") {
  uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  for (int i = 0; i < 5'000; ++i) {
    int scale = static_cast<int>(random.below(19));
    auto value = static_cast<int64_t>(random.below(static_cast<uint64_t>(power_of_ten(18))) >> random.below(60));
    if (random.chance(0.5)) value = -value;
    CHECK(parse_decimal(format_decimal(value, scale), 18, scale).value() == value);
  }
}

}  // namespace
}  // namespace tally

#include "base/figures.h"

#include <doctest/doctest.h>

namespace tally {

TEST_CASE("figures: thousands") {
  CHECK(with_thousands(0) == "0");
  CHECK(with_thousands(999) == "999");
  CHECK(with_thousands(40'000) == "40,000");
  CHECK(with_thousands(1'234'567) == "1,234,567");
  CHECK(with_thousands(UINT64_MAX) == "18,446,744,073,709,551,615");
}

TEST_CASE("figures: one row, two rows") {
  CHECK(quantity(1, "row") == "1 row");
  CHECK(quantity(0, "row") == "0 rows");
  CHECK(quantity(2'000, "row") == "2,000 rows");
}

}  // namespace tally

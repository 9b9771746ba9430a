#include "tests/support/sparse_bytes.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

TEST_CASE("sparse bytes: agree with a vector, and copies stay as they were") {
  uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  SparseBytes sparse;
  Bytes plain;
  for (int i = 0; i < 600; ++i) {
    SparseBytes copy = sparse;
    const Bytes before = plain;
    uint64_t offset = random.below(20'000);
    if (random.chance(0.2)) {
      sparse.resize(offset);
      plain.resize(offset);
    } else {
      Bytes bytes(random.below(9'000));
      if (random.chance(0.7)) random.fill(bytes);
      sparse.write(offset, bytes);
      if (plain.size() < offset + bytes.size()) plain.resize(offset + bytes.size());
      std::copy(bytes.begin(), bytes.end(), plain.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    REQUIRE(sparse.to_bytes() == plain);
    REQUIRE(copy.to_bytes() == before);
  }
}

TEST_CASE("sparse bytes: zeros are not stored") {
  SparseBytes sparse;
  sparse.resize(uint64_t{1} << 40);
  sparse.write(uint64_t{1} << 39, Bytes(100'000));
  int pages = 0;
  sparse.for_each_page([&](uint64_t, ByteSpan) { ++pages; });
  CHECK(pages == 0);
  CHECK(sparse.size() == uint64_t{1} << 40);
}

}  // namespace
}  // namespace tally

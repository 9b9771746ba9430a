#include "base/checksum.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

// From the XXH3 specification: formats depend on these never changing.
TEST_CASE("checksum: known values") {
  CHECK(xxh3({}) == 0x2D06800538D394C2u);
  CHECK(xxh3(as_bytes("tally")) == xxh3(as_bytes("tally"), 0));
  CHECK(xxh3(as_bytes("tally")) != xxh3(as_bytes("tally"), 1));
}

TEST_CASE("checksum: a stream equals the whole, wherever it is cut") {
  uint64_t seed = test_seed(1);
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 50; ++round) {
    Bytes bytes(random.below(5000));
    random.fill(bytes);
    Xxh3Stream stream;
    for (size_t at = 0; at < bytes.size();) {
      size_t count = random.between(1, bytes.size() - at);
      stream.update(ByteSpan(bytes).subspan(at, count));
      at += count;
    }
    CHECK(stream.digest() == xxh3(bytes));
  }
}

TEST_CASE("checksum: every flipped bit shows") {
  Bytes bytes(300);
  Random(7).fill(bytes);
  const uint64_t sum = xxh3(bytes);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    CHECK(xxh3(bytes) != sum);
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
  }
}

}  // namespace
}  // namespace tally

#include "engine/encoding/patched.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "engine/encoding/int_block.h"
#include "engine/encoding/packed.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

uint64_t measured(const std::vector<int64_t>& values, uint64_t give_up = UINT64_MAX) {
  PatchedIntsBuilder builder;
  std::span<const int64_t> span(values);
  return builder.measure(span, int_stats(span), give_up);
}

// Mostly `usual` bits above `base`; each `outlier_in`th row something else.
std::vector<int64_t> with_outliers(Random& random, size_t rows, int64_t base, unsigned usual, uint64_t outlier_in,
                                   int64_t lowest, int64_t highest) {
  std::vector<int64_t> values(rows);
  for (int64_t& value : values) {
    value = base + static_cast<int64_t>(random.below(uint64_t{1} << usual));
    auto span = static_cast<uint64_t>(highest) - static_cast<uint64_t>(lowest);
    if (random.below(outlier_in) == 0) value = static_cast<int64_t>(static_cast<uint64_t>(lowest) + random.below(span));
  }
  return values;
}

// Its parts one by one, for hostile blocks of uint8_t.
struct Parts {
  uint32_t exceptions = 1;
  int64_t base = 10;
  uint8_t width = 2;
  Bytes low = {0};
  uint8_t gap_width = 3;
  Bytes gaps = {2};
  int64_t excess_base = 5;
  uint8_t excess_width = 0;
  Bytes excess = {};

  Bytes bytes() const {
    Bytes out;
    ByteWriter writer(out);
    writer.u32(exceptions);
    writer.i64(base);
    writer.u8(width);
    writer.bytes(low);
    writer.u8(gap_width);
    writer.bytes(gaps);
    writer.i64(excess_base);
    writer.u8(excess_width);
    writer.bytes(excess);
    return out;
  }
  Status decode() const {
    std::vector<uint8_t> values(4);
    std::vector<uint64_t> words(1);
    Status decoded = decode_patched(bytes(), std::span(values));
    Status selected = select_patched<uint8_t>(bytes(), 4, IntPredicate::equals(10), words);
    CHECK(decoded.has_value() == selected.has_value());
    if (!decoded) CHECK(decoded.error().code == Code::kCorruption);
    if (decoded) CHECK(values == std::vector<uint8_t>{10, 10, 30, 10});
    if (selected) CHECK(words[0] == 0b1011);
    return decoded;
  }
};

}  // namespace

TEST_CASE("patched: outliers above, below and on both sides cost no more than themselves") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  constexpr size_t kRows = 8192;
  constexpr int64_t kFar = int64_t{1} << 30;
  struct Case {
    int64_t lowest, highest;
  };
  for (auto [lowest, highest] : {Case{0, kFar}, Case{-kFar, 0}, Case{-kFar, kFar}}) {
    CAPTURE(lowest);
    std::vector<int64_t> values = with_outliers(random, kRows, 1000, 6, 20, lowest, highest);
    // A twentieth of the rows with some 8 bits of gap and 26 of value, or a little more where a wider base is better.
    CHECK(measured(values) < kRows * 6 / 8 + kRows / 20 * 40 / 8 + 600);
    CHECK(measured(values) * 3 < measure_packed(kRows, lowest, highest));
  }
}

TEST_CASE("patched: a column without outliers is given up, and one where giving up is asked for") {
  Random random(1);
  std::vector<int64_t> even(8192), values = with_outliers(random, 8192, 0, 6, 20, 0, 1 << 30);
  for (int64_t& value : even) value = static_cast<int64_t>(random.below(1 << 20));
  CHECK(measured(even) == UINT64_MAX);
  CHECK(measured({7, 7, 7}) == UINT64_MAX);
  uint64_t bytes = measured(values);
  CHECK(measured(values, bytes) == UINT64_MAX);
  CHECK(measured(values, bytes / 2) == UINT64_MAX);
  CHECK(measured(values, bytes + 1) == bytes);
}

TEST_CASE("patched: it is chosen for prices with a few large ones, and for the ends of 64 bits") {
  Random random(1);
  IntBlockEncoder encoder;
  for (int64_t highest : {int64_t{1} << 30, INT64_MAX}) {
    int64_t lowest = highest == INT64_MAX ? INT64_MIN : 0;
    std::vector<int64_t> values = with_outliers(random, 5000, 1000, 12, 30, lowest, highest), out(values.size());
    values[17] = lowest, values[18] = highest;
    Bytes bytes;
    CHECK(encoder.encode(std::span<const int64_t>(values), bytes) == Encoding::kPatched);
    REQUIRE(decode_int_block(Encoding::kPatched, bytes, std::span(out)).has_value());
    CHECK(out == values);
  }
}

TEST_CASE("patched: whatever part is wrong, it is corruption") {
  auto broken = [](auto change) {
    Parts parts;
    change(parts);
    return !parts.decode();
  };
  CHECK(Parts{}.decode());  // rows 10, 10, 10 + 5 * 4, 10
  CHECK(broken([](Parts& p) { p.exceptions = 0; }));
  CHECK(broken([](Parts& p) { p.exceptions = 5; }));
  CHECK(broken([](Parts& p) { p.exceptions = UINT32_MAX; }));
  CHECK(broken([](Parts& p) { p.base = -1; }));
  CHECK(broken([](Parts& p) { p.base = 253; }));
  CHECK(broken([](Parts& p) { p.width = 65; }));
  CHECK(broken([](Parts& p) { p.low = {}; }));
  CHECK(broken([](Parts& p) { p.gap_width = 33; }));
  CHECK(broken([](Parts& p) { p.gaps = {4}; }));        // behind the last row
  CHECK(broken([](Parts& p) { p.gaps = {2 | 8}; }));    // bits beyond the last gap
  CHECK(broken([](Parts& p) { p.excess_base = 62; }));  // 10 + 62 * 4
  CHECK(broken([](Parts& p) { p.excess_base = -3; }));
  CHECK(broken([](Parts& p) { p.excess_width = 3; }));
  CHECK(broken([](Parts& p) { p.excess = {0}; }));
}

TEST_CASE("patched: widths that leave nothing above are refused") {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.u32(1);
  writer.i64(0);
  writer.u8(57);
  writer.zeros(8);
  writer.u8(0);
  writer.i64(0);
  writer.u8(0);
  int64_t value;
  CHECK_FALSE(decode_patched(bytes, std::span<int64_t>(&value, 1)));
  bytes[12] = 56;
  bytes.erase(bytes.begin() + 13);
  CHECK(decode_patched(bytes, std::span<int64_t>(&value, 1)));
}

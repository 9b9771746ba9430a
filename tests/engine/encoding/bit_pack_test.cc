#include "engine/encoding/bit_pack.h"

#include <doctest/doctest.h>

#include <memory>

#include "base/cpu.h"
#include "base/random.h"
#include "engine/encoding/bit_pack_kernels.h"
#include "engine/encoding/selection.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

// Every width that there is.
std::vector<unsigned> widths_to(unsigned last) {
  std::vector<unsigned> widths;
  for (unsigned width = 0; width <= std::min(last, 57u); ++width) widths.push_back(width);
  if (last == 64) widths.push_back(64);
  return widths;
}

std::vector<uint64_t> random_values(Random& random, size_t count, unsigned width) {
  std::vector<uint64_t> values(count);
  for (uint64_t& value : values) value = random.next() & packed_largest(width);
  return values;
}

Bytes packed(const std::vector<uint64_t>& values, unsigned width) {
  Bytes bytes;
  pack_bits(values.size(), width, bytes, [&](size_t i) { return values[i]; });
  return bytes;
}

// In memory of its exact size, so that the address sanitizer sees a byte too many.
struct Exact {
  std::unique_ptr<uint8_t[]> memory;
  ByteSpan span;
  explicit Exact(const Bytes& bytes) : memory(new uint8_t[bytes.size()]), span(memory.get(), bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), memory.get());
  }
};

}  // namespace

TEST_CASE("bit packing: the example of the header") {
  std::vector<uint64_t> values = {1, 0, 5, 7};
  Bytes bytes = packed(values, 3);
  CHECK(hex(bytes) == "410f");
  ByteSpan rest = bytes;
  std::vector<uint64_t> out(4);
  take_bits(rest, 4, 3).value().unpack(uint64_t{0}, out);
  CHECK(out == values);
  CHECK(rest.empty());
}

TEST_CASE("bit packing: the width that values need") {
  CHECK(packed_width(0) == 0);
  CHECK(packed_width(1) == 1);
  CHECK(packed_width(255) == 8);
  CHECK(packed_width((uint64_t{1} << 57) - 1) == 57);
  CHECK(packed_width(uint64_t{1} << 57) == 64);
}

TEST_CASE("bit packing: every width comes back, at lengths around the edges of the kernels") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (unsigned width : widths_to(64)) {
    CAPTURE(width);
    for (size_t count : {1, 7, 8, 9, 63, 64, 65, 200, 1000, 4099}) {
      std::vector<uint64_t> values = random_values(random, count, width);
      Exact bytes(packed(values, width));
      REQUIRE(bytes.span.size() == packed_bytes(count, width));
      ByteSpan rest = bytes.span;
      PackedBits bits = take_bits(rest, count, width).value();
      uint64_t base = random.next();
      std::vector<uint64_t> out(count);
      bits.unpack(base, out);
      bool same = true;
      for (size_t i = 0; i < count; ++i) same &= out[i] == base + values[i] && bits.at(i) == values[i];
      REQUIRE(same);
      if (width > 32) continue;
      std::vector<uint32_t> narrow(count);
      bits.unpack(static_cast<uint32_t>(base), narrow);
      for (size_t i = 0; i < count; ++i) same &= narrow[i] == static_cast<uint32_t>(base + values[i]);
      REQUIRE(same);
    }
  }
}

TEST_CASE("bit packing: ranges and sets select what a look at each value selects") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (unsigned width : widths_to(64)) {
    CAPTURE(width);
    size_t count = random.between(1, 700);
    std::vector<uint64_t> values = random_values(random, count, width);
    Exact bytes(packed(values, width));
    ByteSpan rest = bytes.span;
    PackedBits bits = take_bits(rest, count, width).value();
    std::vector<uint64_t> words(selection_words(count), random.next());
    for (int repeat = 0; repeat < 8; ++repeat) {
      uint64_t first = values[random.below(count)];
      uint64_t last = random.chance(0.3) ? first : std::max(first, values[random.below(count)]);
      bits.select_range(first, last, words);
      size_t selected = 0;
      for (size_t i = 0; i < count; ++i) {
        bool wanted = first <= values[i] && values[i] <= last;
        REQUIRE(is_selected(words, i) == wanted);
        selected += wanted;
      }
      REQUIRE(count_selected(words) == selected);  // nothing beyond the last row
    }
    if (width > 20) continue;
    auto set_bits = static_cast<uint32_t>(random.between(1, packed_largest(width) + 3));
    std::vector<uint32_t> set((set_bits + 31) / 32);
    for (uint32_t& word : set) word = static_cast<uint32_t>(random.next());
    bits.select_in(set, set_bits, words);
    for (size_t i = 0; i < count; ++i) {
      bool wanted = values[i] < set_bits && (set[values[i] / 32] >> values[i] % 32 & 1u) != 0;
      REQUIRE(is_selected(words, i) == wanted);
    }
  }
}

TEST_CASE("bit packing: the kernels agree on whatever the bytes are") {
  if (!cpu_has_avx2()) return;
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  const BitKernels& plain = baseline::kBitKernels;
  const BitKernels& vector = avx2::kBitKernels;
  for (unsigned width : widths_to(64)) {
    if (width == 0) continue;
    CAPTURE(width);
    for (int repeat = 0; repeat < 20; ++repeat) {
      size_t count = random.between(1, 300);
      Bytes bytes(packed_bytes(count, width) + kBitOverread);
      random.fill(bytes);
      uint64_t base = random.next();
      std::vector<uint64_t> a(count), b(count), a_words(selection_words(count)), b_words(a_words.size());
      plain.unpack64(bytes.data(), count, width, base, a.data());
      vector.unpack64(bytes.data(), count, width, base, b.data());
      REQUIRE(a == b);
      uint64_t first = random.next() & packed_largest(width);
      uint64_t last = random.between(first, packed_largest(width));
      plain.select_range(bytes.data(), count, width, first, last, a_words.data());
      vector.select_range(bytes.data(), count, width, first, last, b_words.data());
      REQUIRE(a_words == b_words);
      if (width > 32) continue;
      std::vector<uint32_t> a32(count), b32(count);
      plain.unpack32(bytes.data(), count, width, static_cast<uint32_t>(base), a32.data());
      vector.unpack32(bytes.data(), count, width, static_cast<uint32_t>(base), b32.data());
      REQUIRE(a32 == b32);
      auto set_bits = static_cast<uint32_t>(random.between(1, std::min<uint64_t>(5000, packed_largest(width) + 1)));
      std::vector<uint32_t> set((set_bits + 31) / 32);
      for (uint32_t& word : set) word = static_cast<uint32_t>(random.next());
      plain.select_in(bytes.data(), count, width, set.data(), set_bits, a_words.data());
      vector.select_in(bytes.data(), count, width, set.data(), set_bits, b_words.data());
      REQUIRE(a_words == b_words);
    }
  }
}

TEST_CASE("bit packing: what cannot be is refused") {
  Bytes bytes(8, 0xFF);
  ByteSpan rest = bytes;
  CHECK_FALSE(take_bits(rest, 1, 58));
  CHECK_FALSE(take_bits(rest, 1, 63));
  CHECK_FALSE(take_bits(rest, 1, 65));
  CHECK_FALSE(take_bits(rest, 13, 5));  // 65 bits
  CHECK_FALSE(take_bits(rest, 7, 1));   // the eighth bit is on
  CHECK_FALSE(take_bits(rest, SIZE_MAX / 64, 64));
  CHECK(take_bits(rest, 8, 8).has_value());
  CHECK(rest.empty());
}

TEST_CASE("selections: runs of rows") {
  std::vector<uint64_t> words(2);
  select_rows(0, 1, words);
  select_rows(2, 3, words);
  select_rows(65, 66, words);
  CHECK(words == std::vector<uint64_t>{5, 2});
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int repeat = 0; repeat < 500; ++repeat) {
    std::vector<uint64_t> some(4);
    uint64_t first = random.below(257), last = random.below(257);
    select_rows(first, last, some);
    for (size_t row = 0; row < 256; ++row) REQUIRE(is_selected(some, row) == (first <= row && row < last));
  }
}

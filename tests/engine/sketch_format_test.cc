#include "engine/sketch_format.h"

#include <doctest/doctest.h>

#include <map>

#include "base/cpu.h"
#include "base/random.h"
#include "engine/hyperloglog_kernels.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

using Registers = std::map<uint32_t, uint8_t>;

HyperLogLog make(uint8_t precision, const Registers& registers) {
  HyperLogLog sketch(precision);
  for (auto [index, rank] : registers) sketch.raise(index, rank);
  return sketch;
}

Bytes bytes_of(const HyperLogLog& sketch) {
  Bytes bytes;
  encode_sketch(sketch, bytes);
  return bytes;
}

Registers registers_of(const HyperLogLog& sketch) {
  Registers registers;
  sketch.for_each_register([&](uint32_t index, uint8_t rank) { registers[index] = rank; });
  return registers;
}

HyperLogLog filled(uint8_t precision, uint64_t values, uint64_t first) {
  HyperLogLog sketch(precision);
  for (uint64_t i = 0; i < values; ++i) sketch.add(unique_hash(static_cast<int64_t>(first + i)));
  return sketch;
}

std::string problem(const Bytes& bytes) {
  auto opened = StoredSketch::open(bytes);
  if (opened) return "";
  CHECK(opened.error().code == Code::kCorruption);
  return opened.error().message;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("sketch format: the example of the header, and the empty sketch") {
  CHECK(bytes_of(make(10, {{3, 2}, {1000, 1}})) == Bytes{0x11, 0x0a, 2, 0, 0, 0, 0x0a, 1, 0x03, 0x90, 0x0f, 0x01});
  CHECK(bytes_of(HyperLogLog(16)) == Bytes{0x11, 0x10, 0, 0, 0, 0, 0, 0});
  HyperLogLog all(10);
  for (uint32_t i = 0; i < 1024; ++i) all.raise(i, static_cast<uint8_t>(1 + i % 55));
  Bytes dense = bytes_of(all);
  CHECK(dense.size() == 2 + 768);
  CHECK(Bytes(dense.begin(), dense.begin() + 5) == Bytes{0x12, 0x0a, 0x81, 0x30, 0x10});  // 1, 2, 3, 4
}

TEST_CASE("sketch format: any number of values comes back register by register, in no more than the dense form") {
  const uint64_t seed = test_seed(1);
  for (uint8_t precision : {10, 11, 12, 13, 14, 15, 16}) {
    CAPTURE(precision);
    for (uint64_t values : {0, 1, 2, 10, 100, 300, 1'000, 3'000, 10'000, 100'000}) {
      CAPTURE(values);
      const HyperLogLog sketch = filled(precision, values, seed << 32);
      const Bytes bytes = bytes_of(sketch);
      CHECK(bytes.size() <= 2 + (size_t{6} << precision) / 8);
      CHECK(bytes.size() <= kSketchBytesMax);
      HyperLogLog back(precision);
      REQUIRE(merge_stored_sketch(bytes, back));
      CHECK(registers_of(back) == registers_of(sketch));
      CHECK(back.estimate() == sketch.estimate());
      CHECK(bytes_of(back) == bytes);
    }
  }
}

TEST_CASE("sketch format: the same registers give the same bytes and estimate, whatever way they came together") {
  Random random(test_seed(2));
  for (int round = 0; round < 60; ++round) {
    const auto precision = static_cast<uint8_t>(10 + random.below(7));
    std::vector<uint64_t> hashes(1 + random.below(round % 2 == 0 ? 200 : 20'000));
    for (uint64_t& hash : hashes) hash = unique_hash(static_cast<int64_t>(random.below(30'000)));
    HyperLogLog forwards(precision), backwards(precision), dense(precision), parts(precision);
    dense.make_dense();
    for (size_t i = 0; i < hashes.size(); ++i) {
      forwards.add(hashes[i]);
      backwards.add(hashes[hashes.size() - 1 - i]);
      dense.add(hashes[i]);
      if (random.chance(0.01)) (void)backwards.estimate();  // asks in between
    }
    for (size_t i = 0; i < hashes.size();) {
      HyperLogLog part(precision);
      for (uint64_t n = 1 + random.below(5'000); n > 0 && i < hashes.size(); --n) part.add(hashes[i++]);
      REQUIRE(merge_stored_sketch(bytes_of(part), parts));
    }
    const Bytes bytes = bytes_of(forwards);
    CHECK(bytes_of(backwards) == bytes);
    CHECK(bytes_of(dense) == bytes);
    CHECK(bytes_of(parts) == bytes);
    CHECK_FALSE(dense.is_sparse());
    CHECK(dense.estimate() == forwards.estimate());
    CHECK(parts.estimate() == forwards.estimate());
  }
}

TEST_CASE("sketch format: a merge takes the larger of each register") {
  Random random(test_seed(3));
  for (int round = 0; round < 60; ++round) {
    const auto precision = static_cast<uint8_t>(10 + random.below(7));
    auto some = [&] {
      Registers registers;
      const uint64_t count = random.below(random.chance(0.5) ? 100 : uint64_t{1} << precision);
      for (uint64_t i = 0; i < count; ++i) {
        const auto rank = static_cast<uint8_t>(1 + random.below(hyperloglog_rank_max(precision)));
        registers[static_cast<uint32_t>(random.below(uint64_t{1} << precision))] = rank;
      }
      return registers;
    };
    const Registers left = some(), right = some();
    Registers expected = left;
    for (auto [index, rank] : right) expected[index] = std::max(expected[index], rank);
    HyperLogLog merged = make(precision, left);
    REQUIRE(merge_stored_sketch(bytes_of(make(precision, right)), merged));
    CHECK(registers_of(merged) == expected);
    HyperLogLog other_way = make(precision, right);
    REQUIRE(merge_stored_sketch(bytes_of(make(precision, left)), other_way));
    CHECK(bytes_of(other_way) == bytes_of(merged));
  }
}

TEST_CASE("sketch format: hostile bytes are refused with a reason") {
  const Bytes good = bytes_of(make(10, {{3, 2}, {1000, 1}}));
  auto with = [&](size_t at, uint8_t byte) {
    Bytes bytes = good;
    bytes[at] = byte;
    return problem(bytes);
  };
  CHECK(problem(good) == "");
  CHECK(has(problem({}), "0 bytes"));
  CHECK(has(with(0, 0x21), "version 2"));
  CHECK(has(with(0, 0x13), "form 3"));
  CHECK(has(with(1, 9), "precision 9"));
  CHECK(has(with(1, 17), "precision 17"));
  CHECK(has(with(3, 0xFF), "65282 registers of 1024"));
  CHECK(has(with(6, 11), "too wide"));
  CHECK(has(with(7, 7), "too wide"));
  CHECK(has(with(9, 0xf0), "register 1024 of 1024"));  // gaps 3 and 1020
  CHECK(with(10, 0x1f) != "");                         // an unused bit
  CHECK(has(with(11, 0x00), "wider than they need"));
  Bytes longer = good;
  longer.push_back(0);
  CHECK(has(problem(longer), "1 bytes behind its end"));
  Bytes shorter = good;
  shorter.pop_back();
  CHECK(problem(shorter) != "");
  CHECK(has(problem({0x11, 0x0a, 1, 0, 0, 0, 0, 6, 0x3F}), "rank 64"));
  CHECK(problem({0x11, 0x0a, 1, 0, 0, 0, 0, 6, 54}) == "");  // rank 55

  // Forms that the other one is smaller than, and a rank that no hash has.
  Bytes dense(2 + 768);
  dense[0] = 0x12;
  dense[1] = 0x0a;
  CHECK(has(problem(dense), "no smaller than the sparse one"));
  HyperLogLog full(10);
  for (uint32_t i = 0; i < 1024; ++i) full.raise(i, static_cast<uint8_t>(1 + i % 55));
  dense = bytes_of(full);
  CHECK(problem(dense) == "");
  dense[2] = 0xFF;
  CHECK(has(problem(dense), "rank 63"));
  HyperLogLog other(12);
  CHECK(has(merge_stored_sketch(good, other).error().message, "precision 10 among sketches of precision 12"));
}

TEST_CASE("sketch format: every flipped bit is refused or another sketch, never the same one and never a crash") {
  const Bytes sparse = bytes_of(filled(10, 60, 1));
  const Bytes dense = bytes_of(filled(10, 5'000, 1));
  for (const Bytes* good : {&sparse, &dense}) {
    const uint8_t precision = 10;
    for (size_t bit = 0; bit < good->size() * 8; ++bit) {
      Bytes bytes = *good;
      bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
      HyperLogLog after(precision);
      if (!merge_stored_sketch(bytes, after)) continue;
      CHECK(bytes_of(after) == bytes);  // and so other registers: the same ones have one form only
    }
    for (size_t size = 0; size < good->size(); ++size) {
      CHECK(problem(Bytes(good->begin(), good->begin() + static_cast<ptrdiff_t>(size))) != "");
    }
  }
}

TEST_CASE("sketch kernels: both copies and the plain way agree") {
  Random random(test_seed(4));
  for (int round = 0; round < 50; ++round) {
    const size_t count = 64 * (1 + random.below(20));
    std::vector<uint8_t> mine(count), theirs(count);
    for (uint8_t& rank : mine) rank = static_cast<uint8_t>(random.below(64));
    for (uint8_t& rank : theirs) rank = static_cast<uint8_t>(random.below(64));
    Bytes packed;
    pack_bits(count, 6, packed, [&](size_t i) { return theirs[i]; });
    std::vector<uint8_t> expected(count);
    for (size_t i = 0; i < count; ++i) expected[i] = std::max(mine[i], theirs[i]);
    for (bool with_avx2 : {false, true}) {
      if (with_avx2 && !cpu_has_avx2()) continue;
      const HyperLogLogKernels& kernels = with_avx2 ? avx2::kHyperLogLogKernels : baseline::kHyperLogLogKernels;
      std::vector<uint8_t> out = mine;
      kernels.raise(out.data(), theirs.data(), count);
      CHECK(out == expected);
      out = mine;
      kernels.raise_packed(out.data(), packed.data(), count);
      CHECK(out == expected);
    }
  }
}

}  // namespace tally

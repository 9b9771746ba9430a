#include "engine/remembered_ribbon.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/cpu.h"
#include "base/random.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

struct Member {
  Hash128 key;
  uint32_t set = 0;
};

std::vector<Member> random_members(Random& random, size_t count, uint32_t sets) {
  std::vector<Member> members(count);
  for (Member& member : members) {
    member = {{.lo = random.next(), .hi = random.next()}, static_cast<uint32_t>(random.below(sets))};
  }
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.key < b.key; });
  return members;
}

std::shared_ptr<const RememberedRibbon> ribbon_of(std::span<const Member> members, uint64_t expected, uint32_t sets) {
  RememberedRibbonBuilder builder(expected, sets);
  for (const Member& member : members) builder.add(member.key, member.set);
  return builder.finish();
}

std::vector<uint8_t> answers(const RememberedRibbon& ribbon, std::span<const Member> members) {
  std::vector<Hash128> keys;
  for (const Member& member : members) keys.push_back(member.key);
  std::vector<uint8_t> out(keys.size(), 77);
  ribbon.probe(keys, out);
  return out;
}

size_t not_found(const RememberedRibbon& ribbon, std::span<const Member> members) {
  const std::vector<uint8_t> out = answers(ribbon, members);
  size_t missing = 0;
  for (size_t i = 0; i < members.size(); ++i) missing += out[i] != members[i].set && out[i] != RememberedRibbon::kAny;
  return missing;
}

}  // namespace

TEST_CASE("ribbon: names the set of every member, and of few strangers any") {
  Random random(test_seed());
  for (uint32_t sets : {1, 3, 12}) {
    for (size_t count : {0, 1, 5, 1000, 4096, 300'000}) {
      CAPTURE(sets);
      CAPTURE(count);
      const std::vector<Member> members = random_members(random, count, sets);
      const auto ribbon = ribbon_of(members, count, sets);
      CHECK(ribbon->ids() == count);
      CHECK(ribbon->unsolved_chunks() == 0);
      CHECK(not_found(*ribbon, members) == 0);
      const std::vector<Member> strangers = random_members(random, 100'000, sets);
      const std::vector<uint8_t> out = answers(*ribbon, strangers);
      const auto passed =
          std::count_if(out.begin(), out.end(), [](uint8_t one) { return one != RememberedRibbon::kNone; });
      const double expected = 100'000.0 * sets / 256;
      CHECK(static_cast<double>(passed) < expected + 6 * std::sqrt(expected));
      CHECK(static_cast<double>(passed) > expected - 6 * std::sqrt(expected));
      if (count > 100'000) CHECK(static_cast<double>(ribbon->memory_bytes()) * 8 / static_cast<double>(count) < 8.7);
    }
  }
}

TEST_CASE("ribbon: a guess that was far off costs room, never a member") {
  Random random(test_seed());
  const std::vector<Member> members = random_members(random, 40'000, 2);
  for (uint64_t expected : {0, 100, 4'000, 4'000'000}) {
    CAPTURE(expected);
    CHECK(not_found(*ribbon_of(members, expected, 2), members) == 0);
  }
}

TEST_CASE("ribbon: a chunk without a solution says any, and the others are none the worse") {
  Random random(test_seed());
  std::vector<Member> members = random_members(random, 50'000, 3);
  SUBCASE("an id in two sets") {
    Member twice = members[20'000];
    twice.set = (twice.set + 1) % 3;
    members.insert(members.begin() + 20'000, twice);
    const auto ribbon = ribbon_of(members, members.size(), 3);
    CHECK(ribbon->unsolved_chunks() == 1);
    CHECK(not_found(*ribbon, members) == 0);
  }
  SUBCASE("more ids than a chunk has room for") {
    for (uint64_t i = 0; i < 70'000; ++i) members.push_back({{.lo = UINT64_MAX, .hi = i}, 1});
    const auto ribbon = ribbon_of(members, 50'000, 3);
    CHECK(ribbon->unsolved_chunks() == 1);
    CHECK(not_found(*ribbon, members) == 0);
  }
  SUBCASE("the same id twice in one set is no contradiction") {
    members.insert(members.begin() + 20'000, members[20'000]);
    const auto ribbon = ribbon_of(members, members.size(), 3);
    CHECK(ribbon->unsolved_chunks() == 0);
    CHECK(not_found(*ribbon, members) == 0);
  }
  SUBCASE("ids that share a low word, or a high word") {
    members.clear();
    for (uint64_t i = 0; i < 3000; ++i) members.push_back({{.lo = 5, .hi = i}, static_cast<uint32_t>(i % 3)});
    for (uint64_t i = 0; i < 3000; ++i) members.push_back({{.lo = 6 + i, .hi = 1}, static_cast<uint32_t>(i % 3)});
    CHECK(not_found(*ribbon_of(members, 6000, 3), members) == 0);
  }
}

TEST_CASE("ribbon kernels: both copies solve and answer the same") {
  if (!cpu_has_avx2()) return;
  Random random(test_seed());
  for (int repeat = 0; repeat < 50; ++repeat) {
    const auto count = static_cast<uint32_t>(random.between(64, 3000));
    CAPTURE(count);
    std::vector<uint64_t> coefficients(count);
    std::vector<uint8_t> values(count);
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t left = std::min<uint32_t>(64, count - i);
      coefficients[i] = random.chance(0.05) ? 0 : (random.next() >> (64 - left)) | 1;
      values[i] = static_cast<uint8_t>(random.next());
    }
    std::vector<uint8_t> a(count + 64, 0xAB), b(count + 64, 0xCD);  // what stands behind the rows does not matter
    baseline::kRibbonKernels.solve(coefficients.data(), values.data(), count, a.data());
    avx2::kRibbonKernels.solve(coefficients.data(), values.data(), count, b.data());
    REQUIRE(std::equal(a.begin(), a.begin() + count, b.begin()));
    for (uint32_t i = 0; i < count; ++i) {
      if (coefficients[i] == 0) continue;
      uint8_t sum = 0;
      for (uint64_t bits = coefficients[i]; bits != 0; bits &= bits - 1)
        sum ^= a[i + static_cast<uint32_t>(std::countr_zero(bits))];
      REQUIRE(sum == values[i]);
    }
    RibbonChunk chunks[3];
    chunks[0].rows = static_cast<uint16_t>(count);
    chunks[0].seed = static_cast<uint16_t>(random.below(20));
    chunks[2] = {.offset = count / 2, .rows = static_cast<uint16_t>(64 + random.below(count / 2 + 1)), .seed = 3};

    const size_t keys = random.below(200);
    std::vector<uint64_t> pairs(keys * 2);
    for (uint64_t& word : pairs) word = random.next();
    std::vector<uint8_t> a_out(keys, 1), b_out(keys, 2);
    a.resize(count * 2 + 256, 9);
    baseline::kRibbonKernels.probe(a.data(), chunks, 3, 4, pairs.data(), keys, a_out.data());
    avx2::kRibbonKernels.probe(a.data(), chunks, 3, 4, pairs.data(), keys, b_out.data());
    CHECK(a_out == b_out);
    for (size_t i = 0; i < keys; ++i) {
      CHECK((a_out[i] == kRibbonAny) == (ribbon_chunk_of(pairs[2 * i], 3) == 1));
      CHECK((a_out[i] < 4 || a_out[i] >= kRibbonAny));
    }
  }
}

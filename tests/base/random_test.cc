#include "base/random.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

namespace tally {
namespace {

// Generated traffic and every printed seed depend on this sequence.
TEST_CASE("random: the sequence of a seed never changes") {
  uint64_t state = 0;
  CHECK(splitmix64(state) == 0xE220A8397B1DCDAFu);
  CHECK(splitmix64(state) == 0x6E789E6AA1B965F4u);
  Random random(1);
  CHECK(random.next() == 0xB3F2AF6D0FC710C5u);
  CHECK(random.next() == 0x853B559647364CEAu);
}

TEST_CASE("random: below() covers its range evenly and stays in it") {
  Random random(2);
  std::map<uint64_t, int> seen;
  for (int i = 0; i < 70'000; ++i) ++seen[random.below(7)];
  CHECK(seen.size() == 7);
  for (auto [value, count] : seen) {
    CHECK(value < 7);
    CHECK(count > 9'500);
    CHECK(count < 10'500);
  }
  CHECK(random.below(1) == 0);
  for (int i = 0; i < 100; ++i) CHECK(random.below(UINT64_MAX) < UINT64_MAX);
}

TEST_CASE("random: between() includes both ends") {
  Random random(3);
  std::set<uint64_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(random.between(5, 7));
  CHECK(seen == std::set<uint64_t>{5, 6, 7});
  CHECK(random.between(9, 9) == 9);
  (void)random.between(0, UINT64_MAX);
}

TEST_CASE("random: uniform() and chance()") {
  Random random(4);
  double sum = 0;
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) {
    double value = random.uniform();
    CHECK(value >= 0.0);
    CHECK(value < 1.0);
    sum += value;
    hits += random.chance(0.25) ? 1 : 0;
  }
  CHECK(sum / 10'000 == doctest::Approx(0.5).epsilon(0.02));
  CHECK(hits == doctest::Approx(2'500).epsilon(0.06));
  CHECK(!random.chance(0.0));
  CHECK(random.chance(1.0));
}

TEST_CASE("random: fill() depends on the seed alone, for every length") {
  Bytes a(100);
  Bytes b(100);
  Random(5).fill(a);
  Random(5).fill(b);
  CHECK(a == b);
  Bytes odd(13);
  Random(5).fill(odd);
  CHECK(std::equal(odd.begin(), odd.begin() + 8, a.begin()));
}

TEST_CASE("random: the operating system's bytes differ, a uuid says version 4") {
  CHECK(random_u64() != random_u64());
  std::array<uint8_t, 16> uuid = random_uuid();
  CHECK((uuid[6] >> 4) == 4);
  CHECK((uuid[8] >> 6) == 2);
  CHECK(uuid != random_uuid());
}

}  // namespace
}  // namespace tally

TEST_CASE("random: within a scope the bytes that come from the operating system come from the seed") {
  std::array<uint8_t, 16> first{}, second{}, other{};
  {
    tally::SeededRandomScope scope(7);
    first = tally::random_uuid();
    {
      tally::SeededRandomScope inner(8);
      other = tally::random_uuid();
    }
  }
  {
    tally::SeededRandomScope scope(7);
    second = tally::random_uuid();
  }
  CHECK(first == second);
  CHECK(first != other);
  CHECK(tally::random_uuid() != first);
}

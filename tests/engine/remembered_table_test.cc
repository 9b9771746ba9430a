#include "engine/remembered_table.h"

#include <doctest/doctest.h>

#include <map>

#include "base/random.h"
#include "engine/encoding/selection.h"
#include "engine/remembered_filter.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

Hash128 random_key(Random& random) { return {.lo = random.next(), .hi = random.next()}; }

std::vector<Hash128> random_keys(Random& random, size_t count) {
  std::vector<Hash128> keys(count);
  for (Hash128& key : keys) key = random_key(random);
  return keys;
}

}  // namespace

TEST_CASE("remembered table behaves as a map, and comes out sorted") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (uint64_t expected : {0, 1000, 200'000}) {
    RememberedTable table(expected);
    std::map<Hash128, uint32_t> model;
    std::vector<Hash128> keys = random_keys(random, 60'000);
    // Words that begin or end a partition, and keys of one low word: the crowd that wraps around the end.
    for (uint64_t i = 0; i < 300; ++i) keys.push_back({.lo = (i << 56) - 1, .hi = i});
    for (uint64_t i = 0; i < 300; ++i) keys.push_back({.lo = UINT64_MAX, .hi = i});
    for (uint64_t i = 0; i < 300; ++i) keys.push_back({.lo = 0, .hi = i});
    for (int i = 0; i < 150'000; ++i) {
      const Hash128& key = keys[random.below(keys.size())];
      auto known = model.find(key);
      table.prefetch(key);
      const SeenEntry* entry = table.find(key);
      REQUIRE((entry == nullptr) == (known == model.end()));
      if (entry != nullptr) REQUIRE(entry->digest == known->second);
      const auto digest = static_cast<uint32_t>(random.next());
      REQUIRE(table.insert({key, digest, 3}) == (known == model.end()));
      model.try_emplace(key, digest);
    }
    CHECK(table.size() == model.size());
    auto next = model.begin();
    std::vector<SeenEntry> entries;
    for (size_t part = 0; part < RememberedTable::kParts; ++part) {
      table.sorted_part(part, entries);
      for (const SeenEntry& entry : entries) {
        REQUIRE(next != model.end());
        REQUIRE(entry.key == next->first);
        REQUIRE(entry.digest == next->second);
        ++next;
      }
    }
    CHECK(next == model.end());
  }
}

TEST_CASE("remembered table: memory follows the number of ids, expected or not") {
  Random random(1);
  const std::vector<Hash128> keys = random_keys(random, 300'000);
  for (uint64_t expected : {0, 300'000}) {
    RememberedTable table(expected);
    CHECK(table.memory_bytes() < 1'000'000);
    for (const Hash128& key : keys) table.insert({key, 1, 1});
    CHECK(table.memory_bytes() < 300'000 * (expected == 0 ? 104 : 42));  // it may be growing
    CHECK(table.memory_bytes() > 300'000 * 24);
  }
}

TEST_CASE("remembered filter: every id passes, strangers as seldom as it says, at both ends of its room") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  const std::vector<Hash128> strangers = random_keys(random, 200'000);
  std::vector<uint64_t> words(selection_words(200'000));
  auto passes = [&](const RememberedFilter& filter, std::span<const Hash128> keys) {
    filter.probe(keys, words);
    return count_selected(words);
  };
  RememberedFilter filter(200'000, 11);
  CHECK(filter.has_room_for(400'000));
  CHECK_FALSE(filter.has_room_for(401'000));
  const std::vector<Hash128> ids = random_keys(random, 200'000);
  filter.add(ids);
  CHECK(passes(filter, ids) == 200'000);
  const double wrong = static_cast<double>(passes(filter, strangers)) / 200'000;
  CHECK(wrong < 0.009);
  RememberedFilter copy(filter);
  copy.add(random_keys(random, 20'000));
  CHECK_FALSE(copy.has_room_for(1000));
  CHECK(passes(copy, ids) == 200'000);
  const double wrong_full = static_cast<double>(passes(copy, strangers)) / 200'000;
  CHECK(wrong_full < 0.014);
  MESSAGE("strangers let through: ", wrong * 100, " % at 11 bits an id, ", wrong_full * 100, " % at 10");
  CHECK(static_cast<double>(passes(filter, strangers)) / 200'000 == wrong);  // the first did not change
  CHECK(filter.memory_bytes() < 200'000 * 11 / 8 + 200);
}

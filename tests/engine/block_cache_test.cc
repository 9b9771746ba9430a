#include "engine/block_cache.h"

#include <doctest/doctest.h>

#include <map>
#include <thread>
#include <vector>

#include "base/random.h"
#include "tests/support/seed.h"

using namespace tally;

namespace {

constexpr uint64_t kParts = 8;  // a cache's bytes are shared out among so many

BlockCache::Value number(int value) { return std::make_shared<const int>(value); }
int number_in(const BlockCache::Value& value) { return *static_cast<const int*>(value.get()); }

// Keys that fall into one part of a cache: with room for one small entry a part, who pushes out whom shares it.
std::vector<BlockCache::Key> keys_of_one_part(size_t wanted) {
  const BlockCache::Key first{7, 0, 1};
  std::vector<BlockCache::Key> keys{first};
  for (uint32_t block = 1; keys.size() < wanted; ++block) {
    BlockCache cache(kParts * 10);  // a part has room for one of these
    cache.insert(first, number(0), 8);
    cache.insert({7, block, 1}, number(0), 8);
    if (cache.stats().entries == 1) keys.push_back({7, block, 1});
  }
  return keys;
}

// As a reader does: what is not there is read and put in. Whether it was there.
bool ask(BlockCache& cache, const BlockCache::Key& key) {
  if (cache.find(key) != nullptr) return true;
  cache.insert(key, number(1), 10);
  return false;
}

}  // namespace

TEST_CASE("block cache: what went in comes out, and what did not does not") {
  BlockCache cache(kParts * 1000);
  CHECK(cache.find({1, 2, 3}) == nullptr);
  cache.insert({1, 2, 3}, number(42), 100);
  REQUIRE(cache.find({1, 2, 3}) != nullptr);
  CHECK(number_in(cache.find({1, 2, 3})) == 42);
  for (BlockCache::Key other : {BlockCache::Key{0, 2, 3}, {1, 3, 3}, {1, 2, 4}}) CHECK(cache.find(other) == nullptr);
  const BlockCache::Stats stats = cache.stats();
  CHECK(stats.hits == 2);
  CHECK(stats.misses == 4);
  CHECK(stats.entries == 1);
  CHECK(stats.bytes == 100);
  CHECK(stats.bytes_max == kParts * 1000);
}

TEST_CASE("block cache: the blocks of one column have all of the cache, and so have the columns of one block") {
  const uint64_t seed = test_seed(3);
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 20; ++round) {
    const uint64_t file = random.next();
    const uint32_t number_of_one = static_cast<uint32_t>(random.below(1'000));
    for (const bool by_block : {true, false}) {
      constexpr uint32_t kEntries = 800;
      BlockCache cache(uint64_t{kEntries} * 10 * 5 / 4);  // a fourth more than they need: parts fill unevenly
      const auto key = [&](uint32_t i) {
        return by_block ? BlockCache::Key{file, i, number_of_one} : BlockCache::Key{file, number_of_one, i};
      };
      for (uint32_t i = 0; i < kEntries; ++i) cache.insert(key(i), number(1), 10);
      CHECK(cache.stats().entries >= kEntries * 9 / 10);
    }
  }
}

TEST_CASE("block cache: of two who read the same block at once, the first stays") {
  BlockCache cache(kParts * 1000);
  cache.insert({1, 2, 3}, number(1), 100);
  cache.insert({1, 2, 3}, number(2), 300);
  CHECK(number_in(cache.find({1, 2, 3})) == 1);
  CHECK(cache.stats().bytes == 100);
}

TEST_CASE("block cache: an entry larger than seven eighths of a part is not kept, and drives nobody out") {
  BlockCache cache(kParts * 80);
  for (uint32_t block = 0; block < 8; ++block) cache.insert({1, block, 0}, number(1), 10);
  const uint64_t entries = cache.stats().entries;
  for (int use = 0; use < 3; ++use) {
    CHECK(cache.find({2, 0, 0}) == nullptr);
    cache.insert({2, 0, 0}, number(2), 71);
  }
  CHECK(cache.stats().entries == entries);
  cache.insert({2, 0, 0}, number(2), 70);  // just fits, and is asked for more than the others
  CHECK(cache.find({2, 0, 0}) != nullptr);
}

TEST_CASE("block cache: what was used twice outlives a scan of many new blocks") {
  const std::vector<BlockCache::Key> keys = keys_of_one_part(60);
  BlockCache cache(kParts * 80);  // a window of one, and seven behind it
  for (size_t i = 0; i < 4; ++i) {
    CHECK(ask(cache, keys[i]) == false);
    CHECK(ask(cache, keys[i]));  // the second use
  }
  for (size_t i = 4; i < keys.size(); ++i) CHECK(ask(cache, keys[i]) == false);
  for (size_t i = 0; i < 4; ++i) CHECK(ask(cache, keys[i]));
  CHECK(ask(cache, keys[keys.size() - 2]) == false);  // the scan had the window, in which its last one
  CHECK(ask(cache, keys[keys.size() - 2]));           // was until now
}

TEST_CASE("block cache: what is gone through again and again is kept as far as it fits") {
  const std::vector<BlockCache::Key> keys = keys_of_one_part(60);
  BlockCache cache(kParts * 320);  // room for 32, four of which are the window
  const auto round = [&] {
    size_t there = 0;
    for (size_t i = 0; i < 40; ++i) there += ask(cache, keys[i]) ? 1 : 0;
    return there;
  };
  for (int i = 0; i < 20; ++i) round();
  CHECK(round() >= 26);  // of 40, where the order of use alone would keep none
  // A few that are asked for more often get in, once what was counted before is halved.
  const auto hot_are_there = [&] {
    size_t there = 0;
    for (size_t hot = 50; hot < 55; ++hot) there += ask(cache, keys[hot]) ? 1 : 0;
    return there == 5;
  };
  for (int i = 0; i < 300; ++i) {
    hot_are_there();
    hot_are_there();
    round();
  }
  CHECK(hot_are_there());
}

TEST_CASE("block cache: what nobody asks for any more makes room, however often it was asked for") {
  const std::vector<BlockCache::Key> keys = keys_of_one_part(60);
  BlockCache cache(kParts * 320);
  for (int use = 0; use < 1'000; ++use) {
    for (size_t i = 0; i < 28; ++i) ask(cache, keys[i]);
  }
  size_t there = 0;
  for (int use = 0; use < 2'000; ++use) {
    there = 0;
    for (size_t i = 28; i < 56; ++i) there += ask(cache, keys[i]) ? 1 : 0;
  }
  CHECK(there >= 26);
}

TEST_CASE("block cache: who holds an entry keeps it alive, cached or not") {
  const std::vector<BlockCache::Key> keys = keys_of_one_part(2);
  BlockCache::Value held;
  std::weak_ptr<const void> watched;
  {
    BlockCache cache(kParts * 10);
    cache.insert(keys[0], number(5), 8);
    watched = held = cache.find(keys[0]);
    for (int use = 0; use < 3; ++use) cache.find(keys[1]);
    cache.insert(keys[1], number(6), 8);  // drives it out
    CHECK(cache.find(keys[0]) == nullptr);
  }
  CHECK(number_in(held) == 5);
  held.reset();
  CHECK(watched.expired());
}

TEST_CASE("block cache: whatever is asked of it, it holds no more than its bytes and answers with what was put in") {
  const uint64_t base = test_seed(1);
  for (uint64_t seed = base; seed < base + 20; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const uint64_t share = 50 + random.below(500);
    BlockCache cache(kParts * share);
    std::map<uint64_t, int> put;  // by key: what its first insert said, as long as it was never missed since
    uint64_t hits = 0, misses = 0;
    for (int step = 0; step < 3'000; ++step) {
      const uint64_t which = random.below(random.chance(0.5) ? 20 : 300);
      const BlockCache::Key key{which % 3, static_cast<uint32_t>(which), static_cast<uint32_t>(which % 7)};
      if (random.chance(0.5)) {
        const BlockCache::Value found = cache.find(key);
        ++(found != nullptr ? hits : misses);
        if (found != nullptr && number_in(found) / 10'000 != static_cast<int>(which)) FAIL("another's value");
        if (found != nullptr && put.contains(which)) REQUIRE(number_in(found) == put[which]);
        if (found == nullptr) put.erase(which);
        continue;
      }
      const int value = static_cast<int>(which) * 10'000 + step;
      const bool known = cache.find(key) != nullptr;
      ++(known ? hits : misses);
      cache.insert(key, number(value), random.below(share * 5 / 4));
      if (!known) put[which] = value;
      const BlockCache::Stats stats = cache.stats();
      REQUIRE(stats.bytes <= stats.bytes_max);
      REQUIRE(stats.hits == hits);
      REQUIRE(stats.misses == misses);
    }
  }
}

TEST_CASE("block cache: threads read and write at once") {
  BlockCache cache(kParts * 300);
  std::vector<std::thread> threads;
  std::vector<uint64_t> wrong(4);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      Random random(t);
      for (int step = 0; step < 2'000; ++step) {
        const uint32_t which = static_cast<uint32_t>(random.below(60));
        const BlockCache::Key key{1, which, 0};
        if (auto found = cache.find(key); found != nullptr) {
          wrong[t] += number_in(found) != static_cast<int>(which) ? 1 : 0;
        } else {
          cache.insert(key, number(static_cast<int>(which)), 10 + random.below(90));
        }
        if (step % 100 == 0) wrong[t] += cache.stats().bytes > cache.stats().bytes_max ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (uint64_t count : wrong) CHECK(count == 0);
  CHECK(cache.stats().hits > 0);
  CHECK(cache.stats().hits + cache.stats().misses == 4 * 2'000);
}

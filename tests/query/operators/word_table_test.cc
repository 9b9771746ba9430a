// Numbers for words, against a plain map.
#include "query/operators/word_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

class PlainTable {
 public:
  uint32_t find_or_add(uint64_t word) { return numbers_.try_emplace(word, numbers_.size()).first->second; }
  size_t size() const { return numbers_.size(); }

 private:
  std::map<uint64_t, uint32_t> numbers_;
};

void compare(Random& random, uint64_t words_below, size_t batches) {
  WordTable table;
  PlainTable plain;
  for (size_t batch = 0; batch < batches; ++batch) {
    std::vector<uint64_t> words(1 + random.below(3'000));
    for (uint64_t& word : words) word = random.below(words_below);
    if (random.chance(0.5)) std::sort(words.begin(), words.end());
    std::vector<uint32_t> numbers(words.size());
    table.find_or_add(words.data(), words.size(), numbers.data());
    for (size_t i = 0; i < words.size(); ++i) REQUIRE(numbers[i] == plain.find_or_add(words[i]));
  }
  REQUIRE(table.size() == plain.size());
  for (uint32_t number = 0; number < table.size(); ++number) REQUIRE(plain.find_or_add(table.word(number)) == number);
}

TEST_CASE("word table: small words, large ones, and small ones before large ones") {
  const uint64_t seed = test_seed(71);
  CAPTURE(seed);
  Random random(seed);
  for (const uint64_t below : {uint64_t{1}, uint64_t{100}, uint64_t{200'000}, uint64_t{300'000}, uint64_t{1} << 62}) {
    CAPTURE(below);
    compare(random, below, 30);
  }
  for (int i = 0; i < 20; ++i) compare(random, uint64_t{1} << random.below(40), 1 + random.below(20));
}

TEST_CASE("word table: a large word amid small ones loses none of them") {
  WordTable table;
  const std::vector<uint64_t> words{5, 3, 5, UINT64_MAX, 3, 4, UINT64_MAX, 5};
  std::vector<uint32_t> numbers(words.size());
  table.find_or_add(words.data(), words.size(), numbers.data());
  CHECK(numbers == std::vector<uint32_t>{0, 1, 0, 2, 1, 3, 2, 0});
}

}  // namespace
}  // namespace tally

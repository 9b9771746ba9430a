#include "engine/dictionary.h"

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/checksum.h"
#include "base/random.h"
#include "tests/support/engine/seed.h"

using namespace tally;

TEST_CASE("a dictionary behaves as a map from value to code") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  Dictionary dictionary(1'000'000);
  std::map<std::string, uint32_t> model;
  for (int i = 0; i < 50'000; ++i) {
    std::string value = "value " + std::to_string(random.below(20'000));
    if (random.chance(0.01)) value = std::string(random.below(70'000), 'x');
    if (random.chance(0.5)) {
      auto found = model.find(value);
      auto code = dictionary.find(value);
      REQUIRE(code.has_value() == (found != model.end()));
      if (code) REQUIRE(*code == found->second);
    } else {
      auto next = static_cast<uint32_t>(model.size()) + kFirstValueCode;
      auto [entry, added] = model.try_emplace(value, next);
      REQUIRE(dictionary.add(value) == entry->second);
    }
  }
  CHECK(dictionary.size() == model.size() + kFirstValueCode);
  for (const auto& [value, code] : model) REQUIRE(dictionary.value(code) == value);
  CHECK(dictionary.memory_bytes() > model.size() * 16);
}

TEST_CASE("beyond the limit of values everything new is (other)") {
  Dictionary dictionary(3);
  CHECK(dictionary.size() == 2);
  CHECK(dictionary.add("a") == 2);
  CHECK(dictionary.add("") == 3);
  CHECK(dictionary.add("c") == 4);
  CHECK(dictionary.add("d") == kOtherCode);
  CHECK(dictionary.add("a") == 2);
  CHECK(dictionary.size() == 5);
  CHECK_FALSE(dictionary.find("d").has_value());

  const std::string_view values[] = {"c", "d", "a"};
  uint32_t codes[3];
  dictionary.find_all(values, codes);
  CHECK(codes[0] == 4);
  CHECK(codes[1] == Dictionary::kNotFoundCode);
  CHECK(codes[2] == 2);
}

TEST_CASE("readers see whole values while the writer adds") {
  constexpr uint32_t kValues = 30'000;
  Dictionary dictionary(kValues);
  std::atomic<bool> done{false};
  auto text_of = [](uint32_t code) { return "value number " + std::to_string(code); };
  auto read = [&](uint64_t seed) {
    Random random(seed);
    while (!done) {
      uint32_t size = dictionary.size();
      if (size == kFirstValueCode) continue;
      auto code = static_cast<uint32_t>(random.between(kFirstValueCode, size - 1));
      bool same = dictionary.value(code) == text_of(code);
      auto found = dictionary.find(text_of(code));
      // The index may be a moment behind the size, never wrong.
      if (!same || (found && *found != code)) {
        FAIL_CHECK("code ", code, " reads wrong");
        return;
      }
    }
  };
  std::thread first(read, 1), second(read, 2);
  for (uint32_t code = kFirstValueCode; code < kValues; ++code) dictionary.add(text_of(code));
  done = true;
  first.join();
  second.join();
  CHECK(dictionary.size() == kValues);
}

TEST_CASE("many values are looked up at once as one by one") {
  const uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  Dictionary dictionary(10'000);
  std::vector<std::string> texts;
  for (int i = 0; i < 6'000; ++i)
    texts.push_back(std::string(random.below(20), 'x') + std::to_string(random.below(9'000)));
  for (size_t i = 0; i < texts.size(); i += 2) (void)dictionary.add(texts[i]);
  const std::vector<std::string_view> values(texts.begin(), texts.end());
  for (const size_t count : {0, 1, 31, 32, 33, 6'000}) {
    std::vector<uint32_t> codes(count, 77);
    dictionary.find_all(std::span(values).first(count), codes);
    for (size_t i = 0; i < count; ++i) {
      REQUIRE(codes[i] == dictionary.find(values[i]).value_or(Dictionary::kNotFoundCode));
    }
  }
}

TEST_CASE("values whose hashes look alike to a dictionary are told apart by their text") {
  // What a table of 64 slots sees of a hash: its slot, and the 32 bits of its tag.
  std::unordered_map<uint64_t, uint32_t> seen;
  std::string one, other;
  for (uint32_t i = 0; one.empty(); ++i) {
    const std::string text = "value " + std::to_string(i);
    const uint64_t hash = xxh3(as_bytes(text));
    const auto [place, is_new] = seen.emplace((hash >> 32 << 6) | (hash & 63), i);
    if (is_new) continue;
    one = "value " + std::to_string(place->second);
    other = text;
  }
  Dictionary dictionary(100);
  const uint32_t code = dictionary.add(one);
  const std::string_view both[] = {other, one};
  uint32_t codes[2];
  dictionary.find_all(both, codes);
  CHECK(codes[0] == Dictionary::kNotFoundCode);
  CHECK(codes[1] == code);
  const uint32_t second = dictionary.add(other);
  CHECK(second != code);
  dictionary.find_all(both, codes);
  CHECK(codes[0] == second);
  CHECK(codes[1] == code);
}

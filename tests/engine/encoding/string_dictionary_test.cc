#include "engine/encoding/string_dictionary.h"

#include <doctest/doctest.h>

#include <deque>
#include <string>

#include "base/random.h"
#include "engine/encoding/selection.h"
#include "tests/support/engine/seed.h"

using namespace tally;

namespace {

std::vector<StringRef> refs(const std::vector<std::string>& texts) {
  std::vector<StringRef> values;
  for (const std::string& text : texts) values.emplace_back(text);
  return values;
}

Bytes encoded(std::span<const StringRef> values) {
  StringDictionaryBuilder builder;
  uint64_t size = builder.measure(values, UINT64_MAX);
  Bytes bytes;
  builder.encode(bytes);
  REQUIRE(bytes.size() == size);
  return bytes;
}

std::vector<std::string> random_texts(Random& random, size_t count) {
  std::vector<std::string> texts(count);
  for (std::string& text : texts) {
    text.resize(random.chance(0.1) ? random.below(400) : random.below(20));
    for (char& letter : text) letter = static_cast<char>(random.below(random.chance(0.5) ? 3 : 256));
  }
  return texts;
}

void check_selection(ByteSpan bytes, std::span<const StringRef> values, Random& random) {
  std::vector<std::string_view> wanted(random.below(12));
  for (std::string_view& text : wanted) text = values[random.below(values.size())].view();
  std::vector<std::string> kept(wanted.begin(), wanted.end());  // short strings stand in their references
  StringPredicate predicate = StringPredicate::any_of({kept.begin(), kept.end()});
  std::vector<uint64_t> words(selection_words(values.size()), UINT64_MAX);
  REQUIRE(select_string_dictionary(bytes, values.size(), predicate, words).has_value());
  for (size_t i = 0; i < values.size(); ++i) REQUIRE(is_selected(words, i) == predicate.matches(values[i]));
}

}  // namespace

TEST_CASE("a dictionary of strings: the example of the header") {
  auto values = refs({"b", "ab", "b", "b"});
  Bytes bytes = encoded(values);
  CHECK(hex(bytes) ==
        "02000000"
        "02"
        "06"
        "0d"
        "616262");
  std::vector<StringRef> out(4);
  REQUIRE(decode_string_dictionary(bytes, out).has_value());
  CHECK(out == values);
}

TEST_CASE("a dictionary of strings: columns come back, and predicates select the right rows") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int repeat = 0; repeat < 100; ++repeat) {
    std::vector<std::string> texts = random_texts(random, random.between(1, 300));
    std::vector<StringRef> values(random.between(1, 3000));
    for (StringRef& value : values) value = StringRef(texts[random.below(texts.size())]);
    Bytes bytes = encoded(values);
    std::vector<StringRef> out(values.size());
    REQUIRE(decode_string_dictionary(bytes, out).has_value());
    REQUIRE(out == values);
    check_selection(bytes, values, random);
  }
}

TEST_CASE("a dictionary of strings: NULL costs no value") {
  auto values = refs({"", "x", "", "x", ""});
  values[0] = values[2] = StringRef::null();
  StringDictionaryBuilder builder;
  CHECK(builder.measure(values, UINT64_MAX) == 5 + 1 + 1 + 1);
  for (StringRef& value : values) value = StringRef::null();
  CHECK(builder.measure(values, UINT64_MAX) == UINT64_MAX);
  CHECK_FALSE(StringPredicate::equals("").matches(StringRef::null()));
}

TEST_CASE("a dictionary of strings: given up when it cannot win") {
  std::vector<std::string> texts(5000);
  for (size_t i = 0; i < texts.size(); ++i) texts[i] = "user" + std::to_string(i);
  StringDictionaryBuilder builder;
  CHECK(builder.measure(refs(texts), 10'000) == UINT64_MAX);
}

TEST_CASE("a dictionary of strings: broken bytes are refused, or mean the same to every reader") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int repeat = 0; repeat < 60; ++repeat) {
    std::vector<std::string> texts = random_texts(random, 8);
    std::vector<StringRef> values(random.between(1, 70));
    for (StringRef& value : values) value = StringRef(texts[random.below(texts.size())]);
    Bytes bytes = encoded(values);
    std::vector<StringRef> out(values.size());
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      REQUIRE_FALSE(decode_string_dictionary(ByteSpan(bytes).first(cut), out).has_value());
    }
    for (int flip = 0; flip < 100; ++flip) {
      Bytes broken = bytes;
      size_t at = random.chance(0.5) ? random.below(std::min<size_t>(broken.size(), 12)) : random.below(broken.size());
      broken[at] = static_cast<uint8_t>(broken[at] ^ 1u << random.below(8));
      bool decoded = decode_string_dictionary(broken, out).has_value();
      std::vector<uint64_t> words(selection_words(out.size()));
      bool selected = select_string_dictionary(broken, out.size(), StringPredicate::equals("a"), words).has_value();
      REQUIRE(decoded == selected);
      if (decoded) check_selection(broken, out, random);
    }
  }
}

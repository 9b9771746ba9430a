#include "engine/encoding/numbered_strings.h"

#include <doctest/doctest.h>

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

uint64_t measured(const std::vector<std::string>& texts) {
  NumberedStringsBuilder builder;
  return builder.measure(refs(texts));
}

std::vector<std::string> random_column(Random& random) {
  std::string prefix(random.below(12), 'p');
  uint64_t end = 1;
  for (size_t digits = random.between(1, 12 - prefix.size()); digits > 0; --digits) end *= 10;
  std::vector<std::string> texts(random.between(1, 400));
  for (std::string& text : texts) text = prefix + std::to_string(random.chance(0.1) ? end - 1 : random.below(end));
  return texts;
}

}  // namespace

TEST_CASE("numbered strings: the example of the header") {
  std::vector<std::string> texts = {"u7", "u10", "u9"};
  NumberedStringsBuilder builder;
  REQUIRE(builder.measure(refs(texts)) == 12);
  Bytes bytes;
  builder.encode(bytes);
  CHECK(hex(bytes) ==
        "01"
        "75"
        "0700000000000000"
        "02"
        "2c");
}

TEST_CASE("numbered strings: what is none is left to others") {
  CHECK(measured({"u7", "u07"}) == UINT64_MAX);
  CHECK(measured({"u07"}) == UINT64_MAX);
  CHECK(measured({"u7", "v7"}) == UINT64_MAX);
  CHECK(measured({"u7", "u"}) == UINT64_MAX);
  CHECK(measured({"u", "u7"}) == UINT64_MAX);
  CHECK(measured({""}) == UINT64_MAX);
  CHECK(measured({"u7", "u-7"}) == UINT64_MAX);
  CHECK(measured({"u123456789012"}) == UINT64_MAX);
  CHECK(measured({"u12345678901"}) != UINT64_MAX);
  CHECK(measured({"0", "10"}) != UINT64_MAX);
}

TEST_CASE("numbered strings: columns come back, and predicates select the right rows") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  NumberedStringsBuilder builder;
  for (int repeat = 0; repeat < 200; ++repeat) {
    std::vector<std::string> texts = random_column(random);
    std::vector<StringRef> values = refs(texts), out(values.size());
    uint64_t size = builder.measure(values);
    Bytes bytes;
    builder.encode(bytes);
    REQUIRE(bytes.size() == size);
    REQUIRE(decode_numbered_strings(bytes, out).has_value());
    REQUIRE(out == values);
    StringPredicate predicate = StringPredicate::any_of(
        {texts[0], texts[random.below(texts.size())], "p", "p07", "another", "pppppppppppp1234567890"});
    std::vector<uint64_t> words(selection_words(values.size()), UINT64_MAX);
    REQUIRE(select_numbered_strings(bytes, values.size(), predicate, words).has_value());
    for (size_t row = 0; row < values.size(); ++row) {
      REQUIRE(is_selected(words, row) == predicate.matches(values[row]));
    }
  }
}

TEST_CASE("numbered strings: numbers of every length are spelled as they were, behind prefixes of every length") {
  for (size_t prefix = 0; prefix < 12; ++prefix) {
    std::vector<std::string> texts;
    uint64_t ten = 1;
    for (size_t digits = 1; digits <= 12 - prefix; ++digits, ten *= 10) {
      for (uint64_t number : {ten - 1, ten, ten + 1, ten / 2, ten * 9, ten * 10 - 1, ten * 12'345'678 / 10'000'000}) {
        std::string text = std::string(prefix, 'p') + std::to_string(number);
        if (text.size() <= 12) texts.push_back(text);
      }
    }
    std::vector<StringRef> values = refs(texts), out(values.size());
    NumberedStringsBuilder builder;
    REQUIRE(builder.measure(values) != UINT64_MAX);
    Bytes bytes;
    builder.encode(bytes);
    REQUIRE(decode_numbered_strings(bytes, out).has_value());
    for (size_t row = 0; row < out.size(); ++row) CHECK(out[row].view() == texts[row]);
    CHECK(out == values);  // to the zero bytes behind
  }
}

TEST_CASE("numbered strings: broken bytes are refused, or mean the same to every reader") {
  uint64_t seed = test_seed();
  CAPTURE(seed);
  Random random(seed);
  NumberedStringsBuilder builder;
  for (int repeat = 0; repeat < 60; ++repeat) {
    std::vector<std::string> texts = random_column(random);
    builder.measure(refs(texts));
    Bytes bytes;
    builder.encode(bytes);
    std::vector<StringRef> out(texts.size());
    for (int flip = 0; flip < 100; ++flip) {
      Bytes broken = bytes;
      size_t at = random.below(std::min<size_t>(broken.size(), 24));
      broken[at] = static_cast<uint8_t>(broken[at] ^ 1u << random.below(8));
      if (random.chance(0.2)) broken.resize(random.below(broken.size()));
      bool decoded = decode_numbered_strings(broken, out).has_value();
      std::vector<uint64_t> words(selection_words(out.size()));
      StringPredicate predicate = StringPredicate::equals(decoded ? out[0].view() : "p1");
      REQUIRE(select_numbered_strings(broken, out.size(), predicate, words).has_value() == decoded);
      for (size_t row = 0; decoded && row < out.size(); ++row) {
        REQUIRE(is_selected(words, row) == predicate.matches(out[row]));
      }
    }
  }
}

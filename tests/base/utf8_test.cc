#include "base/utf8.h"

#include <doctest/doctest.h>

#include <vector>

#include "base/random.h"
#include "tests/support/seed.h"

namespace tally {
namespace {

// As the Unicode standard defines it: decoded, and encoded again.
bool plain_is_utf8(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const auto first = static_cast<uint8_t>(text[at]);
    const size_t bytes = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    if (bytes == 0 || at + bytes > text.size()) return false;
    uint32_t code = bytes == 1 ? first : first & (0xFFu >> (bytes + 1));
    for (size_t i = 1; i < bytes; ++i) {
      const auto next = static_cast<uint8_t>(text[at + i]);
      if (next >> 6 != 2) return false;
      code = code << 6 | (next & 63);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[bytes] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    at += bytes;
  }
  return true;
}

TEST_CASE("utf8: what is text, and how the rest is shown") {
  struct Case {
    std::string_view text;
    std::string_view shown;
  };
  const Case cases[] = {{"", ""},
                        {"plain ASCII that is longer than a word", "plain ASCII that is longer than a word"},
                        {"Zürich 東京 😀", "Zürich 東京 😀"},
                        {"caf\xE9", "caf\\xE9"},
                        {"\xFF\xFE and 12345678", "\\xFF\\xFE and 12345678"},
                        {"\xC0\xAF", "\\xC0\\xAF"},
                        {"\xED\xA0\x80", "\\xED\\xA0\\x80"},
                        {"\xF4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"},
                        {"cut \xE2\x82", "cut \\xE2\\x82"},
                        {"12345678\x80", "12345678\\x80"}};
  for (const Case& c : cases) {
    CAPTURE(c.shown);
    CHECK(is_utf8(c.text) == (c.text == c.shown));
    CHECK(escape_bad_utf8(c.text) == c.shown);
  }
}

TEST_CASE("utf8: a prefix ends between characters") {
  const std::string_view text = "aü東😀";
  const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (size_t bytes = 0; bytes < std::size(ends); ++bytes) CHECK(utf8_prefix(text, bytes).size() == ends[bytes]);
}

TEST_CASE("utf8: random bytes are judged as the definition judges them, and are text once they are escaped") {
  const uint64_t seed = test_seed(3);
  CAPTURE(seed);
  Random random(seed);
  const std::vector<std::string> pieces = {"a",        "12345678",     "\x80",         "\xC3",     "\xC3\xBC",
                                           "\xE2\x82", "\xE2\x82\xAC", "\xF0\x9F\x98", "\xF4\x8F", "\xF0\x9F\x98\x80"};
  size_t good = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text;
    for (uint64_t left = random.between(0, 6); left > 0; --left) {
      if (random.between(0, 3) == 0) {
        text += static_cast<char>(random.between(0, 255));
      } else {
        text += pieces[random.between(0, pieces.size() - 1)];
      }
    }
    REQUIRE(is_utf8(text) == plain_is_utf8(text));
    REQUIRE(is_utf8(escape_bad_utf8(text)));
    good += is_utf8(text) ? 1 : 0;
  }
  CHECK(good > 1'000);
  CHECK(good < 49'000);
}

}  // namespace
}  // namespace tally

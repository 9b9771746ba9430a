#include "tools/terminal_text.h"

#include <doctest/doctest.h>

#include <random>

#include "tests/support/seed.h"

namespace tally {
namespace {

TEST_CASE("terminal text: nothing that moves a cursor, rings, colours or reverses gets through") {
  const struct {
    const char* what;
    std::string text, shown;
  } cases[] = {
      {"plain", "news.example", "news.example"},
      {"line ends and tabs", "a\nb\r\tc", "a\\nb\\r\\tc"},
      {"clear the screen", "x\x1b[2J\x1b[H", "x\\x1b[2J\\x1b[H"},
      {"a title, ended by a bell", "\x1b]0;root\x07", "\\x1b]0;root\\x07"},
      {"the eight-bit form of it",
       "\xc2\x9b"
       "2J",
       "\\u009b2J"},
      {"delete, NUL", std::string("\x7f\0", 2), "\\x7f\\x00"},
      {"right to left override", "a\u202egpj.exe", "a\\u202egpj.exe"},
      {"isolates, marks, byte order mark", "\u2066\u200f\ufeff", "\\u2066\\u200f\\ufeff"},
      {"line and paragraph separators", "\u2028\u2029", "\\u2028\\u2029"},
      {"not UTF-8", "caf\xe9 \xff", "caf\\xe9 \\xff"},
      {"overlong, a surrogate, half a character", "\xc0\xaf\xed\xa0\x80\xe6\xbc",
       "\\xc0\\xaf\\xed\\xa0\\x80\\xe6\\xbc"},
      {"letters of the world stay", "Füße 漢字 Ελλάδα عربى", "Füße 漢字 Ελλάδα عربى"},
      {"joiners belong to words and emoji", "می‌خواهم 👩\u200d💻", "می‌خواهم 👩\u200d💻"},
  };
  for (const auto& given : cases) {
    CAPTURE(given.what);
    CHECK(terminal_text(given.text) == given.shown);
  }
  CHECK(terminal_lines("a\tb\nc\x1b") == "a\tb\nc\\x1b");
}

TEST_CASE("terminal text: of random bytes no control character is left, and shown text is left alone") {
  const uint64_t seed = test_seed(71);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (uint64_t length = random() % 40; length > 0; --length) bytes += static_cast<char>(random() % 256);
    const std::string shown = terminal_text(bytes);
    for (const char32_t c : to_characters(shown)) {
      CHECK_FALSE((c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) || c == 0xFFFD));
    }
    CHECK(terminal_text(shown) == shown);
  }
}

TEST_CASE("terminal text: cells") {
  const struct {
    std::string text;
    size_t width;
  } cases[] = {{"abc", 3}, {"", 0},   {"漢字", 4}, {"e\u0301", 1}, {"👍", 2},
               {"ｱ", 1},   {"Ａ", 2}, {"한국", 4}, {"─█⣿", 3}};
  for (const auto& given : cases) {
    CAPTURE(given.text);
    CHECK(display_width(given.text) == given.width);
  }
}

TEST_CASE("terminal text: cut to a width, filled to a width") {
  CHECK(cropped("advertiser", 10) == "advertiser");
  CHECK(cropped("advertiser", 6) == "adver…");
  CHECK(cropped("漢字漢字", 6) == "漢字…");
  CHECK(cropped("漢字漢字", 7) == "漢字漢…");
  CHECK(cropped("x", 0).empty());
  CHECK(padded("漢", 4, Align::kLeft) == "漢  ");
  CHECK(padded("12", 4, Align::kRight) == "  12");
  CHECK(padded("12345", 4, Align::kRight) == "12345");
}

TEST_CASE("terminal text: characters and bytes") {
  CHECK(to_characters("a漢\xff") == U"a漢\uFFFD");
  CHECK(from_characters(U"a漢😀") == "a漢😀");
  CHECK(from_characters(std::u32string(1, static_cast<char32_t>(0xD800))) == "\uFFFD");
  CHECK(valid_utf8("caf\xe9") == "caf\uFFFD");
}

}  // namespace
}  // namespace tally

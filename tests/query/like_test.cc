#include "query/like.h"

#include <doctest/doctest.h>

#include "base/random.h"

namespace tally {
namespace {

// The definition, exponential.
bool defined(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') return defined(pattern.substr(1), text) || (!text.empty() && defined(pattern, text.substr(1)));
  return !text.empty() && (pattern[0] == '_' || pattern[0] == text[0]) && defined(pattern.substr(1), text.substr(1));
}

}  // namespace

TEST_CASE("like: against its definition") {
  Random random(11);
  for (int i = 0; i < 50'000; ++i) {
    std::string pattern, text;
    for (uint64_t n = random.below(7); n > 0; --n) pattern += "ab_%%"[random.below(5)];
    for (uint64_t n = random.below(9); n > 0; --n) text += "ab"[random.below(2)];
    CAPTURE(pattern);
    CAPTURE(text);
    CHECK(LikePattern(pattern, false).matches(text) == defined(pattern, text));
  }
}

TEST_CASE("like: characters, escapes, case") {
  CHECK(LikePattern("_", false).matches("漢"));
  CHECK(LikePattern("%_é", false).matches("café"));
  CHECK_FALSE(LikePattern("__", false).matches("é"));
  CHECK(LikePattern("100\\%", false).matches("100%"));
  CHECK_FALSE(LikePattern("100\\%", false).matches("1000"));
  CHECK(LikePattern("a\\_b", false).matches("a_b"));
  CHECK(LikePattern("BER%", true).matches("Berlin"));
}

TEST_CASE("like: a hostile pattern stays linear") {
  std::string text(60'000, 'a'), pattern;
  for (int i = 0; i < 10'000; ++i) pattern += "%a_";
  CHECK(LikePattern(pattern, false).matches(text));
  CHECK_FALSE(LikePattern("%" + std::string(20'000, '_') + "b%", false).matches(text));
  CHECK_FALSE(LikePattern("%" + std::string(30'000, 'a') + "b%", false).matches(text));
}

}  // namespace tally

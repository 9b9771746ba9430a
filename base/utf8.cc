#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace tally {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080;

// How many bytes at the beginning are ASCII, eight at a time: fewer than there are, by up to seven.
size_t ascii_words(std::string_view text) {
  size_t at = 0;
  for (uint64_t word = 0; at + sizeof(word) <= text.size(); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    if ((word & kHighBits) != 0) break;
  }
  return at;
}

bool continues(std::string_view text, size_t at) {
  return at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80;
}

}  // namespace

size_t utf8_character_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !continues(text, 1)) return 0;
  if (first <= 0xDF) return 2;
  const auto second = static_cast<uint8_t>(text[1]);
  if (!continues(text, 2)) return 0;
  if (first <= 0xEF) {
    const bool bad = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F);
    return bad ? 0 : 3;
  }
  const bool bad = (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return !bad && continues(text, 3) ? 4 : 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(ascii_words(text));
    if (text.empty()) break;
    const size_t bytes = utf8_character_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string escape_bad_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const size_t bytes = utf8_character_bytes(text);
    if (bytes == 0) {
      const auto bad = static_cast<uint8_t>(text[0]);
      out += "\\x";
      out += kDigits[bad >> 4];
      out += kDigits[bad & 15];
    } else {
      out += text.substr(0, bytes);
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return out;
}

std::string_view utf8_prefix(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  for (size_t back = 0; back < 4 && bytes > 0 && continues(text, bytes); ++back) --bytes;
  return text.substr(0, bytes);
}

}  // namespace tally

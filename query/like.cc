#include "query/like.h"

#include <unordered_map>

#include "query/sql_error.h"

namespace tally {
namespace {

// The next UTF-8 character; a stray byte is a character of its own.
uint32_t take_character(std::string_view text, size_t& at) {
  uint8_t first = static_cast<uint8_t>(text[at++]);
  unsigned more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  uint32_t value = first;
  for (; more > 0 && at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80; --more) {
    value = (value << 8) | static_cast<uint8_t>(text[at++]);
  }
  return value;
}

}  // namespace

LikePattern::LikePattern(std::string_view pattern, bool fold) : parts_(1), fold_(fold) {
  std::string folded = fold ? lower_case(pattern) : std::string(pattern);
  for (size_t at = 0; at < folded.size();) {
    size_t start = at;
    uint32_t character = take_character(folded, at);
    Part& part = parts_.back();
    if (character == '%') {
      parts_.emplace_back();
      continue;
    }
    if (character == '\\' && at < folded.size()) {
      start = at;
      character = take_character(folded, at);
    } else if (character == '_') {
      character = kAny;
      part.any = true;
    }
    part.characters.push_back(character);
    part.bytes.append(folded, start, at - start);
  }
}

size_t LikePattern::match_here(const Part& part, std::string_view text) const {
  if (!part.any) return text.starts_with(part.bytes) ? part.bytes.size() : std::string_view::npos;
  size_t at = 0;
  for (uint32_t wanted : part.characters) {
    if (at >= text.size()) return std::string_view::npos;
    uint32_t character = take_character(text, at);
    if (wanted != kAny && wanted != character) return std::string_view::npos;
  }
  return at;
}

bool LikePattern::match_end(const Part& part, std::string_view text) const {
  if (!part.any) return text.ends_with(part.bytes);
  size_t start = text.size();
  for (size_t i = 0; i < part.characters.size(); ++i) {
    if (start == 0) return false;
    do --start;
    while (start > 0 && (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80);
  }
  return match_here(part, text.substr(start)) == text.size() - start;
}

size_t LikePattern::find(const Part& part, std::string_view text) const {
  if (part.any) return find_with_any(part, text);
  size_t at = text.find(part.bytes);
  return at == std::string_view::npos ? at : at + part.bytes.size();
}

// Shift-And (Baeza-Yates, Gonnet 1992): bit i of the state is set when the last i + 1 characters match the part's first.
size_t LikePattern::find_with_any(const Part& part, std::string_view text) const {
  size_t words = (part.characters.size() + 63) / 64;
  std::vector<uint64_t> any(words), state(words);
  std::unordered_map<uint32_t, std::vector<uint64_t>> masks;
  for (size_t i = 0; i < part.characters.size(); ++i) {
    uint64_t bit = uint64_t{1} << (i % 64);
    if (part.characters[i] == kAny) {
      any[i / 64] |= bit;
    } else {
      auto& mask = masks[part.characters[i]];
      mask.resize(words);
      mask[i / 64] |= bit;
    }
  }
  size_t last = part.characters.size() - 1;
  for (size_t at = 0; at < text.size();) {
    auto mask = masks.find(take_character(text, at));
    uint64_t carry = 1;
    for (size_t w = 0; w < words; ++w) {
      uint64_t shifted = (state[w] << 1) | carry;
      carry = state[w] >> 63;
      state[w] = shifted & (any[w] | (mask == masks.end() ? 0 : mask->second[w]));
    }
    if ((state[last / 64] >> (last % 64)) & 1) return at;
  }
  return std::string_view::npos;
}

bool LikePattern::matches(std::string_view text) const {
  std::string folded;
  if (fold_) text = folded = lower_case(text);
  size_t taken = match_here(parts_.front(), text);
  if (taken == std::string_view::npos) return false;
  text.remove_prefix(taken);
  if (parts_.size() == 1) return text.empty();
  for (size_t i = 1; i + 1 < parts_.size(); ++i) {
    if (parts_[i].characters.empty()) continue;
    taken = find(parts_[i], text);
    if (taken == std::string_view::npos) return false;
    text.remove_prefix(taken);
  }
  return match_end(parts_.back(), text);
}

}  // namespace tally

#include "tools/terminal_text.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>

namespace tally {

namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kZeroWidthNonJoiner = 0x200C;
constexpr char32_t kZeroWidthJoiner = 0x200D;

struct Character {
  std::string_view bytes;
  int32_t code = -1;  // -1: not UTF-8, and `bytes` is one byte
};

Character character_at(std::string_view text, size_t at) {
  utf8proc_int32_t code = -1;
  const auto* from = reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at);
  const utf8proc_ssize_t length = utf8proc_iterate(from, static_cast<utf8proc_ssize_t>(text.size() - at), &code);
  if (length <= 0 || code < 0) return {text.substr(at, 1), -1};
  return {text.substr(at, static_cast<size_t>(length)), code};
}

// Joiners belong to the spelling of words and of emoji; the other format characters reverse or hide text.
bool is_shown(int32_t code) {
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return false;
    case UTF8PROC_CATEGORY_CF:
      return static_cast<char32_t>(code) == kZeroWidthJoiner || static_cast<char32_t>(code) == kZeroWidthNonJoiner;
    default: return true;
  }
}

std::string escape(const Character& character) {
  if (character.code < 0) return fmt::format("\\x{:02x}", static_cast<unsigned char>(character.bytes.front()));
  switch (character.code) {
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default:
      return character.code < 0x80 ? fmt::format("\\x{:02x}", character.code)
                                   : fmt::format("\\u{:04x}", character.code);
  }
}

std::string escaped(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const char byte = text[at];
    if ((byte >= 0x20 && byte < 0x7F) || (keep_lines && (byte == '\n' || byte == '\t'))) {
      out += byte;
      ++at;
      continue;
    }
    const Character character = character_at(text, at);
    if (character.code >= 0 && is_shown(character.code)) {
      out += character.bytes;
    } else {
      out += escape(character);
    }
    at += character.bytes.size();
  }
  return out;
}

size_t width_of(const Character& character) {
  if (character.code < 0) return 1;
  if (character.code < 0x7F) return character.code < 0x20 ? 0 : 1;
  if (utf8proc_category(character.code) == UTF8PROC_CATEGORY_CN) return 1;  // newer than the tables: most are drawn
  return static_cast<size_t>(std::max(utf8proc_charwidth(character.code), 0));
}

}  // namespace

std::string terminal_text(std::string_view text) { return escaped(text, false); }
std::string terminal_lines(std::string_view text) { return escaped(text, true); }

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    width += width_of(character);
    at += character.bytes.size();
  }
  return width;
}

std::string cropped(std::string_view text, size_t width) {
  if (text.size() <= width || display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  size_t used = 0, at = 0;
  while (at < text.size()) {
    const Character character = character_at(text, at);
    if (used + width_of(character) > width - 1) break;
    used += width_of(character);
    at += character.bytes.size();
  }
  return std::string(text.substr(0, at)) + "…";
}

std::string padded(std::string_view text, size_t width, Align align) {
  const size_t have = display_width(text);
  const std::string space(width > have ? width - have : 0, ' ');
  return align == Align::kRight ? space + std::string(text) : std::string(text) + space;
}

std::string valid_utf8(std::string_view text) { return from_characters(to_characters(text)); }

std::u32string to_characters(std::string_view text) {
  std::u32string out;
  for (size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    out += character.code < 0 ? kReplacement : static_cast<char32_t>(character.code);
    at += character.bytes.size();
  }
  return out;
}

std::string from_characters(std::u32string_view characters) {
  std::string out;
  for (char32_t code : characters) {
    utf8proc_uint8_t bytes[4];
    const auto wanted = static_cast<utf8proc_int32_t>(code);
    const bool valid = utf8proc_codepoint_valid(wanted);
    const utf8proc_ssize_t length =
        utf8proc_encode_char(valid ? wanted : static_cast<utf8proc_int32_t>(kReplacement), bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
  }
  return out;
}

}  // namespace tally

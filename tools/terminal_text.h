// Text of unknown origin, made fit for a terminal. Names of publishers and campaigns come from outside: what would move the
// cursor, change colours or reverse the writing is shown as an escape instead, and what is not UTF-8 byte by byte.
//
//   terminal_text("a\nb\x1b[2J") == "a\\nb\\x1b[2J"      terminal_text("\xff") == "\\xff"
//
// Widths are those of terminals: wide characters take two cells, combining ones none (Unicode 14, libutf8proc).
// Threads: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tally {

std::string terminal_text(std::string_view text);   // one line
std::string terminal_lines(std::string_view text);  // the same, but line feeds and tabs stay what they are
size_t display_width(std::string_view text);        // cells, of text that is fit for a terminal

// The front of `text` that fits into `width` cells; what is cut off leaves a "…" as the last of them.
std::string cropped(std::string_view text, size_t width);

enum class Align : uint8_t { kLeft, kRight };
std::string padded(std::string_view text, size_t width, Align align);  // longer text stays whole

// UTF-8 where it is not: each stray byte becomes U+FFFD.
std::string valid_utf8(std::string_view text);
std::u32string to_characters(std::string_view text);  // stray bytes become U+FFFD
std::string from_characters(std::u32string_view characters);

}  // namespace tally

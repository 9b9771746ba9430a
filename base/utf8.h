// Whether bytes are UTF-8, and what to show where they are not: no overlong forms, surrogates or values past U+10FFFF (Unicode 15.0,
// table 3-7). Threads: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tally {

// Bytes of the character that `text` begins with; 0: it begins with none, or is empty.
size_t utf8_character_bytes(std::string_view text);
bool is_utf8(std::string_view text);
// The same text with each byte that belongs to no character written as \xE9. Text that is UTF-8 comes back as it is.
std::string escape_bad_utf8(std::string_view text);
// At most `bytes` of it, cut between characters.
std::string_view utf8_prefix(std::string_view text, size_t bytes);

}  // namespace tally

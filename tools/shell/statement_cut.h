// Cuts what was typed, pasted or read into statements and commands. A statement ends at a semicolon outside strings, quoted
// names and comments. A backslash outside of them begins a command, which goes to the end of its line; behind an unfinished
// statement it ends that statement in place of the semicolon (`SELECT ... \watch 2`).
//
//   "SELECT 1; \x on\nSELECT"   is   statement "SELECT 1", command "\x on", and an unfinished "SELECT"
//
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tally {

// Both are pieces of the text; the statement without its semicolon and the space around it.
struct StatementCut {
  std::string_view statement;  // may be empty
  std::string_view command;    // may be empty; begins with a backslash
  size_t end = 0;              // where the rest of the text begins
};

// What an unfinished text waits for.
enum class Unfinished : uint8_t { kNothing, kStatement, kString, kQuotedName, kComment };

// The first statement or command from `from` on. nullopt: there is none that is finished, and `unfinished` says what the
// text waits for (kNothing: it is blank, or comments only).
std::optional<StatementCut> cut_statement(std::string_view text, size_t from, Unfinished& unfinished);

std::string_view trimmed(std::string_view text);  // without space at both ends

}  // namespace tally

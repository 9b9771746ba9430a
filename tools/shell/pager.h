// Long text through a program that scrolls: PAGER, else `less -S` where there is a less, else none. Threads: one.
#pragma once

#include <string>
#include <string_view>

#include "tools/terminal_size.h"

namespace tally {

// More lines than the screen has (the prompt takes one), or a line wider than it.
bool is_larger_than(std::string_view text, TerminalSize screen);

// What PAGER says, or the standard one; empty: none is wanted, or there is none.
std::string pager_command();

// Comes back once it is left. False: the program could not be started, nothing was shown.
bool show_in_pager(const std::string& command, std::string_view text);

}  // namespace tally

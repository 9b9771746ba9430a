// How large the terminal is right now. Threads: any.
#pragma once

#include <cstddef>

namespace tally {

struct TerminalSize {
  size_t rows = 24;
  size_t columns = 80;
};

// Of standard output, else of standard error; COLUMNS and LINES in the environment where neither is a terminal that says.
TerminalSize terminal_size();

}  // namespace tally

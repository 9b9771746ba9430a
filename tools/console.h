// What the person at the terminal sees: results on stdout, messages on stderr, and on a terminal one line of progress that
// messages do not garble. Threads: one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/figures.h"

namespace tally {

class Console {
 public:
  Console();
  bool output_is_terminal() const { return output_is_terminal_; }
  bool messages_are_terminal() const { return messages_are_terminal_; }

  void result(std::string_view text);    // to stdout, as it is
  void message(std::string_view line);   // to stderr, with a line end
  void progress(std::string_view line);  // over the last progress line; nothing in a pipe
  void end_progress();                   // takes the progress line away

 private:
  bool output_is_terminal_;
  bool messages_are_terminal_;
  bool progress_shown_ = false;
};

std::string human_bytes(uint64_t bytes);    // 1.4 MiB
std::string human_seconds(double seconds);  // 0.31 s, 2 min 5 s, 1 h 10 min

}  // namespace tally

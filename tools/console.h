// What the person at the terminal sees: results on stdout, messages on stderr, and on a terminal one line of progress that
// messages do not garble. Names and values come from outside, so nothing but control() sends a terminal what could move its
// cursor (terminal_text.h); into a pipe or a file results go as they are. Threads: one; message(), progress() and
// end_progress() any; stream() as it says.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/figures.h"

namespace tally {

class Console {
 public:
  Console();
  bool output_is_terminal() const { return output_is_terminal_; }
  bool messages_are_terminal() const { return messages_are_terminal_; }

  void result(std::string_view text);  // to stdout
  // To stdout, which is no terminal; by any thread while no other writes to stdout. False: it failed, now or before.
  bool stream(std::string_view text);
  void message(std::string_view line);   // to stderr, with a line end
  void progress(std::string_view line);  // over the last progress line, cut to the terminal's width; nothing in a pipe
  void end_progress();                   // takes the progress line away
  void control(std::string_view sequence);  // to a terminal on stdout, as it is, before the next result; else nothing
  bool output_failed() const { return output_errno_ != 0; }
  int output_errno() const {
    return output_errno_;
  }  // of the first failure to write to stdout; EPIPE: its reader has gone

 private:
  bool write_out(std::string_view text);
  bool keep_outcome(bool written);
  void write_message(std::string_view text);  // with stderr_mutex_, as is the next
  void wipe_progress();

  std::mutex stderr_mutex_;
  bool output_is_terminal_;
  bool messages_are_terminal_;
  bool progress_shown_ = false;
  std::string controls_;  // for the next result
  int output_errno_ = 0;
};

std::string human_seconds(double seconds);  // 0.31 s, 2 min 5 s, 1 h 10 min

}  // namespace tally

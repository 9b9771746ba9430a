// The shell at a terminal: prompt, history, completion. Threads: one.
#pragma once

#include <string>

#include "tools/shell/shell.h"

namespace tally {

struct PromptOptions {
  std::string greeting;
  bool read_rc = true;  // ~/.tallyrc, or what TALLYRC names
};

// Until \q, Ctrl-D or a polite kill.
void run_prompt(Shell& shell, SignalInbox& signals, const PromptOptions& options);

// What could stand at the cursor: commands behind a backslash, else parts of the statement that `earlier` lines begin.
Completions complete_typed(Shell& shell, const std::string& earlier, std::string_view before, std::string_view behind);

// As wide as each other: "tally> ", " ...'> " within a string.
std::string_view prompt_for(std::string_view text);

}  // namespace tally

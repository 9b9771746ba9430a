// What a person set in the shell: by commands, or in ~/.tallyrc. Threads: one.
#pragma once

#include "tools/shell/result_text.h"

namespace tally {

enum class Vertical : uint8_t { kOff, kOn, kAuto };  // kAuto: a table that is wider than the terminal

struct ShellSettings {
  ResultFormat format = ResultFormat::kTable;
  ResultStyle style = {};
  Vertical vertical = Vertical::kAuto;
  bool timing = false;  // a last line with rows, time, rows read and rate
  bool pager = true;    // for what is longer than the screen
};

}  // namespace tally

// One line from a person at a terminal, with editing, history and completion (libedit; ~/.editrc is honoured). A paste comes
// in whole, with its line feeds, and waits for Enter where the terminal marks pastes. Threads: one, one editor at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tools/shell/signal_inbox.h"

namespace tally {

// What could stand in place of the last `replaces` bytes before the cursor.
struct Completions {
  struct Choice {
    std::string text;
    std::string tail = {};  // behind the text once it is the only one: a space, a closing quote
  };
  size_t replaces = 0;
  std::vector<Choice> choices = {};  // in the order to show them
  bool more = false;                 // there are others
};

struct EditedLine {
  enum class Kind : uint8_t { kLine, kInterrupted, kEnd } kind = Kind::kEnd;
  std::string text;  // of kLine, without its line feed; UTF-8
};

class LineEditor {
 public:
  using Complete = std::function<Completions(std::string_view before_cursor, std::string_view behind_cursor)>;

  // Standard input and output are a terminal.
  static std::unique_ptr<LineEditor> make(SignalInbox& signals, Complete complete);
  virtual ~LineEditor() = default;

  virtual EditedLine read(std::string_view prompt) = 0;
  virtual void remember(std::string_view entry) = 0;  // for the arrow keys and Ctrl-R; may have several lines
};

// What a press of Tab does to the text: what replaces the last `replaces` bytes, if that is more than what stands there.
struct CompletionStep {
  std::string text;   // empty: nothing to insert
  bool list = false;  // show the choices
};
CompletionStep completion_step(const Completions& completions, std::string_view before_cursor);

// The choices in columns, for a terminal so many cells wide.
std::string choice_list(const Completions& completions, size_t width);

}  // namespace tally

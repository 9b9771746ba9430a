// Signals as something to wait for: Ctrl-C, a resized window, a polite kill. While a SignalInbox lives they only leave a note
// here, and make fd() readable; whoever waits takes the notes. SIGPIPE is ignored meanwhile: a reader that has gone shows as
// a failed write. Threads: one inbox at a time; wait() and take_*() by the thread that made it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace tally {

class SignalInbox {
 public:
  SignalInbox();
  ~SignalInbox();
  SignalInbox(const SignalInbox&) = delete;
  SignalInbox& operator=(const SignalInbox&) = delete;

  bool take_interrupt();     // SIGINT came since the last time
  void pass_interrupt_on();  // one that was taken: to whoever takes the next
  bool take_resize();        // SIGWINCH
  bool take_suspend();       // SIGTSTP, while catch_suspend(true)
  bool ended() const;        // SIGTERM or SIGHUP: leave, in order

  // Ctrl-Z must find the terminal as the parent shell knows it, so a line editor catches it; otherwise it stops at once.
  void catch_suspend(bool on);
  // Stops the process as Ctrl-Z would have; comes back when it is continued.
  void suspend_now();

  // Until a signal comes, `other` can be read (if it is not negative), or the time is over (nullopt: for ever).
  enum class Woken : uint8_t { kTime, kSignal, kOther };
  Woken wait(std::optional<TimeUs> timeout_us, int other = -1);

 private:
  void drain();
};

}  // namespace tally

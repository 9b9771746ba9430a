// Ctrl-C and a polite kill, as a flag to look at: while an InterruptGuard lives, the first SIGINT or SIGTERM only sets it;
// a second one ends the process as usual.
#pragma once

namespace tally {

class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

bool interrupted();

}  // namespace tally

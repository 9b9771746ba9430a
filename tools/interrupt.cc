#include "tools/interrupt.h"

#include <csignal>

#include <atomic>

namespace tally {

namespace {

std::atomic<bool> g_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void on_signal(int) { g_interrupted.store(true, std::memory_order_relaxed); }

void install(int signal, void (*handler)(int), int flags) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

// Without SA_RESTART: a read that waits for a pipe comes back.
InterruptGuard::InterruptGuard() {
  g_interrupted = false;
  install(SIGINT, on_signal, static_cast<int>(SA_RESETHAND));
  install(SIGTERM, on_signal, static_cast<int>(SA_RESETHAND));
}

InterruptGuard::~InterruptGuard() {
  install(SIGINT, SIG_DFL, 0);
  install(SIGTERM, SIG_DFL, 0);
}

bool interrupted() { return g_interrupted.load(std::memory_order_relaxed); }

}  // namespace tally

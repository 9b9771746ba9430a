#include "tools/shell/signal_inbox.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "base/status.h"

namespace tally {

namespace {

// What the handler touches: flags, and a pipe that wakes whoever waits.
std::atomic<bool> g_interrupt{false};
std::atomic<bool> g_resize{false};
std::atomic<bool> g_suspend{false};
std::atomic<bool> g_ended{false};
std::array<int, 2> g_pipe{-1, -1};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets them");

constexpr std::array kCaught{SIGINT, SIGWINCH, SIGTERM, SIGHUP};
std::array<struct sigaction, kCaught.size()> g_before;
struct sigaction g_pipe_before;

void on_signal(int signal) {
  const int saved = errno;
  switch (signal) {
    case SIGINT: g_interrupt.store(true); break;
    case SIGWINCH: g_resize.store(true); break;
    case SIGTSTP: g_suspend.store(true); break;
    default: g_ended.store(true); break;
  }
  const char note = 0;
  [[maybe_unused]] const ssize_t written = ::write(g_pipe[1], &note, 1);  // a full pipe wakes as well
  errno = saved;
}

// Without SA_RESTART: a read from the terminal comes back.
void install(int signal, void (*handler)(int), struct sigaction* before) {
  struct sigaction action{};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, before);
}

}  // namespace

SignalInbox::SignalInbox() {
  TALLY_CHECK(g_pipe[0] < 0);
  TALLY_CHECK(::pipe2(g_pipe.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  for (auto* flag : {&g_interrupt, &g_resize, &g_suspend, &g_ended}) flag->store(false);
  for (size_t i = 0; i < kCaught.size(); ++i) install(kCaught[i], on_signal, &g_before[i]);
  install(SIGPIPE, SIG_IGN, &g_pipe_before);
}

SignalInbox::~SignalInbox() {
  for (size_t i = 0; i < kCaught.size(); ++i) sigaction(kCaught[i], &g_before[i], nullptr);
  sigaction(SIGPIPE, &g_pipe_before, nullptr);
  catch_suspend(false);
  for (int& end : g_pipe) {
    ::close(end);
    end = -1;
  }
}

bool SignalInbox::take_interrupt() { return g_interrupt.exchange(false); }
void SignalInbox::pass_interrupt_on() { g_interrupt.store(true); }
bool SignalInbox::take_resize() { return g_resize.exchange(false); }
bool SignalInbox::take_suspend() { return g_suspend.exchange(false); }
bool SignalInbox::ended() const { return g_ended.load(); }

void SignalInbox::catch_suspend(bool on) { install(SIGTSTP, on ? on_signal : SIG_DFL, nullptr); }

void SignalInbox::suspend_now() {
  catch_suspend(false);
  ::kill(::getpid(), SIGTSTP);
  catch_suspend(true);
}

void SignalInbox::drain() {
  std::array<char, 64> notes;
  while (::read(g_pipe[0], notes.data(), notes.size()) > 0) {
  }
}

SignalInbox::Woken SignalInbox::wait(std::optional<TimeUs> timeout_us, int other) {
  std::array<pollfd, 2> watched{{{g_pipe[0], POLLIN, 0}, {other, POLLIN, 0}}};
  timespec time{};
  if (timeout_us) {
    time.tv_sec = *timeout_us / kMicrosPerSecond;
    time.tv_nsec = *timeout_us % kMicrosPerSecond * 1000;
  }
  const int ready = ::ppoll(watched.data(), other < 0 ? 1 : 2, timeout_us ? &time : nullptr, nullptr);
  if (ready < 0) {
    drain();
    return Woken::kSignal;  // interrupted: what came left its note
  }
  if ((watched[0].revents & POLLIN) != 0) {
    drain();
    return Woken::kSignal;
  }
  return ready == 0 ? Woken::kTime : Woken::kOther;
}

}  // namespace tally

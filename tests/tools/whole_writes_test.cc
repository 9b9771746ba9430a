// A terminal that takes its time, and signals that come meanwhile.
#include "tools/whole_writes.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

namespace tally {
namespace {

// SIGUSR1 does nothing, but breaks off what a thread waits for, as the signals of a shell do.
class HarmlessSignal {
 public:
  HarmlessSignal() {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    sigaction(SIGUSR1, &action, &before_);
  }
  ~HarmlessSignal() { sigaction(SIGUSR1, &before_, nullptr); }

 private:
  struct sigaction before_{};
};

struct Terminal {
  Terminal() {
    termios settings{};
    cfmakeraw(&settings);
    REQUIRE(::openpty(&keyboard, &screen, nullptr, &settings, nullptr) == 0);
  }
  ~Terminal() {
    ::close(keyboard);
    ::close(screen);
  }
  int keyboard = -1;  // what a person sees is read from here
  int screen = -1;    // what a program writes goes there
};

// What the person sees until `size` bytes have come or none does for a second; each read comes behind a signal to the writer.
std::string seen_under_signals(const Terminal& terminal, std::thread& writer, size_t size) {
  std::string seen(size, '\0');
  size_t have = 0;
  while (have < size) {
    pthread_kill(writer.native_handle(), SIGUSR1);
    pollfd ready{terminal.keyboard, POLLIN, 0};
    if (::poll(&ready, 1, 1000) <= 0) break;
    const ssize_t count = ::read(terminal.keyboard, seen.data() + have, size - have);
    if (count <= 0) break;
    have += static_cast<size_t>(count);
  }
  seen.resize(have);
  return seen;
}

std::string numbers() {
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += std::to_string(i) + "\n";
  return text;
}

TEST_CASE("whole writes: a terminal gets all of it, whatever signals come") {
  const HarmlessSignal signal;
  const Terminal terminal;
  const std::string text = numbers();
  std::atomic<bool> ended{false};
  bool written = false;
  SUBCASE("at once") {
    std::thread writer([&] {
      written = write_whole(terminal.screen, text);
      while (!ended) std::this_thread::yield();  // there to be signalled
    });
    const bool all = seen_under_signals(terminal, writer, text.size()) == text;
    ended = true;
    writer.join();
    CHECK(all);
  }
  SUBCASE("through stdio, in pieces") {
    std::thread writer([&] {
      const Stream stream = whole_stream(terminal.screen);
      for (size_t at = 0; at < text.size(); at += 100) std::fputs(text.substr(at, 100).c_str(), stream.get());
      written = std::fflush(stream.get()) == 0 && std::ferror(stream.get()) == 0;
      while (!ended) std::this_thread::yield();
    });
    const bool all = seen_under_signals(terminal, writer, text.size()) == text;
    ended = true;
    writer.join();
    CHECK(all);
  }
  CHECK(written);
}

TEST_CASE("whole writes: a failure is told, with its reason") {
  errno = 0;
  CHECK_FALSE(write_whole(-1, "x"));
  CHECK(errno == EBADF);
  const Stream stream = whole_stream(-1);
  std::fputs("x", stream.get());
  CHECK(std::fflush(stream.get()) != 0);
}

}  // namespace
}  // namespace tally

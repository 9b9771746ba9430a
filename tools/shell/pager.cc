#include "tools/shell/pager.h"

#include <fcntl.h>
#include <langinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "tools/terminal_text.h"
#include "tools/whole_writes.h"

namespace tally {

namespace {

constexpr int kNotFound = 127;  // what a shell says of a program that is not there

bool is_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    if (::access((std::string(rest.substr(0, end)) + "/" + program).c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

[[noreturn]] void run_pager(const std::string& command, int input) {
  ::dup2(input, STDIN_FILENO);
  for (const int signal : {SIGINT, SIGPIPE, SIGTSTP}) std::signal(signal, SIG_DFL);
  ::setenv("LESS", "FSX", 0);
  if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") ::setenv("LESSCHARSET", "utf-8", 0);
  ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
  ::_exit(kNotFound);
}

}  // namespace

bool is_larger_than(std::string_view text, TerminalSize screen) {
  size_t lines = 0;
  for (size_t at = 0; at < text.size(); ++lines) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (lines + 2 > screen.rows) return true;
    if (end - at > screen.columns && display_width(text.substr(at, end - at)) > screen.columns) return true;
    at = end + 1;
  }
  return false;
}

std::string pager_command() {
  if (const char* wanted = std::getenv("PAGER")) return wanted;
  return is_in_path("less") ? "less -S" : "";
}

bool show_in_pager(const std::string& command, std::string_view text) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) run_pager(command, ends[0]);
  ::close(ends[0]);
  if (child > 0) write_whole(ends[1], text);  // whoever reads may leave before the end
  ::close(ends[1]);
  if (child < 0) return false;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return !(WIFEXITED(status) && WEXITSTATUS(status) == kNotFound);
}

}  // namespace tally
